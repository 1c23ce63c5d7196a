import type { Nanos } from "../base/nanoseconds.ts";
import type { Protocol, State } from "./event.ts";
import type { Socket } from "./socket.ts";

/** One thing that happened on a port. */
export interface Row {
  t: Nanos;
  kind:
    | "there"
    | "bound"
    | "listening"
    | "joined"
    | "member"
    | "left"
    | "refused"
    | "copy-closed"
    | "stopped-listening"
    | "option"
    | "state"
    | "gone"
    | "missing"
    | "released"
    | "exited";
  socket: Socket | null;
  /** State of the socket after it, null where this is not about that. */
  state: State | null;
  process: { pid: number; comm: string } | null;
  /** Failure id of a refusal, or what the sentence needs to know. */
  detail: string;
  /** Sockets that blocked this refusal. */
  blockers: Socket[];
}

/** The life of one port: (network namespace, protocol, port). MPTCP shares the ports of TCP. */
export interface PortTimeline {
  netns: number;
  protocol: Protocol;
  port: number;
  rows: Row[];
  /** Sockets that held the port, in the order in which they were seen. */
  lanes: Socket[];
  /** A refused call of this port has been reported. */
  reported: boolean;
  /** Of a long history the first and the last rows are kept; left out where it is whole. */
  notKept?: NotKept;
}

/** What was dropped from the middle of a history. */
export interface NotKept {
  events: number;
  sockets: number;
  /** Instant of the first row after it. */
  until: Nanos;
}

/** What a lane shows at one instant. */
export type Cell = "empty" | "bound" | "listening" | "connected" | "lingering";

/** The bar of a socket in that state. */
export function barOf(state: State): Cell {
  switch (state) {
    case "LISTEN":
      return "listening";
    case "BOUND":
    case "CLOSE":
      return "bound";
    case "TIME_WAIT":
      return "lingering";
    default:
      return "connected";
  }
}

/** Sums up the time during which binds were refused: from each first refusal to the next successful bind or listen, or to the end. */
export class Unavailable {
  #total = 0;
  #since: Nanos | null = null;

  take({ kind, t }: Pick<Row, "kind" | "t">): void {
    if (kind === "refused") this.#since ??= t;
    if (this.#since === null || (kind !== "bound" && kind !== "listening")) return;
    this.#total += t - this.#since;
    this.#since = null;
  }

  until(end: Nanos): Nanos {
    return this.#since === null ? this.#total : this.#total + Math.max(0, end - this.#since);
  }
}
