/**
 * A server is killed while it has a client. Its listener died with it, but the connection lingers in the kernel until the
 * client ends it, too: that refuses socat, which does not set SO_REUSEADDR, and not the same server started anew.
 */

import { sockets } from "./lib/proc.mjs";
import { scenario } from "./lib/stage.mjs";
import { hold, until } from "./lib/wait.mjs";

await scenario(["socat"], async (stage) => {
  const old = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await old.says(/^listening/);
  const client = await hold(stage.port);
  await old.end("SIGKILL");
  await until(() => sockets(stage.port).every(({ state }) => state === "TIME_WAIT")); // its FIN is acknowledged

  const socat = stage.start("socat", [`TCP4-LISTEN:${stage.port}`, "SYSTEM:echo hello"]);
  await socat.says(/Address already in use/);
  await stage.refused({ pid: socat.pid, by: { TIME_WAIT: "time-wait-binder-lacks-reuseaddr" }, nature: "time-wait" });
  await socat.failed();

  const next = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await next.says(/^listening/);
  client.resetAndDestroy();
  await next.end();
});
