/**
 * tsx watch restarts a server that finishes its requests first, and waits for it: no bind is refused. But when tsx itself
 * is killed, the server lives on and keeps the port, and the next tsx watch fails.
 */

import { REFUSED, scenario } from "./lib/stage.mjs";
import { gone, hold } from "./lib/wait.mjs";

await scenario(["tsx"], async (stage) => {
  const cwd = stage.project();
  const tsx = () => stage.start("tsx", ["watch", "server.mjs", stage.port, "--linger"], { cwd, stdio: ["pipe", "pipe", "pipe"] });
  const first = tsx();
  const [, old] = await first.says(/^listening (\d+)/);
  const client = await hold(stage.port);
  first.child.stdin.write("\n"); // "Press Return to manually rerun"
  await first.says(/^SIGTERM/);
  client.resetAndDestroy();
  const [, server] = await first.says(/^listening (\d+)/);
  await gone(Number(old));
  await first.end("SIGKILL");

  const second = tsx();
  const [, pid] = await second.says(REFUSED);
  await stage.refused({
    pid: Number(pid),
    address: "::",
    via: { [server]: "created" },
    nature: "process",
    notes: ["launcher-gone", "same-command", "libuv-reports-listen"],
    release: "exit",
    attempts: 1,
    restart: true,
  });
  await second.end();
});
