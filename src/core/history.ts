import type { Socket } from "./socket.ts";
import type { PortTimeline, Row } from "./timeline.ts";

/** Rows by which a chart knows what a socket was, and until when. */
const STATES: ReadonlySet<Row["kind"]> = new Set([
  "there",
  "bound",
  "listening",
  "stopped-listening",
  "state",
  "gone",
  "missing",
  "released",
]);

const isLiving = ({ releasedAt, destroyedAt, replacedAt }: Socket) => releasedAt === null && destroyedAt === null && replacedAt === null;

/**
 * Drops the middle of a history, so that about `most` rows are left: the first and the last ones, and between them what the sockets
 * in these, and those that are still there, went through: else the chart would be wrong about them. Of that, `most` rows at most.
 */
export function shorten(timeline: PortTimeline, most: number): void {
  const { rows } = timeline;
  const half = Math.ceil(most / 2);
  const [start, end] = [half, rows.length - half];
  if (end <= start) return;
  const named = new Set<Socket>();
  const name = ({ socket, blockers }: Row) => {
    if (socket) named.add(socket);
    for (const blocker of blockers) named.add(blocker);
  };
  for (let index = 0; index < start; index++) name(rows[index] as Row);
  for (let index = end; index < rows.length; index++) name(rows[index] as Row);
  const tells = ({ kind, socket }: Row) => socket !== null && STATES.has(kind) && (named.has(socket) || isLiving(socket));
  const middle = rows.slice(start, end).filter(tells).slice(-most);
  const kept = [...rows.slice(0, start), ...middle, ...rows.slice(end)];
  const dropped = rows.length - kept.length;
  if (dropped === 0) return;
  for (const row of middle) name(row);
  const lanes = timeline.lanes.filter((socket) => named.has(socket) || isLiving(socket));
  timeline.notKept = {
    events: (timeline.notKept?.events ?? 0) + dropped,
    sockets: (timeline.notKept?.sockets ?? 0) + timeline.lanes.length - lanes.length,
    until: rows[end]?.t ?? 0,
  };
  timeline.rows = kept;
  timeline.lanes = lanes;
}
