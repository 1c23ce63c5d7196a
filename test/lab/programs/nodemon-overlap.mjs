/**
 * nodemon restarts a server that finishes its requests first. It waits for the shell that it started, which dies of the
 * signal; so the new server starts while the old one still listens, is refused, and the "app crashed". After the old
 * one's last request the next change helps.
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { REFUSED, scenario } from "./lib/stage.mjs";
import { gone, hold } from "./lib/wait.mjs";

await scenario(["nodemon"], async (stage) => {
  const cwd = stage.project({ start: `node server.mjs ${stage.port} --linger` });
  const nodemon = stage.start("nodemon", ["--verbose", "--exec", "npm start"], { cwd });
  await nodemon.said(/watching \d+ file/);
  const [, old] = await nodemon.says(/^listening (\d+)/);
  const client = await hold(stage.port);

  change();
  const [, pid] = await nodemon.says(REFUSED);
  await stage.refused({
    pid: Number(pid),
    address: "::",
    via: { [old]: "created" },
    nature: "process",
    notes: ["watcher-overlap", "launcher-gone", "libuv-reports-listen"],
    release: "exit",
    attempts: 1,
    restart: true,
  });
  await nodemon.says(/app crashed/);
  client.resetAndDestroy();
  await gone(Number(old));

  change();
  await nodemon.says(/^listening/);
  await nodemon.end();

  function change() {
    appendFileSync(join(cwd, "server.mjs"), "\n");
  }
});
