/** docker-proxy has the published port of a container: a server on the host is refused, and so is a second container's. */

import { scenario } from "./lib/stage.mjs";

await scenario(["docker-proxy"], async (stage) => {
  const first = dockerProxy(stage);
  await first.says(/^0$/);
  await stage.listening(first.pid);
  const story = { via: { [first.pid]: "created" }, nature: "process", notes: ["docker-proxy"], release: "close" };

  const server = stage.node("server.mjs", ["--host", "0.0.0.0"]);
  await server.says(/refused listen EADDRINUSE/);
  await stage.refused({ pid: server.pid, ...story, notes: [...story.notes, "libuv-reports-listen"] });

  const second = dockerProxy(stage);
  await second.says(/address already in use/);
  await stage.refused({ pid: second.pid, ...story });
  await second.exited;
  await first.end();
});

/** As dockerd starts it; what comes of it is told on descriptor 3: "0", or "1" and the error. */
function dockerProxy(stage) {
  const args = ["-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", stage.port, "-container-ip", "172.17.0.2", "-container-port", 80];
  return stage.start("docker-proxy", args, { stdio: ["ignore", "pipe", "pipe", "pipe"] });
}
