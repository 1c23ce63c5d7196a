// What runs beside what is measured: nothing, bindtrace with each hook set, strace, bindsnoop.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const CLI = "dist/cli.js";
/** The port that is watched, and one that is not. */
export const WATCHED = 18080;
export const OTHER = 18081;
const CPUS = availableParallelism();
/** Emulated machines take minutes to arm a trace (ms). */
const LONGEST_START = 300_000;

/** bindtrace with these options, armed; null where this machine does not take them. */
export async function startBindtrace(options) {
  const child = spawn(process.execPath, [CLI, "--port", String(WATCHED), "--json", ...options], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", process.env.VERBOSE ? "inherit" : "ignore"],
  });
  const seen = { failures: 0, lost: 0 };
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close");
  const armed = Promise.race([once(lines, "line"), ended.then(() => null)]);
  lines.on("line", (line) => {
    const { type, lost } = JSON.parse(line);
    if (type === "failure") seen.failures++;
    if (type === "summary") seen.lost = lost;
  });
  if ((await armed) === null) return null;
  return {
    async stop() {
      child.kill("SIGINT");
      await ended;
      return seen;
    },
  };
}

/** bindsnoop on the same port, attached; null where it is not installed or does not start. */
async function startBindsnoop() {
  const child = spawn("stdbuf", ["-oL", "bindsnoop", "-P", String(WATCHED)], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close").catch(() => {});
  const lines = createInterface({ input: child.stdout });
  const late = setTimeout(() => child.kill("SIGKILL"), LONGEST_START);
  // Its header comes once it is attached.
  const attached = await Promise.race([once(lines, "line"), ended.then(() => null)]);
  clearTimeout(late);
  if (attached === null) return null;
  return {
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

const bindtrace = (hooks, light) => ({
  name: `bindtrace --hooks ${hooks}${light ? " --light" : ""}`,
  start: () => startBindtrace(["--hooks", hooks, ...(light ? ["--light"] : [])]),
});
const STRACE = ["strace", "-f", "-o", "/dev/null", "-e", "trace=bind,listen,close"];
/** Rounds are fewer by this under strace, which takes up to a hundred times as long for each. */
const FEWER = 10;

/** By hook set, since a machine lets only some of them in; strace and bindsnoop where they are installed. */
export const TRACERS = [
  ...["fentry", "kprobe", "tracepoint"].flatMap((hooks) => [bindtrace(hooks, false), bindtrace(hooks, true)]),
  { name: "bindsnoop", start: startBindsnoop },
  { name: "strace --seccomp-bpf", wrap: [...STRACE, "--seccomp-bpf"], divisor: FEWER },
  { name: "strace", wrap: STRACE, divisor: FEWER },
];

/** Whoever reads what a tracer tells is kept off the last CPU, where the measured program runs: this process and what it starts. */
export function leaveLastCpu() {
  if (CPUS > 1) spawnSync("taskset", ["-a", "-c", "-p", `0-${CPUS - 2}`, String(process.pid)], { stdio: "ignore" });
}

/** The program that is measured, with these words before it. Nanoseconds a round by kind, a number for each chunk; null if it failed. */
export function runCost(chunks, { wrap = [], divisor = 1 } = {}) {
  const cost = process.env.COST ?? ".cache/bench/cost";
  if (!existsSync(`${ROOT}/${cost}`)) throw new Error(`${cost} is missing: run make bench`);
  const [command, ...words] = [...wrap, cost, WATCHED, OTHER, chunks, divisor].map(String);
  // strace is there with it: to wake it on another CPU would cost several times as much.
  const { stdout, status, error } = spawnSync("taskset", ["-c", String(CPUS - 1), command, ...words], { cwd: ROOT, encoding: "utf8" });
  if (error || status !== 0) return null;
  const lines = stdout.trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [kind, ...values] = line.split(" ");
      return [kind, values.map(Number)];
    }),
  );
}
