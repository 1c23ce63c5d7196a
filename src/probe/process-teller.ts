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
}

/** Says what /proc knows of processes, once for each and again after an exec. Nothing is said of one that has gone. */
export class ProcessTeller {
  readonly #options: ProcessTellerOptions;
  readonly #most: number;
  /** When each process that was told of had started: a pid that is used again is another process. */
  readonly #told = new Map<number, Nanos | null>();

  constructor(options: ProcessTellerOptions, most = MOST_TOLD) {
    this.#options = options;
    this.#most = most;
  }

  /** Costs one look at /proc/PID/stat where the process was told of before. */
  tell(pid: number): void {
    if (!this.#told.has(pid) || this.#told.get(pid) !== this.#startOf(pid)) this.#say(pid);
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
    const event = readProcess(pid, this.#options.instant(), this.#options.instantOfStart);
    if (!event) return;
    this.#told.set(pid, event.startedAt);
    const [oldest] = this.#told.keys();
    if (this.#told.size > this.#most && oldest !== undefined) this.#told.delete(oldest);
    this.#options.emit(event);
  }

  #startOf(pid: number): Nanos | null {
    try {
      return this.#options.instantOfStart(readStat(`/proc/${pid}`).startTicks);
    } catch {
      return null;
    }
  }
}
