// check-bindsnoop.mjs FOLDER: what bindsnoop.sh is about. bindsnoop.txt: PID COMM RET PROTO OPTS IF PORT ADDR, a bind a line.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const lines = (name) => readFileSync(join(folder, name), "utf8").split("\n");
const objects = (name) =>
  lines(name)
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

const truths = objects("bindtrace.truth");
const failures = objects("bindtrace.jsonl").filter(({ type }) => type === "failure");
const shown = lines("bindsnoop.txt")
  .map((line) => line.trim().split(/\s+/))
  .filter(([pid]) => /^\d+$/.test(pid ?? ""))
  .map(([pid, comm, result]) => ({ pid: Number(pid), comm, result: Number(result) }));

let wrong = 0;
function check(name, holds) {
  console.log(`${holds ? "ok  " : "FAIL"} ${name}`);
  wrong += holds ? 0 : 1;
}

const inodes = (blockers) => JSON.stringify(blockers.map(({ inode }) => inode));
check("three binds were refused", truths.length === 3);
for (const { pid, rule, blockers } of truths) {
  const passed = shown.filter((bind) => bind.pid === pid && bind.result === 0).length;
  const refused = shown.filter((bind) => bind.pid === pid && bind.result !== 0).length;
  check(`bindsnoop shows the binds of ${pid} that passed`, passed > 0);
  check(`bindsnoop does not show the one that was refused`, refused === 0);
  const failure = failures.find(({ binder }) => binder.pid === pid);
  check(`bindtrace shows it, with its blocker: ${rule}`, failure?.rule === rule && inodes(failure.blockers) === inodes(blockers));
}
process.exitCode = wrong === 0 ? 0 : 1;
