import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { traceOf } from "./replay-trace.mjs";

/**
 * Replay against what reading alone costs: wall time and peak memory over one trace, several repetitions in turn.
 *
 *   node test/bench/replay.mjs                              1,000,000 events, plain and gzip
 *   EVENTS=10000000 REPETITIONS=1 node test/bench/replay.mjs
 *   KINDS=plain, DOC=yes (writes the table into docs/benchmarks.md)
 */

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const { EVENTS = "1000000", REPETITIONS = "3", KINDS = "plain,gzip", DOC, CLI = "dist/cli.js" } = process.env;

/** Tells the peak of this process's memory (VmHWM, proc_pid_status(5)) on descriptor 3 when it ends. */
const HOOK = `import { readFileSync, writeSync } from "node:fs";
process.on("exit", () => writeSync(3, /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]));`;

/** The reading that nobody can do without: each line, parsed. */
const BASE = `import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
const file = process.argv[1];
const bytes = createReadStream(file);
const input = file.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes;
let count = 0;
for await (const line of createInterface({ input, crlfDelay: Infinity })) if (JSON.parse(line).type) count++;
if (count === 0) throw new Error("nothing was read");`;

const replay =
  (...more) =>
  (file) => [join(ROOT, CLI), "replay", file, "--output", "/dev/null", ...more];
const PROGRAMS = [
  { name: "readline + JSON.parse", of: (file) => ["--input-type=module", "--eval", BASE, file], codes: [0] },
  { name: "replay", of: replay(), codes: [0, 1] },
  { name: "replay --json", of: replay("--json"), codes: [0, 1] },
];

/** Seconds and MB of one run. */
async function run({ of, codes }, file) {
  const start = process.hrtime.bigint();
  const args = ["--import", `data:text/javascript,${encodeURIComponent(HOOK)}`, ...of(file)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  let peak = "";
  child.stdio[3].on("data", (chunk) => {
    peak += chunk;
  });
  const [code] = await once(child, "close");
  if (!codes.includes(code)) throw new Error(`${args.at(-1)}: exit code ${code}`);
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, megabytes: Number(peak) / 1024 };
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];
const spread = (values, digits) =>
  values.length < 2 ? "" : ` (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
const shown = (values, digits) => `${median(values).toFixed(digits)}${spread(values, digits)}`;

const rows = [];
for (const kind of KINDS.split(",")) {
  const file = await traceOf(Number(EVENTS), kind === "gzip");
  const runs = PROGRAMS.map(() => []);
  for (let turn = 0; turn < Number(REPETITIONS); turn++) {
    for (const [index, program] of PROGRAMS.entries()) runs[index].push(await run(program, file));
  }
  const base = runs[0].map(({ seconds }) => seconds);
  const size = `${(statSync(file).size / Number(EVENTS)).toFixed(0)} bytes an event`;
  for (const [index, { name }] of PROGRAMS.entries()) {
    const seconds = runs[index].map((one) => one.seconds);
    const ratios = seconds.map((one, turn) => one / base[turn]);
    rows.push([
      `${Number(EVENTS).toLocaleString("en-US")} ${kind} (${size})`,
      name,
      shown(seconds, 2),
      index === 0 ? "1" : shown(ratios, 2),
      Math.round(Number(EVENTS) / median(seconds)).toLocaleString("en-US"),
      shown(
        runs[index].map(({ megabytes }) => megabytes),
        0,
      ),
    ]);
  }
}

const HEAD = ["trace", "program", "seconds", "times reading alone", "events a second", "peak MB"];
const table = [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
console.log(`${REPETITIONS} repetitions in turn, median (least to most), Node ${process.versions.node}\n\n${table}`);

const DOCUMENT = join(ROOT, "docs/benchmarks.md");
if (DOC === "yes" && existsSync(DOCUMENT)) {
  const [begin, end] = [`<!-- replay ${EVENTS} -->`, `<!-- /replay ${EVENTS} -->`];
  const text = readFileSync(DOCUMENT, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`docs/benchmarks.md has no place for it: ${begin} and ${end}`);
  writeFileSync(DOCUMENT, `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`);
}
