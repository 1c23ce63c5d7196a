/** Two workers of a Node cluster listen on the port with exclusive: true, so that each binds it: the second is refused. */

import { REFUSED, scenario } from "./lib/stage.mjs";

await scenario([], async (stage) => {
  const primary = stage.node("cluster.mjs", ["--exclusive"]);
  const [, first] = await primary.says(/^listening (\d+)/);
  const [, second] = await primary.says(REFUSED);
  await stage.refused({
    pid: Number(second),
    address: "::",
    via: { [first]: "created" },
    nature: "process",
    notes: ["cluster-worker", "libuv-reports-listen"],
    release: "exit",
    attempts: 1,
  });
  await primary.end();
});
