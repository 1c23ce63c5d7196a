/** nginx is started while it runs: the second master tries five times, half a second apart, and gives up. */

import { configured, nginx } from "./lib/nginx.mjs";
import { scenario } from "./lib/stage.mjs";
import { childOf } from "./lib/wait.mjs";

await scenario(["nginx"], async (stage) => {
  const first = nginx(stage, configured(stage, "first"));
  const worker = await childOf(first.pid);
  await stage.listening(first.pid, worker);

  const second = nginx(stage, configured(stage, "second"));
  for (let attempts = 1; attempts <= 5; attempts += 1) {
    await second.says(/bind\(\) to 0\.0\.0\.0:\d+ failed \(98/);
    await stage.refused({
      pid: second.pid,
      via: { [first.pid]: "created", [worker]: "inherited" },
      nature: "process",
      notes: ["server-master"],
      release: "close",
      ...(attempts === 5 && { attempts }),
    });
  }
  await second.failed();
  await first.end();
});
