import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseIsoTime } from "../../src/base/nanoseconds.ts";
import type { Header, TraceEvent } from "../../src/core/event.ts";
import { certainFaults } from "../../src/core/faults.ts";
import type { FailureRecord } from "../../src/core/record.ts";
import { type Comparison, compare } from "./chaos.ts";
import { KINDS } from "./chaos-judgement.ts";
import { readLog } from "./chaos-log.ts";
import { bindtraceAlone, records } from "./cli.ts";
import { PORTS } from "./ports.ts";

export interface ChaosRun extends Comparison {
  seed: number;
  exitCode: number | undefined;
  stderr: string;
  lost: number;
}

/** Lets test/lab/chaos.py live under bindtrace, in a network namespace of its own, and compares. Its files stay in `folder`. */
export async function runChaos(folder: string, seconds: number, seed: number): Promise<ChaosRun> {
  const file = (name: string) => join(folder, name);
  const ports = PORTS.chaos.map(String);
  const lab = ["sh", "-c", 'exec python3 "$0" "$@" >"$LOG"', "test/lab/chaos.py", String(seconds), ...ports, "--seed", String(seed)];
  const output = ["--json", "--output", file("report.jsonl"), "--force", "--save", file("trace.jsonl")];
  const env = { REPORT: file("report.jsonl"), LOG: file("log.jsonl") };
  const { exitCode, stderr } = await bindtraceAlone(["--port", ports.join(","), "--netns", "self", ...output, "--", ...lab], { env });
  return { ...compareFiles(folder), seed, exitCode, stderr };
}

/** What the files of a run say. */
export function compareFiles(folder: string): Comparison & { lost: number } {
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const [header, ...events] = read("trace.jsonl")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line)) as [Header, ...TraceEvent[]];
  const said = records(read("report.jsonl"));
  const bootOfWall = BigInt(header.clock.boot) - (parseIsoTime(header.clock.wall) ?? 0n);
  const boot = (iso: string) => Number((parseIsoTime(iso) ?? 0n) + bootOfWall);
  const searches = new Map<string, number>();
  for (const event of events) {
    if (event.type !== "holders" || event.failureAt === null) continue;
    searches.set(`${event.failureAt}/${event.tid}`, event.t + Number(header.clock.boot));
  }
  const searched = ({ at, binder }: FailureRecord) => searches.get(`${boot(at) - Number(header.clock.boot)}/${binder.tid}`) ?? 0;
  const faults = certainFaults(header.kernel.version);
  const lost = said.find((record) => record.type === "summary")?.lost ?? 0;
  const log = readLog(read("log.jsonl"));
  return { ...compare({ log, records: said, lost, kernel: header.kernel, faults, boot, searched }), lost };
}

/** One table about a run. */
export function chaosText(run: ChaosRun): string {
  const rows: [string, number | string][] = [
    ["seed", run.seed],
    ["refused binds and listens", run.failures],
    ["right", run.right],
    ["  of them inferred", run.inferred],
    ["wrong", run.wrong.length],
    ["unknown", run.unknown.length],
    ...counted(run.unknown.flatMap(({ why }) => why)),
    ["events lost", run.lost],
    ["blockers rightly named", Object.values(run.kinds).reduce((sum, count) => sum + count, 0)],
    ...KINDS.map((kind): [string, number] => [`  ${kind}`, run.kinds[kind]]),
    ["  who stands behind it left open", run.open],
    ["holders rightly named", Object.values(run.vias).reduce((sum, count) => sum + count, 0)],
    ...Object.entries(run.vias).map(([via, count]): [string, number] => [`  ${via}`, count]),
    ["  only after the refusal", run.later],
  ];
  return rows.map(([label, value]) => `${label.padEnd(34)}${value}`).join("\n");
}

/** Reasons, with the sockets in them left out, and how often each was given. */
function counted(reasons: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    const kind = `  ${reason.replace(/\bs\d+\b/g, "sN")}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts];
}
