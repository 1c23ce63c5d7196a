import type { Nanos } from "../base/nanoseconds.ts";
import type { ProcessEvent } from "../core/event.ts";
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

/** Says what /proc knows of processes, once for each and again after an exec. Nothing is said of one that has gone. */
export class ProcessTeller {
  readonly #options: ProcessTellerOptions;
  readonly #most: number;
  /** When each process that was told of had started: a pid that is used again is another process. */
  readonly #told = new Map<number, Nanos | null>();
  readonly #fetched = new Map<number, ProcessEvent>();

  constructor(options: ProcessTellerOptions, most = MOST_TOLD) {
    this.#options = options;
    this.#most = most;
  }

  /** Costs one look at /proc/PID/stat where the process was told of before. */
  tell(pid: number): void {
    const startedAt = this.#startOf(pid);
    if (!this.#told.has(pid) || (startedAt !== null && this.#told.get(pid) !== startedAt)) this.#say(pid);
  }

  /** Remembers what the process is, in case it has gone when it is to be told of: what binds in vain often ends at once. */
  prefetch(pid: number): void {
    this.#fetched.delete(pid);
    const event = this.#read(pid);
    if (event) this.#remember(this.#fetched, pid, event);
  }

  /** The process has become another program: says so of one that was told of. */
  retell(pid: number): void {
    if (this.#told.has(pid)) this.#say(pid);
  }

  /** The process has ended. */
  forget(pid: number): void {
    this.#told.delete(pid);
  }

  #say(pid: number): void {
    this.#told.delete(pid);
    const t = this.#options.instant();
    const now = this.#read(pid);
    const before = this.#fetched.get(pid);
    const same = before !== undefined && (now === null || now.startedAt === before.startedAt);
    // A zombie has no program and no command line any more.
    const event = same && (now === null || now.program === null) ? { ...before, t } : now;
    if (!event) return;
    this.#remember(this.#told, pid, event.startedAt);
    const renamed = same && before.command !== event.command;
    this.#options.emit(renamed ? { ...event, execCommand: before.command } : event);
  }

  #remember<Value>(known: Map<number, Value>, pid: number, value: Value): void {
    known.set(pid, value);
    const [oldest] = known.keys();
    if (known.size > this.#most && oldest !== undefined) known.delete(oldest);
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
