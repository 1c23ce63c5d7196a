/**
 * A server that gets SIGTERM closes its listener at once and finishes its last request; the next one has the port
 * meanwhile. No bind is refused: all of these sockets have SO_REUSEADDR, and what is left of the old server does not listen.
 */

import { scenario } from "./lib/stage.mjs";
import { hold } from "./lib/wait.mjs";

await scenario([], async (stage) => {
  const old = stage.node("server.mjs", ["--drain"]);
  await old.says(/^listening/);
  const client = await hold(stage.port);
  old.child.kill("SIGTERM");
  await stage.listening();
  const next = stage.node("server.mjs");
  await next.says(/^listening/);
  client.resetAndDestroy();
  await old.exited;
  stage.nothingRefused({ restart: true });
  await next.end();
});
