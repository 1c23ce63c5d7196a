// start.mjs: how long until a trace is armed, beside bpftrace alone on the same program. REPETITIONS= for other than seven.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { machine, median, publish, spread } from "./table.mjs";
import { CLI, ROOT, startBindtrace, WATCHED } from "./tracers.mjs";

const { REPETITIONS = "7" } = process.env;
const program = execFileSync(process.execPath, [CLI, "--port", String(WATCHED), "--print-program"], { cwd: ROOT, encoding: "utf8" });

/** As bindtrace starts it: where tracefs is not mounted, that is for bpftrace alone. */
const SCRIPT = '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing; exec bpftrace -B line -e "$0"';

async function bare() {
  const bpftrace = spawn("unshare", ["--mount", "sh", "-c", SCRIPT, program], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(bpftrace, "close");
  for await (const line of createInterface({ input: bpftrace.stdout })) if (line.startsWith("bt:ready ")) break;
  return async () => {
    bpftrace.kill("SIGINT");
    await ended;
  };
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
