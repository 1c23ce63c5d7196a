import type { Nanos } from "../base/nanoseconds.ts";
import { type Place, placeKey } from "./party.ts";
import type { Socket } from "./socket.ts";
import type { PortTimeline, Row } from "./timeline.ts";

/** A timeline with what is in it, so that nothing has to be searched for. */
interface Growing extends PortTimeline {
  sockets: Set<Socket>;
  pids: Set<number>;
}

/** The timelines of all ports on which something happened. */
export class PortTimelines {
  readonly #timelines = new Map<string, Growing>();

  all(): PortTimeline[] {
    return [...this.#timelines.values()];
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
    const timeline = this.#of(socket, port);
    if (kind !== "refused" && !timeline.sockets.has(socket)) {
      timeline.sockets.add(socket);
      timeline.lanes.push(socket);
    }
    if (process) timeline.pids.add(process.pid);
    const row: Row = { t, kind, socket, state: socket.facts.state, process: who(process), detail, blockers: [] };
    timeline.rows.push(row);
    return row;
  }

  /** A refused call of this socket on that port has been reported. */
  report(socket: Socket, port: number): void {
    this.#of(socket, port).reported = true;
  }

  /** A process ended: told of each port where it did something. */
  exited(t: Nanos, process: { pid: number; comm: string }, detail: string): void {
    for (const { rows, pids } of this.#timelines.values()) {
      if (!pids.has(process.pid)) continue;
      rows.push({ t, kind: "exited", socket: null, state: null, process: who(process), detail, blockers: [] });
    }
  }

  /** Takes back what was told of a socket from this instant on. */
  retract(kind: Row["kind"], socket: Socket | undefined, from: Nanos): void {
    if (!socket) return;
    const { rows } = this.#of(socket, socket.facts.port);
    for (let index = rows.length - 1; index >= 0; index--) {
      const row = rows[index];
      if (!row || row.t < from) break;
      if (row.socket === socket && row.kind === kind) rows.splice(index, 1);
    }
  }

  #of({ facts }: Socket, port: number): Growing {
    const { netns } = facts;
    const protocol = facts.protocol === "udp" ? "udp" : "tcp";
    const key = placeKey({ netns, protocol, port });
    const timeline = this.#timelines.get(key) ?? {
      netns,
      protocol,
      port,
      rows: [],
      lanes: [],
      reported: false,
      sockets: new Set(),
      pids: new Set(),
    };
    this.#timelines.set(key, timeline);
    return timeline;
  }
}

const who = (process: { pid: number; comm: string } | null) => process && { pid: process.pid, comm: process.comm };
