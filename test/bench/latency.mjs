// latency.mjs: how long after the return of a refused bind its failure can be read. REFUSALS= for other than 200.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { machine, publish } from "./table.mjs";
import { CLI, ROOT, WATCHED } from "./tracers.mjs";

const { REFUSALS = "200" } = process.env;
const STAGE = fileURLToPath(new URL("latency.py", import.meta.url));
const CROWD = ".cache/bench/latency";
/** Refusals that are not counted: the first ones run code that is not compiled yet. */
const WARM_UP = 20;
/** Between two refusals (ms): so long, and up to as much again, for bindtrace looks at its events in a rhythm of its own. */
const PAUSE = 30;

const ROWS = [
  { name: () => "nothing beside", crowd: 0, stage: [] },
  { name: () => "10,000 other processes", crowd: 10_000, stage: [] },
  { name: (count) => `the holder has ${count.toLocaleString("en")} descriptors`, crowd: 0, stage: ["many"] },
  { name: () => "10,000 other processes, and a thread of the holder waits in `accept`", crowd: 10_000, stage: ["accept"] },
];

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];

function linesOf(child) {
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close");
  ended.catch(() => {});
  return { lines, ended, next: async () => (await once(lines, "line"))[0] };
}

/** The instants (CLOCK_MONOTONIC, ns) at which failures came, one at a time. */
async function startBindtrace() {
  const child = spawn(process.execPath, [CLI, "--port", String(WATCHED), "--json"], { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  const { lines, ended, next } = linesOf(child);
  let came = () => {};
  let complete = 0;
  lines.on("line", (line) => {
    const record = JSON.parse(line);
    if (record.type !== "failure") return;
    if (record.blockers[0]?.holdersComplete) complete++;
    came(process.hrtime.bigint());
  });
  await next();
  return {
    nextFailure: () => new Promise((resolve) => (came = resolve)),
    complete: () => complete,
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

async function startCrowd(count) {
  const child = spawn(`${ROOT}/${CROWD}`, [String(count)], { stdio: ["pipe", "pipe", "inherit"] });
  const { ended, next } = linesOf(child);
  await next();
  return async () => {
    child.stdin.end();
    await ended;
  };
}

async function measure({ name, crowd, stage: words }) {
  const endCrowd = await startCrowd(crowd);
  const stage = spawn("python3", [STAGE, String(WATCHED), ...words], { stdio: ["pipe", "pipe", "inherit"] });
  const { ended, next } = linesOf(stage);
  const count = Number(await next());
  const bindtrace = await startBindtrace();
  const latencies = [];
  for (let index = 0; index < WARM_UP + Number(REFUSALS); index++) {
    const failure = bindtrace.nextFailure();
    const returned = next();
    stage.stdin.write("\n");
    const [at, seen] = await Promise.all([returned, failure]);
    if (index >= WARM_UP) latencies.push(Number(seen - BigInt(at)) / 1e6);
    await new Promise((resolve) => setTimeout(resolve, PAUSE * (1 + Math.random())));
  }
  await bindtrace.stop();
  stage.stdin.end();
  await ended;
  await endCrowd();
  const ms = (q) => quantile(latencies, q).toFixed(0);
  return [name(count), ms(0.5), ms(0.99), Math.max(...latencies).toFixed(0), `${bindtrace.complete()} of ${WARM_UP + Number(REFUSALS)}`];
}

if (!existsSync(`${ROOT}/${CROWD}`)) throw new Error(`${CROWD} is missing: run make bench`);
const rows = [];
for (const row of ROWS) rows.push(await measure(row));
publish("latency", {
  command: "make bench",
  facts: `${machine({ bpftrace: true })}; ${REFUSALS} refusals, one at a time, each by a process and a listener of its own; \`--json\`.`,
  head: ["", "p50 ms", "p99 ms", "most ms", "all holders known at once"],
  rows,
});
