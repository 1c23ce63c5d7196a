/** Two workers of a Node cluster listen on the port, and none is refused: the primary has bound it for both. */

import { scenario } from "./lib/stage.mjs";

await scenario([], async (stage) => {
  const primary = stage.node("cluster.mjs");
  for (let workers = 0; workers < 2; workers += 1) await primary.says(/^listening/);
  await stage.listening(primary.pid);
  stage.nothingRefused();
  await primary.end();
});
