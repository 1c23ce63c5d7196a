import type { Nanos } from "../base/nanoseconds.ts";
import { shorten } from "./history.ts";
import { type Place, type PlaceKey, placeKey } from "./party.ts";
import type { Process, Processes } from "./process.ts";
import type { Socket } from "./socket.ts";
import { type NotKept, type PortTimeline, type Row, Unavailable } from "./timeline.ts";

/** A timeline with what is in it, so that nothing has to be searched for. */
interface Growing extends PortTimeline {
  key: PlaceKey;
  sockets: Set<Socket>;
  unavailable: Unavailable;
  /** Rows at which it is to be shortened. */
  shortenAt: number;
}

const NONE: Socket[] = [];
/** Rows that are kept of all ports together, as a multiple of those of one, and at least of each. */
const ALL_PORTS = 10;
const LEAST = 100;
/** Most ports that are kept: those on which a refusal was reported, and of the others the ones where something happened last. */
const MOST_PORTS = 4096;

/** The timelines of all ports on which something happened. */
export class PortTimelines {
  readonly #timelines = new Map<PlaceKey, Growing>();
  /** What had happened on ports that were dropped. */
  readonly #dropped = new Map<PlaceKey, NotKept>();
  /** The ports where a process did something. A pid that is used again is another process. */
  readonly #of = new WeakMap<Process, Set<PlaceKey>>();
  readonly #processes: Processes;
  readonly #history: number;

  /** `history`: about how many rows are kept of each port. */
  constructor(processes: Processes, history: number) {
    this.#processes = processes;
    this.#history = history;
  }

  all(): PortTimeline[] {
    for (const timeline of this.#timelines.values()) this.#shorten(timeline);
    return [...this.#timelines.values()];
  }

  /** More ports have come: less is kept of each. */
  forget(): void {
    const most = this.#most();
    for (const timeline of this.#timelines.values()) if (timeline.rows.length > 2 * most) this.#shorten(timeline);
    if (this.#timelines.size <= MOST_PORTS) return;
    const idle = [...this.#timelines].filter(
      ([, { reported, lanes }]) => !reported && lanes.every(({ releasedAt }) => releasedAt !== null),
    );
    idle.sort(([, a], [, b]) => lastOf(a) - lastOf(b));
    for (const [key, { rows, lanes, notKept }] of idle.slice(0, this.#timelines.size - MOST_PORTS)) {
      this.#timelines.delete(key);
      for (const { process } of rows) {
        const actor = process && this.#processes.get(process.pid);
        if (actor) this.#of.get(actor)?.delete(key);
      }
      this.#dropped.set(key, { events: rows.length + (notKept?.events ?? 0), sockets: lanes.length + (notKept?.sockets ?? 0), until: 0 });
    }
  }

  /** How long binds of that port were refused, to the end of the trace. */
  unavailableNs(place: Place, end: Nanos): Nanos {
    return this.#timelines.get(placeKey(place))?.unavailable.until(end) ?? 0;
  }

  at(place: Place): PortTimeline | undefined {
    return this.#timelines.get(placeKey(place));
  }

  /** Something happened to a socket. `port`: where that is another than the socket's own. */
  add(
    kind: Row["kind"],
    t: Nanos,
    socket: Socket | undefined,
    process: { pid: number; comm: string } | null,
    detail: string,
    port = socket?.facts.port ?? 0,
  ): Row | undefined {
    if (!socket) return undefined;
    const timeline = this.#grow(socket, port);
    if (kind !== "refused" && !timeline.sockets.has(socket)) {
      timeline.sockets.add(socket);
      timeline.lanes.push(socket);
    }
    if (process) this.#acts(process, timeline);
    const row: Row = { t, kind, socket, state: socket.facts.state, process: who(process), detail, blockers: NONE };
    timeline.rows.push(row);
    timeline.unavailable.take(row);
    if (timeline.rows.length >= timeline.shortenAt) this.#shorten(timeline);
    return row;
  }

  /** A refused call of this socket on that port has been reported. */
  report(socket: Socket, port: number): void {
    this.#grow(socket, port).reported = true;
  }

  /** A process ended: told of each port where it did something. */
  exited(t: Nanos, process: Process, detail: string): void {
    for (const key of this.#of.get(process) ?? []) {
      this.#timelines.get(key)?.rows.push({ t, kind: "exited", socket: null, state: null, process: who(process), detail, blockers: NONE });
    }
  }

  /** Takes back what was told of a socket from this instant on. */
  retract(kind: Row["kind"], socket: Socket | undefined, from: Nanos): void {
    if (!socket) return;
    const { rows } = this.#grow(socket, socket.facts.port);
    for (let index = rows.length - 1; index >= 0; index--) {
      const row = rows[index];
      if (!row || row.t < from) break;
      if (row.socket === socket && row.kind === kind) rows.splice(index, 1);
    }
  }

  #acts({ pid, comm }: { pid: number; comm: string }, { key }: Growing): void {
    const process = this.#processes.get(pid) ?? this.#processes.seen(pid, comm);
    const places = this.#of.get(process);
    if (places) places.add(key);
    else this.#of.set(process, new Set([key]));
  }

  #shorten(timeline: Growing): void {
    const most = this.#most();
    if (timeline.rows.length <= most) return;
    shorten(timeline, most);
    timeline.sockets = new Set(timeline.lanes);
    timeline.shortenAt = timeline.rows.length + Math.ceil(most / 2);
  }

  #most(): number {
    return Math.max(Math.min(LEAST, this.#history), Math.min(this.#history, (ALL_PORTS * this.#history) / this.#timelines.size));
  }

  #grow({ facts }: Socket, port: number): Growing {
    const { netns } = facts;
    const protocol = facts.protocol === "udp" ? "udp" : "tcp";
    const key = placeKey({ netns, protocol, port });
    const known = this.#timelines.get(key);
    if (known) return known;
    const timeline: Growing = {
      ...{ key, netns, protocol, port, rows: [], lanes: [], reported: false },
      ...{ sockets: new Set(), unavailable: new Unavailable(), shortenAt: this.#most() * 1.5 },
    };
    const dropped = this.#dropped.get(key);
    if (dropped) timeline.notKept = dropped;
    this.#timelines.set(key, timeline);
    return timeline;
  }
}

const who = (process: { pid: number; comm: string } | null) => process && { pid: process.pid, comm: process.comm };

const lastOf = ({ rows }: Growing) => rows.at(-1)?.t ?? 0;
