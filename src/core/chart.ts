import type { Nanos } from "../base/nanoseconds.ts";
import type { Protocol } from "./event.ts";
import type { Socket } from "./socket.ts";
import { barOf, type Cell, type PortTimeline, type Row } from "./timeline.ts";

export type BarKind = Exclude<Cell, "empty">;

/** A socket was in one state for a while. */
export interface Bar {
  kind: BarKind;
  /** Null: it was so before anything was seen of it. */
  from: Nanos | null;
  /** Null: it was so until the trace ended. */
  to: Nanos | null;
}

/** The life of one socket on its port, as far as it was seen: bars that follow each other without a gap, or after one. */
export interface Lane {
  socket: Socket;
  /** When it was first seen there. */
  seenAt: Nanos;
  /** None: all that was seen of it is that it was in the way of a refused call. */
  bars: Bar[];
  /**
   * From here on nothing is known of it: a connection ended, which may go on in TIME_WAIT, or a look found it gone whose end was not
   * seen. Null while something is known.
   */
  lostAt: Nanos | null;
  /** The end of its last bar is when a look did not find it any more: it was last seen then. Null where the end was seen, or estimated. */
  lastSeenAt: Nanos | null;
}

/** A refused bind or listen, and the lanes that were in its way. */
export interface Refusal {
  t: Nanos;
  failure: string;
  process: { pid: number; comm: string } | null;
  blockers: Socket[];
}

/** One port as a picture: what terminal, browser and Perfetto draw. Everything is in time order. */
export interface PortChart {
  netns: number;
  protocol: Protocol;
  port: number;
  /** The first and the last instant at which something happened. */
  from: Nanos;
  to: Nanos;
  lanes: Lane[];
  refusals: Refusal[];
  /** Between two servers nobody listened; of UDP, nobody was bound. */
  gaps: { from: Nanos; to: Nanos }[];
}

/** A bar, or what may have been one: the socket was gone when it was looked for, and nothing tells since when. */
export type SpanKind = BarKind | "maybe";

/** A socket, or several of which each instant shows the one that matters most, was in one state for a while. */
export interface Span {
  kind: SpanKind;
  from: Nanos;
  /** Null: so until the trace ended. */
  to: Nanos | null;
  /** The instant is that of the beginning, or end, itself. */
  beginSeen: boolean;
  endSeen: boolean;
}

/** The bars of a lane with what is known of their ends. */
export function spansOf({ socket, seenAt, bars, lostAt, lastSeenAt }: Lane): Span[] {
  const spans = bars.map(({ kind, from, to }) => ({
    kind,
    from: from ?? seenAt,
    to,
    beginSeen: from !== null,
    endSeen: to === null || (to !== lostAt && (to !== socket.releasedAt || socket.releaseIsExact)),
  }));
  const last = spans.at(-1);
  if (!last || lastSeenAt === null) return spans;
  const sure: Span = { ...last, to: lastSeenAt, endSeen: true };
  return [...spans.slice(0, -1), sure, { ...last, kind: "maybe", from: lastSeenAt, beginSeen: true }];
}

/** Draws nothing: says where each bar begins and ends. */
export function chartOf({ netns, protocol, port, rows, lanes }: PortTimeline): PortChart {
  const sorted = [...rows].sort((a, b) => a.t - b.t);
  const drawn = new Map<Socket, Lane>(lanes.map((socket) => [socket, emptyLane(socket, socket.seenAt)]));
  const lastSeen = new Map<Socket, Nanos>();
  for (const row of sorted) {
    const lane = row.socket && drawn.get(row.socket);
    if (lane && row.state !== null && row.kind !== "refused") {
      draw(lane, row, row.kind === "released" ? "empty" : barOf(row.state), lastSeen.get(lane.socket) ?? null);
    }
    if (row.socket) lastSeen.set(row.socket, row.t);
    for (const socket of row.blockers) lastSeen.set(socket, row.t);
  }
  const refusals = sorted.filter(({ kind }) => kind === "refused").map(refusalOf);
  const filled = new Map([...drawn].filter(([, { bars }]) => bars.length > 0));
  for (const { t, blockers } of refusals) {
    for (const socket of blockers) if (!filled.has(socket)) filled.set(socket, emptyLane(socket, t));
  }
  const all = [...filled.values()];
  return {
    ...{ netns, protocol, port },
    from: sorted[0]?.t ?? 0,
    to: sorted.at(-1)?.t ?? 0,
    lanes: all,
    refusals,
    gaps: gapsIn(all, protocol === "udp" ? "bound" : "listening"),
  };
}

const emptyLane = (socket: Socket, seenAt: Nanos): Lane => ({ socket, seenAt, bars: [], lostAt: null, lastSeenAt: null });

/** A look showed that it had gone. The end of TIME_WAIT is known from its timer. */
const isFoundGone = ({ kind, socket, state, t }: Row) =>
  kind === "missing" || (kind === "released" && socket?.releasedAt === t && !socket.releaseIsExact && state !== "TIME_WAIT");

/** Rows that show the socket on its port: others tell of one that may have let go. */
const SHOWS: readonly Row["kind"][] = ["there", "bound", "listening", "stopped-listening", "state"];

function draw(lane: Lane, row: Row, cell: Cell, lastSeen: Nanos | null): void {
  const { kind, t } = row;
  const last = lane.bars.at(-1);
  const open = last?.to === null ? last : null;
  const isLost = kind === "gone" || kind === "missing";
  if (isLost || cell === "empty") {
    if (open) {
      open.to = t;
      lane.lastSeenAt = isFoundGone(row) ? lastSeen : null;
    }
    if (!isLost || open) lane.lostAt = isLost ? t : null;
    return;
  }
  if (open?.kind === cell || (!open && !SHOWS.includes(kind))) return;
  if (!last) lane.seenAt = t;
  if (open) open.to = t;
  // What a connection leaves behind in TIME_WAIT is made before the connection's own struct goes (tcp_time_wait).
  const from = cell === "lingering" && lane.socket.destroyedAt !== null ? (lane.lostAt ?? t) : t;
  lane.bars.push({ kind: cell, from: kind === "there" && !last ? null : from, to: null });
  Object.assign(lane, { lostAt: null, lastSeenAt: null });
}

const refusalOf = ({ t, detail, process, blockers }: Row): Refusal => ({ t, failure: detail, process, blockers });

function gapsIn(lanes: readonly Lane[], serving: BarKind): PortChart["gaps"] {
  const served = lanes
    .flatMap(({ bars }) => bars.filter(({ kind }) => kind === serving))
    .sort((a, b) => (a.from ?? Number.NEGATIVE_INFINITY) - (b.from ?? Number.NEGATIVE_INFINITY));
  const gaps: PortChart["gaps"] = [];
  let until: Nanos | null = null;
  for (const { from, to } of served) {
    if (until !== null && from !== null && from > until) gaps.push({ from: until, to: from });
    until = Math.max(until ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY);
  }
  return gaps;
}
