import type { Nanos } from "../base/nanoseconds.ts";
import type { TraceEvent } from "./event.ts";
import { type Listener, Listeners, ONE_STORY, overlap } from "./listeners.ts";
import type { Observer } from "./observer.ts";
import { type PlaceKey, placeKey } from "./party.ts";
import type { RestartRecord } from "./record.ts";
import type { Failure } from "./refusal.ts";
import { inTime, RestartPhases, slowestOf } from "./restart-phases.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** The reported refusals at a port since the last restart. */
interface Refused {
  netns: number;
  port: number;
  last: Failure;
  /** The sockets that are to blame, and when they last were. */
  blockers: Map<Socket, Nanos>;
}

/**
 * Tells how a TCP port went from one listener to the next, once the next one listens and the old one does not. Of a new listener that
 * came before the old one was told to go it says nothing: the two may be fellows, as the workers of a server are.
 */
export class Restarts implements Observer {
  readonly #shows: (socket: Socket) => boolean;
  readonly #listeners: Listeners;
  readonly #phases: RestartPhases;
  readonly #refused = new Map<PlaceKey, Refused>();
  /** New listeners, and ports where a socket ended, that wait for the report of a refusal before them. */
  #came: Listener[] = [];
  #ended: { netns: number; port: number }[] = [];

  /** `shows`: whether the port of this socket is reported on. */
  constructor(table: SocketTable, iso: (t: Nanos) => string, shows: (socket: Socket) => boolean) {
    this.#shows = shows;
    this.#listeners = new Listeners(table);
    this.#phases = new RestartPhases(table, this.#listeners, iso);
  }

  after(event: TraceEvent, settled: boolean): RestartRecord[] {
    const came = this.#listeners.after(event);
    if (came) this.#came.push(came);
    if ((event.type === "destroy" || event.type === "release") && this.#listeners.at(event.netns, event.port).length > (settled ? 1 : 0)) {
      this.#ended.push({ netns: event.netns, port: event.port });
    }
    return settled ? this.#settle() : [];
  }

  explained(failure: Failure): RestartRecord[] {
    const { facts } = failure.binder;
    if (facts.protocol === "udp") return [];
    const blockers = this.#refused.get(placeOf(facts))?.blockers ?? new Map<Socket, Nanos>();
    for (const { socket } of failure.verdict.blockers) blockers.set(socket, failure.call.t);
    this.#refused.set(placeOf(facts), { netns: facts.netns, port: facts.port, last: failure, blockers });
    return [];
  }

  finish(end: Nanos): RestartRecord[] {
    return [...this.#settle(), ...this.#listeners.all().flatMap((here) => this.#unreplaced(here, end))];
  }

  needs(socket: Socket): boolean {
    return this.#listeners.awaits(socket);
  }

  needsProcesses(): Iterable<number> {
    return this.#listeners.found();
  }

  /** Of what a story may begin with, nothing is dropped. */
  forget(now: Nanos): void {
    this.#listeners.shorten(now);
    for (const [place, { netns, port, last, blockers }] of this.#refused) {
      const stopped = this.#listeners.at(netns, port).flatMap(({ until }) => until ?? []);
      const start = Math.min(now, ...stopped) - ONE_STORY;
      for (const [socket, t] of blockers) if (t < start) blockers.delete(socket);
      if (blockers.size === 0 && last.call.t < start) this.#refused.delete(place);
    }
  }

  #settle(): RestartRecord[] {
    if (this.#came.length + this.#ended.length === 0) return [];
    const records = [
      ...this.#came.flatMap((listener) => this.#replaces(listener)),
      ...this.#ended.flatMap(({ netns, port }) => this.#overtaken(this.#listeners.at(netns, port))),
    ];
    this.#came = [];
    this.#ended = [];
    return records;
  }

  /** This listener has come after others, all of which may have stopped, or only some. */
  #replaces(to: Listener): RestartRecord[] {
    const others = this.#listeners.at(to.netns, to.port).filter((other) => other !== to && overlap(other.socket, to.socket));
    const gone = others.filter(({ until }) => until !== null && until <= to.since);
    const last = lastEnd(gone);
    const still = others.filter((other) => !gone.includes(other) && gone.some(({ socket }) => overlap(other.socket, socket)));
    this.#listeners.forget(gone);
    // Another one whose beginning was not seen came first.
    if (still.some(({ since }) => since > last && since < to.since)) return [];
    const throughout = still.some(({ since }) => since <= last);
    const from = gone.filter(({ until }) => (until ?? 0) >= (throughout ? to.since : last) - ONE_STORY);
    return this.#tell(from, to, to.since, throughout ? null : to.since - last);
  }

  /** Some stopped when another one had come already: after they had been told to go. */
  #overtaken(here: readonly Listener[]): RestartRecord[] {
    return here.flatMap((from) => {
      const { until, socket } = from;
      const ended = socket.releasedAt ?? socket.destroyedAt;
      const told = until === null ? undefined : this.#phases.signals([from], until)[0]?.t;
      if (until === null || ended === null || told === undefined) return [];
      const next = here.find((other) => other.call && other.until === null && other.since > told && overlap(other.socket, socket));
      if (!next) return [];
      this.#listeners.forget([from]);
      return this.#tell([from], next, Math.max(until, ended), null);
    });
  }

  /** None has come after them, and a bind was refused since they began to go. */
  #unreplaced(here: readonly Listener[], end: Nanos): RestartRecord[] {
    const refused = here[0] && this.#refused.get(placeOf(here[0]));
    const meant = refused ? here.filter(({ socket }) => overlap(socket, refused.last.binder)) : [];
    if (!refused || meant.some(({ until }) => until === null)) return [];
    const from = meant.filter(({ until }) => (until ?? 0) >= lastEnd(meant) - ONE_STORY);
    const began = this.#phases.going(from, end)[0]?.t;
    return began !== undefined && refused.last.call.t >= began ? this.#tell(from, null, end, null) : [];
  }

  #tell(from: readonly Listener[], to: Listener | null, end: Nanos, downtimeNs: Nanos | null): RestartRecord[] {
    const about = to ?? from[0];
    const going = this.#phases.going(from, end);
    const start = going[0]?.t;
    if (!about || start === undefined || !this.#shows(about.socket)) return [];
    const { netns, port } = about;
    const blockers = [...(this.#refused.get(placeOf(about))?.blockers ?? [])].filter(([, t]) => t >= start).map(([blocker]) => blocker);
    this.#refused.delete(placeOf(about));
    const phases = [
      ...going,
      ...this.#phases.lastConnection(from, start, end),
      ...this.#phases.free([...from.map((listener) => listener.socket), ...blockers], end),
      ...(to ? this.#phases.arrival(to) : []),
    ].sort(inTime);
    return [
      {
        type: "restart",
        netns,
        protocol: "tcp",
        address: about.socket.facts.address,
        port,
        from: from.map((listener) => listener.socket.id),
        to: to?.socket.id ?? null,
        phases: phases.map(({ t, ...phase }) => phase),
        downtimeNs,
        slowest: slowestOf(phases.filter(({ t }) => t >= start)),
      },
    ];
  }
}

const lastEnd = (listeners: readonly Listener[]) => Math.max(...listeners.map(({ until }) => until ?? 0));

const placeOf = ({ netns, port }: Pick<Listener, "netns" | "port">) => placeKey({ netns, protocol: "tcp", port });
