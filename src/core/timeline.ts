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

/** Time during which binds were refused: from each first refusal to the next successful bind or listen, or to the end. */
export function unavailable(rows: readonly Row[], end: Nanos): Nanos {
  let total = 0;
  let since: Nanos | null = null;
  for (const row of rows) {
    if (row.kind === "refused") since ??= row.t;
    const succeeded = since !== null && (row.kind === "bound" || row.kind === "listening");
    if (succeeded && since !== null) {
      total += row.t - since;
      since = null;
    }
  }
  return since === null ? total : total + Math.max(0, end - since);
}
