import { type Nanos, SECOND } from "../base/nanoseconds.ts";
import { addressesEqual } from "./conflict.ts";
import type { EventOf, TraceEvent, WalkFacts } from "./event.ts";
import { bindsIpv6Only, type PlaceKey, placeKey } from "./party.ts";
import type { Process } from "./process.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** What came this long before a listener stopped is another story. systemd waits 90 s (DefaultTimeoutStopSec, systemd-system.conf(5)). */
export const ONE_STORY: Nanos = 120 * SECOND;
/** Most listeners that stopped, whose ports wait for the next. */
const MOST_STOPPED = 4096;

/** A TCP socket while it listened. */
export interface Listener {
  socket: Socket;
  netns: number;
  port: number;
  /** When it began, or was first seen to. */
  since: Nanos;
  until: Nanos | null;
  /** The listen call that made it, null where that was not seen. */
  call: EventOf<"listen"> | null;
  /** Processes that a search found to hold it, by the instant at which that was told. */
  found: Map<number, Nanos>;
}

const NONE: readonly Listener[] = [];

const keyOf = (netns: number, port: number) => placeKey({ netns, protocol: "tcp", port });

/** Whether a client can have meant either. */
export const overlap = (a: Socket, b: Socket) => addressesEqual(filed(a), filed(b), true);

const filed = ({ facts: { family, address, ipv6Only } }: Socket) => ({
  family,
  address,
  ipv6Only: bindsIpv6Only(family, address, ipv6Only),
});

/** Who listens and listened on each port, and which processes had the socket. UDP sockets do not listen. */
export class Listeners {
  readonly #table: SocketTable;
  readonly #at = new Map<PlaceKey, Listener[]>();
  readonly #byInode = new Map<number, Listener>();

  constructor(table: SocketTable) {
    this.#table = table;
  }

  /** Those of a port in the order in which they began: the ones that listen, and the ones that stopped and were not forgotten. */
  at(netns: number, port: number): readonly Listener[] {
    return this.#at.get(keyOf(netns, port)) ?? NONE;
  }

  all(): Listener[][] {
    return [...this.#at.values()];
  }

  /** Takes in what the table has just learnt; returns the listener that a listen call has made. */
  after(event: TraceEvent): Listener | undefined {
    switch (event.type) {
      case "listen":
      case "bind": {
        if (event.walk) this.#walked(event.walk, event.t);
        const { sk, inode, netns, port } = event.socket;
        this.#settle(netns, port);
        return event.type === "listen" && event.errno === null ? this.#add(this.#table.find(sk, inode), event.t, event) : undefined;
      }
      case "look":
        this.#walked(event.walk, event.t);
        break;
      case "holders":
        this.#finds(event);
        break;
      case "state":
      case "destroy":
      case "release":
      case "close":
        this.#settle(event.netns, event.port);
        break;
      case "namespace-gone":
        for (const { netns, port } of this.all().flat()) this.#settle(netns, port);
        break;
      default:
    }
    return undefined;
  }

  /** It listened, or was a connection, on a port that waits for the next listener: what happened to it is part of that story. */
  awaits(socket: Socket): boolean {
    const { facts, releasedAt, destroyedAt, replacedAt } = socket;
    const end = releasedAt ?? destroyedAt ?? replacedAt ?? Number.POSITIVE_INFINITY;
    const goesWith = ({ until }: Listener) => facts.peer !== null && until !== null && end >= until - ONE_STORY;
    return this.at(facts.netns, facts.port).some((listener) => listener.socket === socket || goesWith(listener));
  }

  /** The processes that a search found to have one of them. */
  *found(): Iterable<number> {
    for (const here of this.#at.values()) for (const { found } of here) yield* found.keys();
  }

  /** Of those that stopped, and that nobody followed, the last ones are kept; of who had one, those that are part of its end. */
  shorten(now: Nanos): void {
    for (const { found, until } of this.all().flat()) {
      for (const pid of found.keys()) {
        const exitedAt = this.#table.processes.get(pid)?.exitedAt ?? null;
        if (exitedAt !== null && exitedAt < (until ?? now) - ONE_STORY) found.delete(pid);
      }
    }
    const stopped = this.all().flatMap((here) => here.filter(({ until }) => until !== null));
    if (stopped.length <= MOST_STOPPED) return;
    this.forget(stopped.sort((a, b) => (b.until ?? 0) - (a.until ?? 0)).slice(MOST_STOPPED));
  }

  forget(listeners: readonly Listener[]): void {
    for (const listener of listeners) {
      const { netns, port } = listener;
      const left = this.at(netns, port).filter((other) => other !== listener);
      if (left.length > 0) this.#at.set(keyOf(netns, port), left);
      else this.#at.delete(keyOf(netns, port));
      const { inode } = listener.socket;
      if (inode !== null && this.#byInode.get(inode) === listener) this.#byInode.delete(inode);
    }
  }

  /** The processes that are known to have had it, without those that gave it away: they closed their copy while others were left. */
  processesOf({ socket, found }: Listener): Process[] {
    const { steps, opener, endedBy } = socket;
    const seen = [...found].flatMap(([pid, at]) => {
      const process = this.#table.processes.get(pid);
      // A process that was born later has only got the same number.
      return process && (process.forked === null || process.forked.t <= at) ? [process] : [];
    });
    const acted = [...(opener ? [opener.process] : []), ...steps.filter(({ step }) => step !== "created").map(({ process }) => process)];
    const gaveAway = (process: Process) => {
      const last = steps.findLast((step) => step.process === process);
      return last?.step === "copy-closed" && last.detail !== "0";
    };
    return [...new Set([...acted.filter((process) => !gaveAway(process)), ...seen, ...(endedBy ? [endedBy.process] : [])])];
  }

  #walked(walk: WalkFacts, t: Nanos): void {
    for (const { state, sk, inode } of walk.owners) {
      if (state === "LISTEN" && inode !== null) this.#add(this.#table.find(sk, inode), t, null);
    }
    this.#settle(walk.netns, walk.port);
  }

  #add(socket: Socket | undefined, t: Nanos, call: Listener["call"]): Listener | undefined {
    if (!socket) return undefined;
    const { netns, port } = socket.facts;
    const known = this.at(netns, port);
    if (known.some((listener) => listener.socket === socket && listener.until === null)) return undefined;
    const listener: Listener = { socket, netns, port, since: socket.listeningSince ?? t, until: null, call, found: new Map() };
    this.#at.set(keyOf(netns, port), [...known, listener]);
    if (socket.inode !== null) this.#byInode.set(socket.inode, listener);
    return listener;
  }

  /** Notices who does not listen any more, and forgets those of which a look shows that they went unseen. */
  #settle(netns: number, port: number): void {
    const here = this.at(netns, port);
    if (here.length === 0) return;
    const listening = here.filter(({ until }) => until === null);
    for (const listener of listening) {
      const { listenedUntil, destroyedAt, releasedAt } = listener.socket;
      listener.until = listenedUntil !== null && listenedUntil >= listener.since ? listenedUntil : (destroyedAt ?? releasedAt);
    }
    if (listening.length > 0) this.forget(listening.filter(({ socket, until }) => until === null && socket.inBucketSince === null));
  }

  #finds({ t, sockets }: EventOf<"holders">): void {
    for (const { inode, holders } of sockets) {
      const listener = this.#byInode.get(inode);
      for (const { pid } of holders) listener?.found.set(pid, t);
    }
  }
}
