/**
 * systemd's socket activation has the port, first without a service. The first connection makes it one: the process
 * that bound the socket executes the server, which finds it as descriptor 3.
 */

import { app } from "./lib/installed.mjs";
import { scenario } from "./lib/stage.mjs";
import { hold } from "./lib/wait.mjs";

await scenario(["systemd-socket-activate"], async (stage) => {
  const service = [process.execPath, app("server.mjs"), stage.port, "--fd", "3"];
  const activator = stage.start("systemd-socket-activate", ["-l", stage.port, "--", ...service]);
  await stage.listening(activator.pid);
  await refused();

  const client = await hold(stage.port);
  await activator.says(/listening/);
  await refused();
  client.resetAndDestroy();
  await activator.end();

  async function refused() {
    const server = stage.node("server.mjs");
    await server.says(/refused listen EADDRINUSE/);
    await stage.refused({
      pid: server.pid,
      address: "::",
      via: { [activator.pid]: "created" },
      nature: "process",
      notes: ["systemd-socket", "libuv-reports-listen"],
      release: "exit",
    });
    await server.failed();
  }
});
