/**
 * A worker of a Node cluster closes its server and wants to listen again, by itself: refused, for the primary still has
 * the port for the other worker. A program that was started because "the worker has closed" is refused as well.
 */

import { REFUSED, scenario } from "./lib/stage.mjs";

await scenario([], async (stage) => {
  const primary = stage.node("relisten.mjs");
  const story = { address: "::", via: { [primary.pid]: "created" }, nature: "process", release: "exit" };
  const [, worker] = await primary.says(REFUSED);
  await stage.refused({ pid: Number(worker), ...story, notes: ["cluster-worker", "cluster-primary", "libuv-reports-listen"] });

  const server = stage.node("server.mjs");
  await server.says(REFUSED);
  await stage.refused({ pid: server.pid, ...story, notes: ["cluster-primary", "libuv-reports-listen"] });
  await server.failed();
  await primary.end();
});
