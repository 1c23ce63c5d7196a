// check-situations.mjs FOLDER KERNEL HOOKS LABEL PROGRAM…: compares what situations.sh brought back from a guest, as
// test/live/situations.test.ts does, and appends a line a result to results.jsonl beside the folder.
// In the folder, of each LABEL: .jsonl and .jsonl.gz, bindtrace's report and trace; .code, its exit code; and .truth, with
// "# name" before the truths of each program, "# exit code" after them, "# skip why" instead of them. What a truth tells as
// its story, and lines about what is no refusal, are not compared here.

import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const [folder = ".", kernel, hooks = "", label, ...programs] = process.argv.slice(2);
const path = (extension) => join(folder, `${label}.${extension}`);
const read = (extension) => (existsSync(path(extension)) ? readFileSync(path(extension), "utf8") : "");
/** Without the last one, if the guest died in the middle of it. */
const lines = (text) => text.split("\n").slice(0, -1);

const report = read("jsonl");
const records = lines(report).map((line) => JSON.parse(line));
const failures = records.filter(({ type }) => type === "failure");
/** Whether that blocker had let the port go by then. */
const released = (failure, socket, time) =>
  records.some((record) => record.type === "release" && record.failure === failure && record.socket === socket && record.at < time);
for (const { failure, socket, holders, complete, scannedAt } of records.filter(({ type }) => type === "holders")) {
  const blocker = failures.find(({ id }) => id === failure)?.blockers.find((one) => one.socket === socket);
  // A search that began too late finds nobody, and says when it was.
  if (blocker && !released(failure, socket, scannedAt)) Object.assign(blocker, { holders, holdersComplete: complete });
}

const sorted = (items) => [...items].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

/** The ground truth, with what it leaves unsaid. */
const whole = ({ story, ...truth }) => ({ errno: "EADDRINUSE", requestedPort: truth.port, ...truth, blockers: sorted(truth.blockers) });

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

const run = new Date().toISOString();
let wrong = 0;
function tell(situation, result, problems) {
  const name = `${result.padEnd(4)} ${situation}`;
  if (result === "skip") console.log(`${name}: ${problems.join()}`);
  else console.log([name, ...problems.map((problem) => `       ${problem}`)].join("\n"));
  const line = { run, kernel, hooks: label, situation, result, why: problems };
  appendFileSync(join(dirname(folder), "results.jsonl"), `${JSON.stringify(line)}\n`);
  wrong += result === "FAIL" ? 1 : 0;
}
const check = (situation, problems) => tell(situation, problems.length === 0 ? "ok" : "FAIL", problems);

/** What was said by each program, by its name. */
const said = new Map();
let last;
for (const line of lines(read("truth"))) {
  const [, word, rest] = /^# (exit|skip) (.*)$/.exec(line) ?? [];
  if (word) Object.assign(last, { [word]: rest });
  else if (line.startsWith("# ")) {
    last = { truths: [] };
    said.set(line.slice(2), last);
  } else if (line.startsWith("{")) last.truths.push(JSON.parse(line));
}

/** A listener that a process closed, or left behind at its end, is told with that. */
const unexplained = records.filter(({ type, via, failure, socket }) => {
  const blocker = failures.find(({ id }) => id === failure)?.blockers.find((one) => one.socket === socket);
  return type === "release" && via === "unknown" && blocker?.state === "LISTEN" && blocker.protocol === "tcp";
});

const doubtful = [];
for (const name of programs.map((program) => basename(program, extname(program)))) {
  const { truths, exit, skip } = said.get(name) ?? { truths: [] };
  if (skip && truths.length === 0 && (exit ?? "0") === "0") {
    tell(name, "skip", [skip]);
    continue;
  }
  const due = truths.some((line) => "absence" in line) ? "1" : "0";
  const problems = exit === due ? [] : [exit ? `it ended with exit code ${exit}` : "it did not run to its end"];
  if (truths.length === 0) problems.push("it told no truth");
  for (const truth of truths.filter((line) => "rule" in line).map(whole)) {
    // By the process, so that one failure too few or too many spoils one situation only.
    const at = failures.findIndex(({ binder, operation }) => binder.pid === truth.pid && operation === truth.operation);
    const [failure] = at === -1 ? [] : failures.splice(at, 1);
    if (!failure) {
      problems.push(`no failure for ${truth.operation} ${truth.errno} of process ${truth.pid}`);
      continue;
    }
    const claim = blame(failure, truth);
    for (const key of Object.keys(truth)) {
      if (isDeepStrictEqual(claim[key], truth[key])) continue;
      problems.push(`${truth.operation}: ${key} is ${JSON.stringify(claim[key])}, not ${JSON.stringify(truth[key])}`);
    }
    if (truth.blockers.length > 0 && failure.confidence !== "exact") {
      doubtful.push(`${name}: ${failure.confidence}: ${failure.doubts.join("; ")}`);
    }
  }
  check(name, problems);
}

const [session] = records;
const [summary] = records.slice(-1);
const code = read("code").trim();
const itself = code === "1" ? [] : [code ? `exit code ${code}, not 1` : "it did not run to its end"];
const attached = hooks.startsWith("without=") ? ["fentry", "kprobe"] : [hooks];
if (!attached.includes(session?.attach)) itself.push(`attached by ${session?.attach}`);
if (summary?.lost !== 0) itself.push(`lost ${summary?.lost}`);
check("(bindtrace itself)", itself);
check(
  "(no failure but those)",
  failures.map((failure) => JSON.stringify(failure)),
);
check(
  "(how each listener let its port go)",
  unexplained.map((release) => JSON.stringify(release)),
);
if (["fentry", "kprobe"].includes(label)) check("(every blame is exact)", doubtful);
if (hooks.startsWith("without=")) {
  const probe = hooks.slice("without=".length);
  check("(says what it goes without)", report.includes(probe) ? [] : [`the report does not name ${probe}`]);
}
const replayed = spawnSync(process.execPath, [CLI, "replay", path("jsonl.gz"), "--json"], { encoding: "utf8", maxBuffer: 2 ** 28 });
const same = String(replayed.status) === code && replayed.stdout === report;
check("(replay)", same ? [] : [`exit code ${replayed.status}, or another report. ${replayed.stderr}`]);
process.exitCode = wrong === 0 ? 0 : 1;
