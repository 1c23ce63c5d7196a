import type { Nanos } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import { type Lane, type PortChart, type Refusal, type SpanKind, spansOf } from "../core/chart.ts";
import type { Socket } from "../core/socket.ts";
import type { Row } from "../core/timeline.ts";
import { failureArgs } from "./perfetto-args.ts";
import type { ToldFailures } from "./told-failures.ts";

/** An event of the trace: begin, end or instant of an async track (b, e, n), or an instant of the thread (i). */
export interface Moment {
  ph: "b" | "e" | "n" | "i";
  name: string;
  cat: "socket" | "refusal" | "gap" | "exit";
  t: Nanos;
  pid: number;
  /**
   * Of an async event: `id2.local`, with which Perfetto keeps the track in its process; it lays out a plain `id` apart. Tracks of one
   * name share a row while they do not overlap.
   */
  track?: string;
  /** Of an instant: on the thread. */
  s?: "t";
  /** A flow: `s` and `f` bind to slices of threads only, `bind_id` binds to async slices and instants too. */
  bind_id?: string;
  flow_out?: true;
  flow_in?: true;
  args?: object;
}

/** A port and the number of the process that it is shown as. */
export interface PortPicture {
  pid: number;
  chart: PortChart;
  rows: readonly Row[];
}

const BAR_NAMES: Readonly<Record<SpanKind, string>> = {
  bound: "bound",
  listening: "listening",
  connected: "connected",
  lingering: "TIME_WAIT",
  maybe: "maybe still there",
};

/** What a socket's track marks beside its bars. */
const MARKS: Partial<Record<Row["kind"], string>> = {
  joined: "joined",
  member: "is in",
  left: "left",
  "copy-closed": "copy closed",
  option: "set",
  gone: "ended",
  missing: "not there any more",
};

/** All that happened on these ports until the trace ended, in the order of each track. `sinceArmed`: an ISO time as an instant. */
export function pictureMoments(
  pictures: readonly PortPicture[],
  end: Nanos,
  told: ToldFailures,
  sinceArmed: (iso: string) => Nanos,
): Moment[] {
  const tracks = new Tracks(pictures);
  const refusals = pictures.flatMap(({ pid, chart }) => chart.refusals.map((refusal) => ({ pid, refusal })));
  const refused = refusals.flatMap(({ pid, refusal }, index) => {
    const flow = `0x${(index + 1).toString(16)}`;
    const blockers = refusal.blockers.flatMap((socket) => tracks.find(socket, pid));
    for (const track of blockers) tracks.mark(blockedMark(refusal, track, flow));
    return refusalMoments(refusal, pid, blockers.length > 0 ? flow : null, told, sinceArmed);
  });
  for (const { pid, rows } of pictures) for (const row of rows) if (MARKS[row.kind]) tracks.mark(rowMark(row, pid));
  const lanes = pictures.flatMap(({ pid, chart }) =>
    chart.lanes.flatMap((lane) => laneMoments(lane, pid, end, tracks.marks(pid, lane.socket.id))),
  );
  // A flow must begin in the file before it ends: the refused call comes first.
  return [
    ...refused,
    ...lanes,
    ...pictures.flatMap(({ pid, chart }) => gapMoments(chart, pid)),
    ...pictures.flatMap(({ pid, rows }) => rows.filter(({ kind }) => kind === "exited").map((row) => exitMoment(row, pid))),
  ];
}

type Track = Required<Pick<Moment, "pid" | "track">>;

/** The tracks of the sockets, and what is marked on them. */
class Tracks {
  readonly #ports = new Map<Socket, number[]>();
  readonly #marks = new Map<string, Moment[]>();

  constructor(pictures: readonly PortPicture[]) {
    for (const { pid, chart } of pictures) {
      for (const { socket } of chart.lanes) this.#ports.set(socket, [...(this.#ports.get(socket) ?? []), pid]);
    }
  }

  /** A socket's track on that port; else on another one, where a cgroup program rewrote the port that was asked for. */
  find(socket: Socket, port: number): Track[] {
    const ports = this.#ports.get(socket) ?? [];
    const pid = ports.find((one) => one === port) ?? ports[0];
    return pid === undefined ? [] : [{ pid, track: socket.id }];
  }

  mark(moment: Moment & Track): void {
    const key = `${moment.pid}/${moment.track}`;
    const known = this.#marks.get(key);
    if (known) known.push(moment);
    else this.#marks.set(key, [moment]);
  }

