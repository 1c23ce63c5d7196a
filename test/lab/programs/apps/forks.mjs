/** forks.mjs: a program that starts a copy of itself. child_process.fork hands on --inspect as it is. */

import { fork } from "node:child_process";

if (process.send) {
  process.on("disconnect", () => process.exit());
  process.send("started");
} else {
  const child = fork(new URL(import.meta.url));
  child.once("message", () => console.log(`started ${child.pid}`));
}
