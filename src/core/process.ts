import type { Nanos } from "../base/nanoseconds.ts";
import type { EventOf, ProcessEvent } from "./event.ts";
import { dropMiddle, latestBut } from "./many.ts";

/** /proc gives start times in hundredths of a second (USER_HZ). */
export const START_TIME_PRECISION: Nanos = 10_000_000;

/** A process has its start some time before its fork is told: on a busy machine another may run in between. */
const FORK_DELAY: Nanos = 100_000_000;

/** A process over its life. A pid that is used again is another process. */
export interface Process {
  pid: number;
  comm: string;
  /** What /proc said of it last, null where it was gone too soon. */
  facts: ProcessEvent | null;
  /** Who forked it and when, where that was seen. */
  forked: { t: Nanos; by: Process } | null;
  /** What it became, and what it was before. */
  execs: { t: Nanos; comm: string; before: string }[];
  signals: { t: Nanos; signal: number; by: { pid: number; comm: string } }[];
  exitedAt: Nanos | null;
  /** How it ended; `signal` 0: by itself. */
  exit: { code: number; signal: number } | null;
}

/** A process of which nothing else is known. */
export function newProcess(pid: number, comm: string, forked: Process["forked"] = null): Process {
  return { pid, comm, facts: null, forked, execs: [], signals: [], exitedAt: null, exit: null };
}

/** A process by what it runs. */
export interface Running {
  pid: number;
  comm: string;
  /** Last part of its program's path; its name where that was not read. */
  program: string;
  /** Words of the command line, "" where they were not read. */
  command: string;
}

/** The name that the process had then: an exec gives another. */
export function nameAt({ comm, execs }: Process, t: Nanos): string {
  return execs.find((exec) => exec.t >= t)?.before ?? comm;
}

/** Generations that are followed upwards at most. */
export const MOST_ANCESTORS = 64;

/** Execs and signals that are kept of the beginning and of the end of a long life. */
const MOST_KEPT = 256;
/** Most processes that have ended and are remembered, the younger ones. */
const MOST_ENDED = 4096;

/** The processes that events told of. */
export class Processes {
  readonly #current = new Map<number, Process>();
  /** Those of them that a runtime has marked. */
  readonly #marked = new Set<Process>();
  /** How many there have been. */
  count = 0;

  get(pid: number): Process | undefined {
    return this.#current.get(pid);
  }

  /** The latest of each pid that a runtime has marked. */
  marked(): Iterable<Process> {
    return this.#marked;
  }

  /** Forgets those that ended before that instant, and the eldest where they are too many. `needed`: is not to be forgotten. */
  forget(endedBefore: Nanos, needed: (pid: number) => boolean): void {
    const ended: Process[] = [];
    for (const process of this.#current.values()) if (process.exitedAt !== null && !needed(process.pid)) ended.push(process);
    const least = Math.max(
      endedBefore,
      latestBut(MOST_ENDED, ended, ({ exitedAt }) => exitedAt ?? 0),
    );
    for (const process of ended) {
      if ((process.exitedAt ?? 0) >= least) continue;
      this.#current.delete(process.pid);
      this.#marked.delete(process);
    }
  }

  /** The process was seen alive by this name. */
  seen(pid: number, comm: string): Process {
    const known = this.#current.get(pid);
    if (known && known.exitedAt === null) {
      if (comm !== "") known.comm = comm;
      return known;
    }
    return this.#add(pid, comm, null);
  }

  /** Whoever had the child's pid before has ended, even where that was not seen: nobody is its own ancestor. */
  fork({ t, pid, child }: EventOf<"fork">): Process {
    const by = this.seen(pid, "");
    cutLine(by);
    return this.#add(child, by.comm, { t, by });
  }

  #add(pid: number, comm: string, forked: Process["forked"]): Process {
    const fresh = newProcess(pid, comm, forked);
    const before = this.#current.get(pid);
    if (before) this.#marked.delete(before);
    this.#current.set(pid, fresh);
    this.count++;
    return fresh;
  }

