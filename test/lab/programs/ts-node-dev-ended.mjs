/**
 * ts-node-dev is ended while its server finishes a request: it exits at once and leaves the server behind, which has the
 * port until its client has gone. A ts-node-dev started meanwhile is refused.
 */

import { REFUSED, scenario } from "./lib/stage.mjs";
import { gone, hold } from "./lib/wait.mjs";

await scenario(["ts-node-dev"], async (stage) => {
  const cwd = stage.project();
  const watcher = () => stage.start("ts-node-dev", ["--respawn", "--transpile-only", "server.mjs", stage.port, "--linger"], { cwd });
  const first = watcher();
  const [, old] = await first.says(/^listening (\d+)/);
  const client = await hold(stage.port);
  await first.end();

  const second = watcher();
  const [, pid] = await second.says(REFUSED);
  await stage.refused({
    pid: Number(pid),
    address: "::",
    via: { [old]: "created" },
    nature: "process",
    notes: ["launcher-gone", "libuv-reports-listen"],
    release: "exit",
    attempts: 1,
  });
  client.resetAndDestroy();
  await gone(Number(old));
  await second.end();
});
