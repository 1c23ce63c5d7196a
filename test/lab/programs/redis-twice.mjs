/** redis is started while it runs: refused once, it exits. */

import { scenario } from "./lib/stage.mjs";

await scenario(["redis-server"], async (stage) => {
  const redis = () => stage.start("redis-server", ["--port", stage.port, "--bind", "0.0.0.0", "--save", ""]);
  const first = redis();
  await stage.listening(first.pid);

  const second = redis();
  await second.says(/bind: Address already in use/);
  await stage.refused({ pid: second.pid, via: { [first.pid]: "created" }, nature: "process", release: "close", attempts: 1 });
  await second.failed();
  await first.end();
});
