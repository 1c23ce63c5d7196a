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
  bars: Bar[];
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

/** Draws nothing: says where each bar begins and ends. */
export function chartOf({ netns, protocol, port, rows, lanes }: PortTimeline): PortChart {
  const sorted = [...rows].sort((a, b) => a.t - b.t);
  const drawn = new Map<Socket, Lane>(lanes.map((socket) => [socket, { socket, seenAt: socket.seenAt, bars: [] }]));
  for (const row of sorted) {
    const lane = row.socket && drawn.get(row.socket);
    if (lane && row.state !== null && row.kind !== "refused") draw(lane, row, row.kind === "released" ? "empty" : barOf(row.state));
  }
  const filled = [...drawn.values()].filter(({ bars }) => bars.length > 0);
  return {
    ...{ netns, protocol, port },
    from: sorted[0]?.t ?? 0,
    to: sorted.at(-1)?.t ?? 0,
    lanes: filled,
    refusals: sorted.filter(({ kind }) => kind === "refused").map(refusalOf),
    gaps: gapsIn(filled, protocol === "udp" ? "bound" : "listening"),
  };
}

function draw(lane: Lane, { kind, t }: Row, cell: Cell): void {
  const last = lane.bars.at(-1);
  if (!last) lane.seenAt = t;
  if (last && last.to === null) {
    if (last.kind === cell) return;
    last.to = t;
  }
  if (cell !== "empty") lane.bars.push({ kind: cell, from: kind === "there" && !last ? null : t, to: null });
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
