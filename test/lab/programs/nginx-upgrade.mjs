/**
 * nginx's binary is replaced as its manual says: the new master is executed by the old one and inherits the listener, so
 * nothing is refused. The old master is ended: who wants the port now meets holders that never bound it.
 */

import { configured, masterOf, nginx } from "./lib/nginx.mjs";
import { kill, REFUSED, scenario } from "./lib/stage.mjs";
import { childOf, gone } from "./lib/wait.mjs";

await scenario(["nginx"], async (stage) => {
  const folder = configured(stage, "nginx", { daemon: true });
  const start = nginx(stage, folder);
  await start.exited;
  const old = stage.adopt(await masterOf(folder));
  await childOf(old);
  kill(old, "SIGUSR2");
  const master = stage.adopt(await masterOf(folder, old));
  const worker = await childOf(master);
  kill(old, "SIGQUIT");
  await gone(old);
  await stage.listening(master, worker);

  const server = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await server.says(REFUSED);
  await stage.refused({
    pid: server.pid,
    via: { [master]: "inherited", [worker]: "inherited" },
    nature: "process",
    notes: ["server-master", "libuv-reports-listen"],
    release: "close",
    steps: [
      ["bound", start.pid],
      ["forked", start.pid],
      ["exited", start.pid],
      ["forked", old],
      ["exited", old],
    ],
  });
  await server.failed();
  kill(master, "SIGQUIT");
  await gone(master);
});
