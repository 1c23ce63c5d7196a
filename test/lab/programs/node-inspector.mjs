/** A program runs with --inspect and forks a child, which inherits the flag with its port: the child's inspector is refused. */

import { scenario } from "./lib/stage.mjs";

await scenario([], async (stage) => {
  const parent = stage.node("forks.mjs", [], { flags: [`--inspect=127.0.0.1:${stage.port}`] });
  await parent.said(/Starting inspector on 127\.0\.0\.1:\d+ failed: address already in use/);
  const [, child] = await parent.said(/^started (\d+)/);
  await stage.refused({
    pid: Number(child),
    address: "127.0.0.1",
    via: { [parent.pid]: "created" },
    nature: "process",
    notes: ["inspector-port"],
    release: "exit",
    attempts: 1,
  });
  await parent.end();
});
