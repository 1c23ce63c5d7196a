import type { Nanos } from "../base/nanoseconds.ts";
import { nameAt, type Process, type Processes } from "./process.ts";
import type { StepRecord } from "./process-record.ts";
import { signalName } from "./signal.ts";
import type { Socket } from "./socket.ts";

/** Steps that are kept at the beginning and at the end of a long story. */
const MOST_AT_AN_END = 16;

type Timed = StepRecord & { t: Nanos };

/**
 * What became of a socket, up to `until`: what processes did with it, and what happened to those that had it. `holders`: pids of
 * the processes that have it then. Steps in time order; the middle of a long story is left out.
 */
export function lineageOf(
  socket: Socket,
  holders: readonly number[],
  processes: Processes,
  until: Nanos,
  iso: (t: Nanos) => string,
): StepRecord[] {
  const own = socket.steps.map(({ t, step, process, fd, detail }) => record(process, t, { step, fd, detail }));
  const { family, from } = familyOf(socket, holders, processes);
  const lives = [...family].flatMap((process) => lifeOf(process, family, from));
  const all = [...own, ...lives].filter(({ t }) => t <= until).sort((a, b) => a.t - b.t);
  const kept = all.length <= 2 * MOST_AT_AN_END ? all : [...all.slice(0, MOST_AT_AN_END), ...all.slice(-MOST_AT_AN_END)];
  return kept.map(({ t, ...step }) => ({ ...step, at: iso(t) }));
}

/** The processes through whose hands it went: those that did something with it, its holders, and who is between them. */
function familyOf(socket: Socket, holders: readonly number[], processes: Processes): { family: Set<Process>; from: Nanos } {
  const family = new Set(socket.steps.map(({ process }) => process));
  const makers = new Set([...family].map(({ pid }) => pid));
  for (const pid of holders) {
    const holder = processes.get(pid);
    if (!holder) continue;
    const line: Process[] = [holder];
    while (line.at(-1)?.forked && !makers.has(line.at(-1)?.pid ?? 0)) line.push((line.at(-1) as Process).forked?.by as Process);
    // Without an ancestor that had the socket, its forks are not part of the story.
    for (const one of line.some((ancestor) => makers.has(ancestor.pid)) ? line : [holder]) family.add(one);
  }
  return { family, from: Math.min(...socket.steps.map(({ t }) => t), socket.seenAt) };
}

function lifeOf(process: Process, family: ReadonlySet<Process>, from: Nanos): Timed[] {
  const { forked, execs, signals, exitedAt, exit } = process;
  const child = { pid: process.pid, comm: nameAt(process, forked?.t ?? 0) };
  const told: Timed[] = [
    ...(forked && family.has(forked.by) ? [record(forked.by, forked.t, { step: "forked", other: child })] : []),
    ...execs.map(({ t, comm }) => record(process, t, { step: "execed", detail: comm })),
    ...signals.map(({ t, signal, by }) => record(process, t, { step: "signalled", other: by, detail: signalName(signal) })),
  ];
  if (exitedAt !== null) told.push(record(process, exitedAt, { step: "exited", detail: exitText(exit) }));
  return told.filter(({ t }) => t >= from);
}

/** `code 0`, `SIGKILL`. */
export function exitText(exit: Process["exit"]): string {
  if (!exit) return "";
  return exit.signal === 0 ? `code ${exit.code}` : signalName(exit.signal);
}

function record(process: Process, t: Nanos, step: Partial<StepRecord> & Pick<StepRecord, "step">): Timed {
  return { t, at: "", pid: process.pid, comm: nameAt(process, t), fd: null, other: null, detail: "", ...step };
}
