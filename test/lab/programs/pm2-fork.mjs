/** pm2 starts two instances, not in its cluster mode but as plain programs: the second is refused however often it is restarted. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, REFUSED, scenario } from "./lib/stage.mjs";

const ATTEMPTS = 3;

await scenario(["pm2"], async (stage) => {
  const cwd = stage.project();
  const file = join(stage.folder, "server.log");
  const log = { out_file: file, error_file: file, merge_logs: true };
  const restarts = { max_restarts: ATTEMPTS, min_uptime: 60_000 };
  const apps = [{ name: "server", script: "server.mjs", args: `${stage.port}`, instances: 2, exec_mode: "fork", ...restarts, ...log }];
  writeFileSync(join(cwd, "ecosystem.config.cjs"), `module.exports = ${JSON.stringify({ apps })};\n`);
  const env = { PM2_HOME: join(stage.folder, "pm2") };
  const pm2 = (...args) => stage.start("pm2", args, { cwd, env });

  const start = pm2("start", "ecosystem.config.cjs");
  await start.exited;
  const server = stage.log(file);
  const [, holder] = await stage.log(file).says(/^listening (\d+)/);
  for (let attempts = 1; attempts <= ATTEMPTS; attempts += 1) {
    const [, pid] = await server.says(REFUSED);
    await stage.refused({
      pid: Number(pid),
      address: "::",
      via: { [holder]: "created" },
      nature: "process",
      notes: ["pm2-fork-mode", "libuv-reports-listen"],
      release: "exit",
      ...(attempts === ATTEMPTS && { attempts }),
    });
  }
  const end = pm2("kill");
  const { code } = await end.exited;
  expect(code === 0, `pm2 kill exited with ${code}`);
});
