import type { Nanos } from "../base/nanoseconds.ts";
import type { EventOf, ProcessEvent } from "./event.ts";

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

/** The name that the process had then: an exec gives another. */
export function nameAt({ comm, execs }: Process, t: Nanos): string {
  return execs.find((exec) => exec.t >= t)?.before ?? comm;
}

/** Generations that are followed upwards at most. */
const MOST_ANCESTORS = 64;

/** The processes that events told of. */
export class Processes {
  readonly #current = new Map<number, Process>();

  get(pid: number): Process | undefined {
    return this.#current.get(pid);
  }

  /** The latest of each pid. */
  all(): Iterable<Process> {
    return this.#current.values();
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
    return this.#add(child, by.comm, { t, by });
  }

  #add(pid: number, comm: string, forked: Process["forked"]): Process {
    const fresh: Process = { pid, comm, facts: null, forked, execs: [], signals: [], exitedAt: null, exit: null };
    this.#current.set(pid, fresh);
    return fresh;
  }

  exec({ t, pid, comm }: EventOf<"exec">): Process {
    const before = this.#current.get(pid)?.comm ?? "";
    const process = this.seen(pid, comm);
    process.execs.push({ t, comm, before });
    return process;
  }

  signal({ t, pid, signal, by }: EventOf<"signal">): Process {
    const process = this.seen(pid, "");
    process.signals.push({ t, signal, by });
    return process;
  }

  exit({ t, pid, comm, code, signal }: EventOf<"exit">): Process {
    const process = this.seen(pid, comm);
    process.exitedAt = t;
    process.exit = { code, signal };
    return process;
  }

  /** What /proc said may come after the end. */
  told(event: ProcessEvent): Process {
    const known = this.#current.get(event.pid);
    const process =
      known?.exitedAt != null && (event.startedAt === null || event.startedAt < known.exitedAt) ? known : this.seen(event.pid, event.comm);
    process.facts = event;
    return process;
  }

  /** The pids of its parent, the parent of that, and so on, as far as forks and /proc told. */
  ancestors(process: Process): number[] {
    const found: number[] = [];
    for (let at: Process | undefined = process; at && found.length < MOST_ANCESTORS; ) {
      const told: number[] | undefined = at.facts?.ancestors.map(({ pid }) => pid);
      if (!at.forked && told) return [...found, ...told];
      at = at.forked?.by;
      if (at) found.push(at.pid);
    }
    return found;
  }
}
