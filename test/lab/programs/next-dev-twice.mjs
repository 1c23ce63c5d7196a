/**
 * next dev is started while it runs, with the port given: refused, where without one it would try the next ports. Then
 * it is killed, but the server process that it started keeps the port, and the next start fails as well.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { INSTALLED } from "./lib/installed.mjs";
import { scenario } from "./lib/stage.mjs";
import { childOf } from "./lib/wait.mjs";

await scenario(["next"], async (stage) => {
  const cwd = stage.makeFolder(INSTALLED); // it refuses packages that lie elsewhere
  mkdirSync(join(cwd, "pages"));
  writeFileSync(join(cwd, "pages/index.js"), 'export default () => "hello";\n');
  writeFileSync(join(cwd, "next.config.mjs"), `export default { turbopack: { root: ${JSON.stringify(INSTALLED)} } };\n`);
  const next = () => stage.start("next", ["dev", "-p", stage.port], { cwd, env: { NEXT_TELEMETRY_DISABLED: "1" } });
  const first = next();
  const server = await childOf(first.pid);
  await stage.listening(server);
  await refused([]);
  await first.end("SIGKILL");
  await refused(["launcher-gone"]);

  async function refused(notes) {
    const second = next();
    const pid = await childOf(second.pid);
    await second.says(/EADDRINUSE/);
    await stage.refused({
      pid,
      address: "::",
      via: { [server]: "created" },
      nature: "process",
      notes: ["libuv-reports-listen", ...notes],
      release: "exit",
    });
    await second.failed();
  }
});
