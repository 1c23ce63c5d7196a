import type { Nanos } from "../base/nanoseconds.ts";
import type { Observer } from "./observer.ts";
import type { PortTimelines } from "./port-timelines.ts";
import type { Refusals } from "./refusals.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** New sockets and processes after which it is time to look again. */
const EVERY = 8192;

/**
 * Keeps memory from growing with the trace: lets go of sockets and processes that are over and that nothing will refer to any more.
 * What records and timelines name stays as long as these do.
 */
export class Forgetting {
  readonly #table: SocketTable;
  readonly #timelines: PortTimelines;
  readonly #refusals: Refusals;
  readonly #observers: readonly Observer[];
  readonly #every: number;
  #next: number;

  constructor(table: SocketTable, timelines: PortTimelines, refusals: Refusals, observers: readonly Observer[], every = EVERY) {
    this.#table = table;
    this.#timelines = timelines;
    this.#refusals = refusals;
    this.#observers = observers;
    this.#every = every;
    this.#next = every;
  }

  /** An event of that instant has been taken in by all. */
  after(now: Nanos): void {
    if (this.#table.count < this.#next) return;
    this.#next = this.#table.count + this.#every;
    this.#refusals.forget(now);
    const needed = (socket: Socket) =>
      this.#refusals.awaits(socket) || this.#observers.some((observer) => observer.needs?.(socket) === true);
    const processes = new Set(this.#observers.flatMap((observer) => [...(observer.needsProcesses?.() ?? [])]));
    this.#table.forget(now, needed, processes);
    this.#timelines.forget();
    for (const observer of this.#observers) observer.forget?.(now);
  }
}
