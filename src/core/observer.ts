import type { Nanos } from "../base/nanoseconds.ts";
import type { TraceEvent } from "./event.ts";
import type { OutputRecord } from "./record.ts";
import type { Failure } from "./refusal.ts";
import type { Socket } from "./socket.ts";

/** Makes further records of what the table knows. It sees each event right after the table has taken it, in time order. */
export interface Observer {
  /** `settled`: every refused call so far that is reported at all has come to `explained`. */
  after(event: TraceEvent, settled: boolean): OutputRecord[];
  /** A refused call has been explained and reported; its event came to `after` before. */
  explained(failure: Failure): OutputRecord[];
  /** The trace has ended, at this instant. */
  finish(end: Nanos): OutputRecord[];
  /** What is over, and yet to be found in the table: left out where that is nothing. */
  needs?(socket: Socket): boolean;
  needsProcesses?(): Iterable<number>;
  /** The table has forgotten what is over: what the observer keeps of old is to stay within bounds, too. */
  forget?(now: Nanos): void;
}
