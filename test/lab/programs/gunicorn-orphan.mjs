/**
 * gunicorn's master is killed, and its worker, which is stopped, keeps the port. The new gunicorn tries five times, once a
 * second, and gives up. Continued, the worker sees that its parent has changed and exits: now gunicorn starts.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PYTHON, program } from "./lib/installed.mjs";
import { kill, scenario } from "./lib/stage.mjs";
import { childOf, gone } from "./lib/wait.mjs";

const ATTEMPTS = 5;

await scenario(["gunicorn"], async (stage) => {
  writeFileSync(join(stage.folder, "hello.py"), "def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n");
  // The worker looks for its parent every half of the timeout, in seconds.
  const gunicorn = () =>
    stage.start(PYTHON, [
      program("gunicorn"),
      "--timeout",
      2,
      "--pythonpath",
      stage.folder,
      "--bind",
      `0.0.0.0:${stage.port}`,
      "hello:app",
    ]);
  const first = gunicorn();
  await first.says(/Booting worker/);
  const worker = await childOf(first.pid);
  await stage.listening(first.pid, worker);
  kill(worker, "SIGSTOP");
  await first.end("SIGKILL");

  const second = gunicorn();
  for (let attempts = 1; attempts <= ATTEMPTS; attempts += 1) {
    await second.says(/Connection in use/);
    await stage.refused({
      pid: second.pid,
      via: { [worker]: "inherited" },
      nature: "process",
      notes: ["stopped-holder"],
      release: "close",
      steps: [
        ["bound", first.pid],
        ["listened", first.pid],
        ["forked", first.pid],
        ["exited", first.pid],
      ],
      ...(attempts === ATTEMPTS && { attempts }),
    });
  }
  await second.failed();
  kill(worker, "SIGCONT");
  await gone(worker);
  const third = gunicorn();
  await third.says(/Booting worker/);
  await third.end();
});
