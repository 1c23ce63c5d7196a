/** uvicorn --reload: the reloader binds the port, and the server that it starts inherits the socket and listens. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PYTHON, program } from "./lib/installed.mjs";
import { scenario } from "./lib/stage.mjs";

await scenario(["uvicorn"], async (stage) => {
  writeFileSync(join(stage.folder, "hello.py"), "async def app(scope, receive, send):\n    pass\n");
  const uvicorn = () => stage.start(PYTHON, [program("uvicorn"), "--reload", "--host", "0.0.0.0", "--port", stage.port, "hello:app"]);
  const first = uvicorn();
  const [, server] = await first.says(/Started server process \[(\d+)\]/);
  await stage.listening(first.pid, Number(server));

  const second = uvicorn();
  await second.says(/Address already in use/);
  await stage.refused({
    pid: second.pid,
    via: { [first.pid]: "created", [server]: "inherited" },
    nature: "process",
    notes: ["server-master"],
    release: "close",
    steps: [
      ["bound", first.pid],
      ["forked", first.pid],
      ["listened", Number(server)],
    ],
    attempts: 1,
  });
  await second.failed();
  await first.end();
});
