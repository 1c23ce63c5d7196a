import type { Nanos } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import { type Lane, type PortChart, type Refusal, type Span, type SpanKind, spansOf } from "../core/chart.ts";
import type { Socket } from "../core/socket.ts";
import { processText } from "./block.ts";
import { countText, escapeText, type TextOptions } from "./text.ts";

/** Which lines the chart of a port has, and what stands beside each. */

/** Most lanes of sockets; a few more where many have to share lanes. */
const MAX_LANES = 12;
/** Most lanes of sockets that neither served nor were in the way. */
const MAX_BYSTANDERS = 4;
/** Most lanes of refused processes. */
const MAX_REFUSED = 4;
/** Most processes that are named beside a lane. */
const MAX_NAMED = 2;

interface Line {
  /** What stands beside it, foreign text escaped: the name in front, then the words that may be wrapped. */
  name: string;
  label: string;
  /** Its first instant: lines are in this order. */
  from: Nanos;
}

export interface SocketLine extends Line {
  sockets: ReadonlySet<Socket>;
  spans: Span[];
  refusals: null;
}

/** The refused calls of one process, or of several. */
export interface RefusedLine extends Line {
  sockets: null;
  spans: null;
  refusals: Refusal[];
}

export interface PickedLines {
  lines: (SocketLine | RefusedLine)[];
  /** Lanes that have no line: they neither served nor were in anybody's way. */
  left: Lane[];
}

type Process = { pid: number; comm: string };

/** The processes that were found to have a socket, by its name. */
export type KnownHolders = ReadonlyMap<string, readonly Process[]>;

/** The part of a long trace that is drawn in detail; all before it is one column, and all after it. */
export interface Window {
  from: Nanos;
  to: Nanos;
}

/**
 * Every socket that was in the way of a refused call has a line, and every socket that a refused program got in the end; then
 * listeners (of UDP, sockets without a peer), then the longest lived of the others, as far as there is room. Where there are too
 * many, and outside the window, alike ones share a line.
 */
export function pickLines(chart: PortChart, window: Window | null, holders: KnownHolders, options: TextOptions): PickedLines {
  const blockers = new Set<Socket>();
  for (const refusal of chart.refusals) for (const socket of refusal.blockers) blockers.add(socket);
  const { must, servers, bystanders } = ranked(chart, blockers);
  const lasts = (lane: Lane) => lifetime(lane, window ?? chart);
  const isInside = (lane: Lane) => !window || (lane.seenAt <= window.to && (lane.bars.at(-1)?.to ?? window.to) >= window.from);
  const role = (lane: Lane) => `${roleOf(lane)} ${blockers.has(lane.socket)}`;
  const outside = grouped(
    [...must, ...servers].filter((lane) => !isInside(lane)),
    role,
  );
  const needed = shared(must.filter(isInside), MAX_LANES - outside.length, role);
  const serving = shared(servers.filter(isInside), MAX_LANES - outside.length - needed.length, role);
  const room = Math.max(0, Math.min(MAX_BYSTANDERS, MAX_LANES - outside.length - needed.length - serving.length));
  const shown = new Set([...bystanders].sort((a, b) => lasts(b) - lasts(a)).slice(0, room));
  const alone = bystanders.filter((lane) => shown.has(lane)).map((lane) => [lane]);
  const sockets = [...outside, ...needed, ...serving, ...alone].map((lanes) => socketLine(lanes, holders, options));
  return {
    lines: [...sockets, ...refusedLines(chart.refusals, options)].sort((a, b) => a.from - b.from),
    left: bystanders.filter((lane) => !shown.has(lane)),
  };
}

function ranked(
  { lanes, refusals, protocol }: PortChart,
  blockers: ReadonlySet<Socket>,
): Record<"must" | "servers" | "bystanders", Lane[]> {
  const refusedFirst = new Map<number | string, Nanos>();
  for (const { t, process } of refusals) {
    for (const key of process ? [process.pid, process.comm] : []) if (!refusedFirst.has(key)) refusedFirst.set(key, t);
  }
  const succeeded = ({ socket: { opener }, seenAt }: Lane) =>
    opener !== null && [opener.process.pid, opener.comm].some((key) => (refusedFirst.get(key) ?? Number.POSITIVE_INFINITY) <= seenAt);
  const serves = ({ socket, bars }: Lane) =>
    socket.facts.peer === null && (protocol === "udp" || bars.some(({ kind }) => kind === "listening"));
  const result: Record<"must" | "servers" | "bystanders", Lane[]> = { must: [], servers: [], bystanders: [] };
  for (const lane of lanes) {
    const rank = blockers.has(lane.socket) || succeeded(lane) ? "must" : serves(lane) ? "servers" : "bystanders";
    result[rank].push(lane);
  }
  return result;
}

const lifetime = ({ seenAt, bars }: Lane, { from, to }: Window) => Math.min(bars.at(-1)?.to ?? to, to) - Math.max(seenAt, from);

/** The lanes by themselves where they are not more than `most`; else those that are alike share one, however many they are. */
function shared(lanes: readonly Lane[], most: number, role: (lane: Lane) => string): Lane[][] {
  if (lanes.length <= most) return lanes.map((lane) => [lane]);
  const alike = grouped(
    lanes,
    (lane) => `${role(lane)} ${endpoint(lane.socket.facts.address, lane.socket.facts.port)} ${lane.socket.opener?.comm ?? ""}`,
  );
  return alike.length <= most ? alike : grouped(lanes, role);
}

