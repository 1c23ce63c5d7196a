// start.mjs: how long until a trace is armed, beside bpftrace alone on the same program. REPETITIONS= for other than seven.

import { execFileSync } from "node:child_process";
import { startBpftrace } from "../../dist/probe/bpftrace.js";
import { machine, median, publish, spread } from "./table.mjs";
import { CLI, ROOT, startBindtrace, WATCHED } from "./tracers.mjs";

const { REPETITIONS = "7" } = process.env;
const program = execFileSync(process.execPath, [CLI, "--port", String(WATCHED), "--print-program"], { cwd: ROOT, encoding: "utf8" });

async function bare() {
  const bpftrace = startBpftrace(program, new AbortController().signal);
  for await (const line of bpftrace.lines) if (line.startsWith("bt:ready ")) return () => bpftrace.stop();
  throw new Error(`bpftrace did not start: ${bpftrace.stderr()}`);
}

async function bindtrace(options) {
  const running = await startBindtrace(options);
  if (!running) throw new Error(`bindtrace ${options.join(" ")} did not start`);
  return running.stop;
}

const ROWS = [
  { name: "`bpftrace` alone", start: bare },
  { name: "`bindtrace`", start: () => bindtrace([]) },
  { name: "`bindtrace --hooks tracepoint`", start: () => bindtrace(["--hooks", "tracepoint"]) },
].map((row) => ({ ...row, seconds: [] }));

for (let repetition = 0; repetition < Number(REPETITIONS); repetition++) {
  for (const { start, seconds } of ROWS) {
    const before = performance.now();
    const stop = await start();
    seconds.push((performance.now() - before) / 1000);
    await stop();
  }
}
publish("start", {
  command: "make bench",
  facts: `${machine({ bpftrace: true })}; median of ${REPETITIONS} starts in turn (least–greatest).`,
  head: ["", "seconds until armed", "bpftrace alone = 1"],
  rows: ROWS.map(({ name, seconds }) => [name, spread(seconds), (median(seconds) / median(ROWS[0].seconds)).toFixed(2)]),
});
