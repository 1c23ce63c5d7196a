/** A server that gets SIGTERM finishes its last request before it exits, and listens until then: the next one has to wait. */

import { REFUSED, scenario } from "./lib/stage.mjs";
import { hold } from "./lib/wait.mjs";

const ATTEMPTS = 3;

await scenario([], async (stage) => {
  const old = stage.node("server.mjs", ["--linger"]);
  await old.says(/^listening/);
  const client = await hold(stage.port);
  old.child.kill("SIGTERM");
  await old.says(/^SIGTERM/);

  const next = stage.node("server.mjs", ["--retry"], { stdio: ["pipe", "pipe", "pipe"] });
  for (let attempts = 1; attempts <= ATTEMPTS; attempts += 1) {
    await next.says(REFUSED);
    await stage.refused({
      pid: next.pid,
      address: "::",
      via: { [old.pid]: "created" },
      nature: "process",
      notes: ["libuv-reports-listen"],
      release: "exit",
      restart: true,
      ...(attempts === ATTEMPTS && { attempts }),
    });
    if (attempts === ATTEMPTS) {
      client.resetAndDestroy();
      await old.exited;
    }
    next.child.stdin.write("\n");
  }
  await next.says(/^listening/);
  await next.end();
});