function grouped<T>(all: readonly T[], key: (one: T) => string | number): T[][] {
  const groups = new Map<string | number, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return [...groups.values()];
}

/** What the socket was on its port. */
export function roleOf({ socket, bars }: Lane): "connection" | "listener" | "bound socket" {
  if (socket.facts.peer !== null) return "connection";
  return bars.some(({ kind }) => kind === "listening") ? "listener" : "bound socket";
}

/** In a trace an address may be any text. */
const addressOf = ({ address, port }: { address: string; port: number }, { ascii }: TextOptions) =>
  escapeText(endpoint(address, port), ascii);

function socketLine(lanes: readonly Lane[], holders: KnownHolders, options: TextOptions): SocketLine {
  const [first] = lanes;
  if (!first) throw new Error("no lane");
  return {
    name: first.socket.id,
    label: lanes.length === 1 ? oneLabel(first, holders, options) : sharedLabel(lanes, options),
    from: lanes.reduce((earliest, { seenAt }) => Math.min(earliest, seenAt), first.seenAt),
    sockets: new Set(lanes.map(({ socket }) => socket)),
    spans: lanes.length === 1 ? spansOf(first) : together(lanes),
    refusals: null,
  };
}

function oneLabel(lane: Lane, holders: KnownHolders, options: TextOptions): string {
  const { facts, opener, id } = lane.socket;
  const peer = facts.peer ? ` ${options.ascii ? "->" : "→"} ${addressOf(facts.peer, options)}` : "";
  const known = [...(opener ? [{ pid: opener.process.pid, comm: opener.comm }] : []), ...(holders.get(id) ?? [])];
  const processes = [...new Map(known.map((process) => [process.pid, process])).values()].map((process) => processText(process, options));
  const more = processes.length > MAX_NAMED ? [`${processes.length - MAX_NAMED} more`] : [];
  const who = [...processes.slice(0, MAX_NAMED), ...more].join(", ");
  return `${addressOf(facts, options)}${peer}${who && ` ${who}`}`;
}

function sharedLabel(lanes: readonly Lane[], options: TextOptions): string {
  const only = (values: readonly string[]) => (new Set(values).size === 1 ? `, ${values[0]}` : "");
  const roles = new Set(lanes.map(roleOf));
  const thing = roles.size === 1 ? [...roles].join("") : "socket";
  const comms = lanes.map(({ socket }) => (socket.opener ? escapeText(socket.opener.comm, options.ascii) : ""));
  const who = only(comms);
  return `and ${countText(lanes.length - 1)} more: ${thing}s${only(lanes.map(({ socket }) => addressOf(socket.facts, options)))}${who === ", " ? "" : who}`;
}

/** The order in which states matter. */
const KINDS: readonly SpanKind[] = ["listening", "bound", "connected", "lingering", "maybe"];

/** One bar for several sockets: at each instant that of the one whose state matters most. */
function together(lanes: readonly Lane[]): Span[] {
  const spans = lanes.flatMap(spansOf);
  const edges = [
    ...spans.map(({ kind, from, beginSeen }) => ({ t: from, kind, by: 1, seen: beginSeen })),
    ...spans.flatMap(({ kind, to, endSeen }) => (to === null ? [] : [{ t: to, kind, by: -1, seen: endSeen }])),
  ].sort((a, b) => a.t - b.t);
  const counts = new Map<SpanKind, number>();
  const result: Span[] = [];
  edges.forEach(({ t, kind, by, seen }, index) => {
    counts.set(kind, (counts.get(kind) ?? 0) + by);
    if (edges[index + 1]?.t === t) return;
    const now = KINDS.find((one) => (counts.get(one) ?? 0) > 0);
    const last = result.at(-1);
    const current = last?.to === null ? last : undefined;
    if (current?.kind === now) return;
    if (current) Object.assign(current, { to: t, endSeen: seen });
    if (now) result.push({ kind: now, from: t, to: null, beginSeen: seen, endSeen: true });
  });
  return result;
}

function refusedLines(refusals: readonly Refusal[], options: TextOptions): RefusedLine[] {
  const byProcess = grouped(refusals, ({ process }) => process?.pid ?? -1);
  const byName = byProcess.length <= MAX_REFUSED ? byProcess : grouped(refusals, ({ process }) => process?.comm ?? "");
  const groups = byName.length <= MAX_REFUSED ? byName : [[...refusals]];
  return groups.map((group) => ({
    name: options.ascii ? "x" : "✗",
    label:
      group.length === 1 ? `${refusedText(group, options)} refused` : `${refusedText(group, options)}, ${countText(group.length)} refused`,
    from: group[0]?.t ?? 0,
    sockets: null,
    spans: null,
    refusals: group,
  }));
}

function refusedText(group: readonly Refusal[], options: TextOptions): string {
  const processes = new Map<number, Process>();
  for (const { process } of group) if (process && !processes.has(process.pid)) processes.set(process.pid, process);
  const [first, ...others] = processes.values();
  if (!first) return "unknown";
  if (others.length === 0) return processText(first, options);
  const name = others.every(({ comm }) => comm === first.comm) ? `${escapeText(first.comm, options.ascii) || "?"}, ` : "";
  return `${name}${countText(processes.size)} processes`;
}
