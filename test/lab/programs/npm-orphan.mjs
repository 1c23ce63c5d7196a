/** npm start is killed, but the server that it started lives on and keeps the port: the next npm start fails. */

import { REFUSED, scenario } from "./lib/stage.mjs";

await scenario(["npm"], async (stage) => {
  const cwd = stage.project({ start: `node server.mjs ${stage.port}` });
  const npm = () => stage.start("npm", ["start"], { cwd });
  const first = npm();
  const [, server] = await first.says(/^listening (\d+)/);
  await stage.listening(Number(server));
  await first.end("SIGKILL");

  const second = npm();
  const [, pid] = await second.says(REFUSED);
  await stage.refused({
    pid: Number(pid),
    address: "::",
    via: { [server]: "created" },
    nature: "process",
    notes: ["launcher-gone", "same-command", "libuv-reports-listen"],
    release: "exit",
    attempts: 1,
  });
  await second.failed();
});