  marks(pid: number, track: string): readonly Moment[] {
    return this.#marks.get(`${pid}/${track}`) ?? [];
  }
}

const named = (process: { pid: number; comm: string } | null) => (process ? `${process.comm || "?"}[${process.pid}]` : "?");

/** A slice for the life of the socket on this port, one for each of its bars within, and the marks. */
function laneMoments(lane: Lane, pid: number, end: Nanos, marks: readonly Moment[]): Moment[] {
  const { socket, seenAt } = lane;
  const { facts, opener } = socket;
  const { address, port, peer, protocol, inode, reuseAddr, reusePort, ipv6Only, uid } = facts;
  const track = { cat: "socket", pid, track: socket.id } as const;
  const name = `${socket.id} ${endpoint(address, port)}${peer ? ` to ${endpoint(peer.address, peer.port)}` : ""}`;
  const slices = spansOf(lane).map(({ kind, from, to, beginSeen }) => ({
    name: BAR_NAMES[kind],
    begun: beginSeen,
    ended: to !== null,
    from,
    to: to ?? end,
  }));
  const times = [seenAt, ...slices.flatMap(({ from, to }) => [from, to]), ...marks.map(({ t }) => t)];
  const [from, to] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  const args = {
    socket: socket.id,
    protocol,
    inode: socket.inode ?? inode,
    lastKnown: { reuseAddr, reusePort, ipv6Only, uid },
    boundBy: opener && named({ pid: opener.process.pid, comm: opener.comm }),
  };
  return [
    { ph: "b", name, ...track, t: from, args },
    ...slices.flatMap((slice): Moment[] => [
      { ph: "b", name: slice.name, ...track, t: slice.from, ...(!slice.begun && { args: { since: "before it was first seen, here" } }) },
      { ph: "e", name: slice.name, ...track, t: slice.to, ...(!slice.ended && { args: { until: "the trace ended before it did" } }) },
    ]),
    ...marks,
    { ph: "e", name, ...track, t: to },
  ];
}

/** The refused call from its entry to its return, and at the return the verdict, from which the arrows go. */
function refusalMoments(
  { t, failure, process }: Refusal,
  pid: number,
  flow: string | null,
  told: ToldFailures,
  sinceArmed: (iso: string) => Nanos,
): Moment[] {
  const known = told.get(failure);
  const entered = known ? Math.min(t, sinceArmed(known.record.enteredAt)) : t;
  const track = { cat: "refusal", pid, track: failure } as const;
  const name = `${failure} ${named(process)}${known ? ` ${known.record.errno}` : ""}`;
  const arrows = flow === null ? {} : ({ bind_id: flow, flow_out: true } as const);
  return [
    { ph: "b", name: "refused", ...track, t: entered },
    { ph: "n", name, ...track, t, ...arrows, args: known ? failureArgs(known) : { failure } },
    { ph: "e", name: "refused", ...track, t },
  ];
}

const blockedMark = ({ t, failure, process }: Refusal, track: Track, flow: string): Moment & Track => ({
  ph: "n",
  name: `blocked ${failure} ${named(process)}`,
  cat: "socket",
  t,
  ...track,
  bind_id: flow,
  flow_in: true,
});

const rowMark = ({ t, kind, socket, process, detail }: Row, pid: number): Moment & Track => ({
  ph: "n",
  name: kind === "copy-closed" ? "copy closed" : `${MARKS[kind]} ${detail}`.trimEnd(),
  cat: "socket",
  t,
  pid,
  track: socket?.id ?? "",
  args: { ...(process && { by: named(process) }), ...(kind === "copy-closed" && { copiesLeft: Number(detail) }) },
});

function gapMoments({ gaps, protocol }: PortChart, pid: number): Moment[] {
  const name = protocol === "udp" ? "nobody is bound" : "nobody listens";
  const track = { name, cat: "gap", pid, track: "gap" } as const;
  return gaps.flatMap(({ from, to }): Moment[] => [
    { ph: "b", ...track, t: from },
    { ph: "e", ...track, t: to },
  ]);
}

const exitMoment = ({ t, process, detail }: Row, pid: number): Moment => ({
  ph: "i",
  s: "t",
  name: `${named(process)} exited`,
  cat: "exit",
  t,
  pid,
  args: { how: detail },
});
