// check-situations.mjs FOLDER: compares what situations.sh brought back from a guest, as test/live/situations.test.ts does.
// truth.txt: "# name" before the truths of each situation, "# exit code" or "# skip why" after them; report.jsonl, trace.jsonl.gz: bindtrace's.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const folder = process.argv[2] ?? ".";
const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const report = readFileSync(join(folder, "report.jsonl"), "utf8");
const failures = report
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line))
  .filter(({ type }) => type === "failure");

const sorted = (items) => [...items].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

/**
 * What the failure says of those things that the truth knows. Where it says itself that it came too late to find every
 * holder, which is no wonder on an emulated machine, those of the truth count as found.
 */
function blame(failure, truth) {
  const { binder } = failure;
  const claim = {};
  for (const key of Object.keys(truth)) claim[key] = truth[key] === null ? null : (binder[key] ?? failure[key] ?? null);
  claim.blockers = failure.blockers.map((blocker) => {
    const { inode, protocol, state, family, address, peer, rule } = blocker;
    const unseen = blocker.holdersComplete ? [] : (truth.blockers.find((expected) => expected.inode === inode)?.holders ?? []);
    const holders = [...new Set([...blocker.holders.map(({ pid }) => pid), ...unseen])].sort((a, b) => a - b);
    return { inode, protocol, state, family, address, peer, rule, holders };
  });
  return { ...claim, blockers: sorted(claim.blockers) };
}

let wrong = 0;
function check(name, problems) {
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name}`);
  for (const problem of problems) console.log(`       ${problem}`);
  wrong += problems.length === 0 ? 0 : 1;
}

let situation = "";
let truths = [];
for (const line of readFileSync(join(folder, "truth.txt"), "utf8").split("\n")) {
  if (line.startsWith("{")) {
    truths.push(JSON.parse(line));
  } else if (line.startsWith("# exit ")) {
    const problems = line === "# exit 0" ? [] : [`it ended with ${line.slice(2)}`];
    if (truths.length === 0) problems.push("it told no truth");
    for (const truth of truths) {
      const expected = { ...truth, blockers: sorted(truth.blockers) };
      // By the process, so that one failure too few or too many spoils one situation only.
      const at = failures.findIndex(({ binder, operation }) => binder.pid === truth.pid && operation === truth.operation);
      const [failure] = at === -1 ? [] : failures.splice(at, 1);
      if (!failure) problems.push(`no failure for ${JSON.stringify(expected)}`);
      else if (!isDeepStrictEqual(blame(failure, truth), expected)) {
        problems.push(`truth     ${JSON.stringify(expected)}`, `bindtrace ${JSON.stringify(blame(failure, truth))}`);
      }
    }
    check(situation, problems);
    truths = [];
  } else if (line.startsWith("# skip ")) {
    console.log(`skip ${situation}: ${line.slice(7)}`);
  } else if (line.startsWith("# ")) {
    situation = line.slice(2);
  }
}
check(
  "no failure but those",
  failures.map((failure) => JSON.stringify(failure)),
);
const replayed = spawnSync(process.execPath, [CLI, "replay", join(folder, "trace.jsonl.gz"), "--json"], { encoding: "utf8" });
check(
  "replay",
  replayed.status === 1 && replayed.stdout === report ? [] : [`exit code ${replayed.status}, or another report. ${replayed.stderr}`],
);
process.exitCode = wrong === 0 ? 0 : 1;