  exec({ t, pid, comm }: EventOf<"exec">): Process {
    const before = this.#current.get(pid)?.comm ?? "";
    const process = this.seen(pid, comm);
    process.execs.push({ t, comm, before });
    dropMiddle(process.execs, MOST_KEPT);
    return process;
  }

  signal({ t, pid, signal, by }: EventOf<"signal">): Process {
    const process = this.seen(pid, "");
    process.signals.push({ t, signal, by });
    dropMiddle(process.signals, MOST_KEPT);
    return process;
  }

  exit({ t, pid, comm, code, signal }: EventOf<"exit">): Process {
    const process = this.seen(pid, comm);
    process.exitedAt = t;
    process.exit = { code, signal };
    return process;
  }

  /** What /proc said may come after the end. Null where it is of one whose pid has gone to another since. */
  told(event: ProcessEvent): Process | null {
    const known = this.#current.get(event.pid);
    if (known && startedBefore(known, event)) return null;
    const process = known && known.exitedAt !== null && isOf(event, known, known.exitedAt) ? known : this.seen(event.pid, event.comm);
    process.facts = event;
    if (event.marks.length > 0 && this.#current.get(event.pid) === process) this.#marked.add(process);
    return process;
  }
}

/** /proc told of a process that is older than this one, whose fork was seen: one that had the pid before. */
const startedBefore = ({ forked }: Process, { startedAt }: ProcessEvent) =>
  forked !== null && startedAt !== null && startedAt < forked.t - START_TIME_PRECISION - FORK_DELAY;

/**
 * Whether /proc told of that process, which has ended, and not of the next one with its pid. The start is told in ticks: of two that
 * share a pid within one, the name tells them apart.
 */
function isOf({ startedAt, comm }: ProcessEvent, ended: Process, exitedAt: Nanos): boolean {
  return startedAt === null || startedAt + START_TIME_PRECISION <= exitedAt || (startedAt < exitedAt && comm === ended.comm);
}

/** Forgets who was before the ancestors that are followed: each of a line of restarts may be forked by the one before. */
function cutLine(process: Process): void {
  const eldest = forkedLine(process, 2 * MOST_ANCESTORS).at(-1);
  if (eldest) eldest.forked = null;
}

/** It, who forked it, who forked that, and so on: so many of them at most. */
function forkedLine(process: Process, most: number): Process[] {
  const line: Process[] = [];
  for (let at: Process | undefined = process; at && line.length < most; at = at.forked?.by) line.push(at);
  return line;
}

/** Its parent, the parent of that, and so on: as forks told, and above the last of these what /proc said of the one nearest to it. */
export function ancestorsOf(process: Process): Running[] {
  const chain = forkedLine(process, MOST_ANCESTORS);
  const seen = new Map(chain.flatMap(({ facts }) => facts?.ancestors ?? []).map((ancestor) => [ancestor.pid, ancestor]));
  const forked = chain.slice(1).map(({ pid, comm, facts }) => {
    const known = facts ?? seen.get(pid);
    return running(comm, pid, known?.program, known?.command);
  });
  const top = chain.at(-1)?.pid;
  for (const { pid, facts } of chain.toReversed()) {
    const told = facts?.ancestors ?? [];
    const at = pid === top ? 0 : told.findIndex((ancestor) => ancestor.pid === top) + 1;
    const above = at > 0 || pid === top ? told.slice(at) : [];
    if (above.length > 0) return [...forked, ...above.map((of) => running(of.comm, of.pid, of.program, of.command))];
  }
  return forked;
}

const running = (comm: string, pid: number, program: string | null = null, command = ""): Running => ({
  ...{ pid, comm, command },
  program: program ?? comm,
});

/** One of the two is the other, or comes from it. Process 1 is kin to nobody: all come from it, and it binds for others (systemd.socket(5)). */
export function areKin(a: Process, b: Process): boolean {
  const descends = (process: Process, { pid }: Process) => pid !== 1 && ancestorsOf(process).some((ancestor) => ancestor.pid === pid);
  return a === b || descends(a, b) || descends(b, a);
}
