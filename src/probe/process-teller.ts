import type { Nanos } from "../base/nanoseconds.ts";
import type { ProcessEvent } from "../core/event.ts";
import { keepLast } from "../core/many.ts";
import { readStat } from "./proc-pid.ts";
import { readProcess } from "./processes.ts";

/** Processes that are remembered at most: of an older one, whose end was not seen, it is told again. */
const MOST_TOLD = 16_384;

export interface ProcessTellerOptions {
  instant(): Nanos;
  /** The instant of a start time in USER_HZ ticks since boot. */
  instantOfStart(ticks: number): Nanos;
  emit(event: ProcessEvent): void;
  /** False: /proc has other pids than the events, and what it says of a pid would be said of another process. */
  hasPidsOfKernel: boolean;
}

/** What /proc said of a process before that was asked for, and when that process ended, null while it has not. */
interface Fetched {
  event: ProcessEvent;
  endedAt: Nanos | null;
}

/** Says what /proc knows of processes, once for each and again after an exec. Nothing is said of one that has gone. */
export class ProcessTeller {
  readonly #options: ProcessTellerOptions;
  readonly #most: number;
  /** When each process that was told of had started: a pid that is used again is another process. */
  readonly #told = new Map<number, Nanos | null>();
  readonly #fetched = new Map<number, Fetched>();

  constructor(options: ProcessTellerOptions, most = MOST_TOLD) {
    this.#options = options;
    this.#most = most;
  }

  /** Of the process that had this pid at `at`. Costs one look at /proc/PID/stat where it was told of before. */
  tell(pid: number, at: Nanos): void {
    const startedAt = this.#startOf(pid);
    if (!this.#told.has(pid) || (startedAt !== null && this.#told.get(pid) !== startedAt)) this.#say(pid, at);
  }

  /** Remembers what the process is, in case it has gone when it is to be told of: what binds in vain often ends at once. */
  prefetch(pid: number): void {
    this.#fetched.delete(pid);
    const event = this.#read(pid);
    if (event) this.#remember(this.#fetched, pid, { event, endedAt: null });
  }

  /** The process has become another program at `at`: says so of one that was told of. */
  retell(pid: number, at: Nanos): void {
    if (this.#told.has(pid)) this.#say(pid, at);
  }

  /** The process has ended at `at`. What it did before may still be told of: of that it is who it was. */
  forget(pid: number, at: Nanos): void {
    this.#told.delete(pid);
    const fetched = this.#fetched.get(pid);
    if (fetched) fetched.endedAt = at;
  }

  #say(pid: number, at: Nanos): void {
    this.#told.delete(pid);
    const t = this.#options.instant();
    const now = this.#read(pid);
    const fetched = this.#fetched.get(pid);
    // After its end the pid belongs to another process, which may have gone by now, too.
    const before = fetched && (fetched.endedAt === null || at <= fetched.endedAt) ? fetched.event : undefined;
    const same = before !== undefined && (now === null || now.startedAt === before.startedAt);
    // A zombie has no program and no command line any more.
    const event = same && (now === null || now.program === null) ? { ...before, t } : now;
    if (!event) return;
    this.#remember(this.#told, pid, event.startedAt);
    const renamed = same && before.command !== event.command;
    // The environment of one that is about to go cannot be read any more, though the rest can.
    const marks = same && event.marks.length === 0 ? before.marks : event.marks;
    this.#options.emit({ ...event, marks, ...(renamed ? { execCommand: before.command } : {}) });
  }

  #remember<Value>(known: Map<number, Value>, pid: number, value: Value): void {
    known.set(pid, value);
    keepLast(known, this.#most);
  }

  #read(pid: number): ProcessEvent | null {
    return this.#options.hasPidsOfKernel ? readProcess(pid, this.#options.instant(), this.#options.instantOfStart) : null;
  }

  #startOf(pid: number): Nanos | null {
    try {
      return this.#options.instantOfStart(readStat(`/proc/${pid}`).startTicks);
    } catch {
      return null;
    }
  }
}
