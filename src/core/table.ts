import type { Nanos } from "../base/nanoseconds.ts";
import { Addresses } from "./addresses.ts";
import type { CallEvent, EventOf, Holder, SocketFacts, State, WalkFacts } from "./event.ts";
import { Groups } from "./groups.ts";
import { KnownSockets, REMEMBERED } from "./known-sockets.ts";
import { meet, type Place, type PlaceKey, placeKey } from "./party.ts";
import { Places } from "./places.ts";
import { Processes } from "./process.ts";
import { addStep, continues, mayHaveHad, type Socket, takeAgain } from "./socket.ts";

/** A socket as one walk showed it, with what was known of it before. */
export interface WalkedOwner {
  socket: Socket;
  facts: SocketFacts;
  /** Its state before this walk, null when the walk is the first to show it. */
  previous: State | null;
  /** Earliest instant at which it was in the bucket by other evidence than this walk. */
  knownSince: Nanos | null;
}

/** TIME_WAIT lasts 60 s (TCP_TIMEWAIT_LEN, include/net/tcp.h), so its timer tells when it began. */
const TIME_WAIT_LENGTH: Nanos = 60_000_000_000;

/** A destroyed connection may go on in TIME_WAIT, but no event says that it does. */
const endOf = ({ releasedAt, destroyedAt }: Socket) => releasedAt ?? destroyedAt;

function timeWaitBegan({ state, substate, expiresAt }: SocketFacts): Nanos | null {
  return state === "TIME_WAIT" && substate === "TIME_WAIT" && expiresAt !== null ? expiresAt - TIME_WAIT_LENGTH : null;
}

const earliest = (a: Nanos | null, b: Nanos | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b));

const PASS_STEPS = { dup: "duplicated", send: "sent", receive: "received", pidfd_getfd: "received" } as const;

/** All sockets, groups and processes seen so far. One fold over the events, in time order but for what comes late. */
export class SocketTable {
  readonly #known = new KnownSockets();
  readonly groups = new Groups();
  readonly processes = new Processes();
  /** Who had a descriptor when that was last looked for, by the socket's inode. */
  readonly lastHolders = new Map<number, readonly Holder[]>();
  readonly #addresses = new Addresses();
  readonly #places = new Places();
  /** When the first socket that listened on each port was first seen. */
  readonly #listened = new Map<PlaceKey, Nanos>();

  /** Those that have not been forgotten, oldest first. */
  get sockets(): readonly Socket[] {
    return [...this.#known];
  }

  /** Sockets and processes that there have been. */
  get count(): number {
    return this.#known.count + this.processes.count;
  }

  /** To be told of each event of the kernel before anything else is. */
  advance(t: Nanos): void {
    this.#addresses.advance(t);
  }

  /** The socket at this kernel address, if it is that one still. */
  find(sk: number, inode: number | null): Socket | undefined {
    return this.#addresses.find(sk, inode);
  }

  /** Those that have not let this port go. */
  there(place: Place): Socket[] {
    return this.#places.there(place).filter(({ facts }) => meet(facts, place));
  }

  /** Those that had this port at `t` or since, in the order in which they let it go, or took it. */
  since(place: Place, t: Nanos): Socket[] {
    return this.#places.since(place, t).filter(({ facts }) => meet(facts, place));
  }

  /** Whether somebody listened on this port who was first seen by then. */
  listenedBy(place: Place, t: Nanos): boolean {
    return (this.#listened.get(placeKey(place)) ?? Number.POSITIVE_INFINITY) <= t;
  }

  /** Forgets sockets and processes to which nothing will refer any more, but for those that are needed. */
  forget(now: Nanos, needed: (socket: Socket) => boolean, processes: ReadonlySet<number>): void {
    const gone = this.#known.forget(now, needed);
    this.#addresses.forget(gone);
    this.#places.forget(gone);
    this.groups.forget(gone);
    for (const inode of this.lastHolders.keys()) if (this.#known.ofInode(inode).length === 0) this.lastHolders.delete(inode);
    const holders = new Set([...this.lastHolders.values()].flatMap((of) => of.map(({ pid }) => pid)));
    this.processes.forget(now - REMEMBERED, (pid) => holders.has(pid) || processes.has(pid));
  }

  /** The process made a bind or listen call; its socket is bound when the call succeeded. */
  call(event: CallEvent): Socket {
    const process = this.processes.seen(event.pid, event.comm);
    const known = this.find(event.socket.sk, event.socket.inode) ?? this.#addresses.former(event.socket, event.t);
    const socket = known ?? this.#add(event.socket, event.t, true);
    const succeeded = event.errno === null;
    if (succeeded || socket.binderOnly) socket.facts = { ...event.socket, subflow: event.socket.subflow ?? socket.facts.subflow };
    if (socket.facts.subflow !== null) this.#addresses.set(socket.facts.subflow, socket);
    this.#made(socket, event);
    if (succeeded) socket.binderOnly = false;
    this.groups.seen(socket, event.socket, event.t, succeeded);
    if (!succeeded) return socket;
    const isOver = socket.destroyedAt !== null;
    if (!isOver) takeAgain(socket);
    this.#places.put(socket);
    addStep(socket, { t: event.t, step: event.type === "bind" ? "bound" : "listened", process, fd: event.fd, detail: "" });
    if (event.type === "bind") {
      socket.bindEnteredAt ??= event.enteredAt;
      socket.boundAt ??= event.t;
      socket.opener = { process, comm: event.comm, fd: event.fd };
    } else {
      this.#listens(socket, event.t);
      // Listening without bind before it: the kernel chose a port.
      if (event.search?.port === 0) {
        socket.bindEnteredAt ??= event.enteredAt;
        socket.boundAt ??= event.t;
      }
      socket.opener ??= { process, comm: event.comm, fd: event.fd };
    }
    if (!isOver && this.#addresses.holds(socket)) socket.inBucketSince = Math.min(socket.inBucketSince ?? event.t, event.t);
    return socket;
  }

  /**
   * Every owner that a walk shows, known or new, in the walk's order. One that is being closed has no inode any more: its address
   * alone says nothing, since the kernel gives it to the next socket within microseconds, so it is the known one there only if that
   * was closed since `since`, when the call that the walk belongs to began.
   */
  walked(walk: WalkFacts, t: Nanos, since: Nanos = t): WalkedOwner[] {
    const shownAt = walk.at ?? t;
    const found = walk.owners.map((facts) => this.#addresses.owner(facts, t, since));
    return walk.owners.map((facts, index) => {
      const known = found[index] ?? this.#continued(facts, found);
      if (this.#addresses.late && known) return { socket: known, facts, previous: facts.state, knownSince: known.inBucketSince };
      const socket = known ?? this.#add(facts, t, false);
      takeAgain(socket);
      const previous = known?.facts.state ?? null;
      const before = earliest(socket.inBucketSince, timeWaitBegan(facts));
      socket.binderOnly = false;
      socket.facts = facts;
      this.#places.put(socket);
      if (facts.state === "LISTEN") this.#listens(socket, t);
      this.#known.showed(socket, facts.inode);
      if (known) this.#addresses.set(facts.sk, known);
      if (facts.subflow !== null) this.#addresses.set(facts.subflow, socket);
      if (this.#addresses.holds(socket)) socket.inBucketSince = Math.min(before ?? shownAt, shownAt);
      this.groups.seen(socket, facts, t, false);
      return { socket, facts, previous, knownSince: before };
    });
  }

  /** Other sockets that were bound to the port before `from` and let it go between `from` and `to`, or not yet, as they were then. */
  heldDuring(binder: SocketFacts, from: Nanos, to: Nanos): { socket: Socket; facts: SocketFacts; endedAt: Nanos | null }[] {
    return this.since(binder, from)
      .filter((socket) => {
        const { facts, inBucketSince } = socket;
        const end = endOf(socket);
        return facts.sk !== binder.sk && inBucketSince !== null && inBucketSince < from && (end === null || end >= from);
      })
      .map((socket) => {
        const listened = socket.listenedUntil !== null && socket.listenedUntil >= from;
        const facts: SocketFacts = listened ? { ...socket.facts, state: "LISTEN" } : socket.facts;
        const end = endOf(socket);
        return { socket, facts, endedAt: end !== null && end <= to ? end : null };
      });
  }

  state(event: EventOf<"state">): Socket | undefined {
    const socket = this.find(event.sk, event.inode);
    if (!socket || socket.binderOnly) return undefined;
    // A refused listen passes through LISTEN and back (inet_csk_listen_start); the socket stays bound.
    const state = event.to === "CLOSE" && socket.facts.peer === null ? "BOUND" : event.to;
    socket.facts = { ...socket.facts, state };
    if (event.from === "LISTEN" && event.to !== "LISTEN") {
      socket.listenedUntil = event.t;
      this.groups.stopped(socket, event.t);
    }
    if (event.to === "LISTEN") this.#listens(socket, event.t);
    else socket.listeningSince = null;
    return socket;
  }

  option(event: EventOf<"option">): Socket | undefined {
    this.processes.seen(event.pid, event.comm);
    const socket = this.find(event.sk, event.inode);
    if (!socket) return undefined;
    const { reuseAddr, reusePort, ipv6Only, device } = event;
    if (reusePort && !socket.facts.reusePort) {
      socket.reusePortSince = event.t;
      this.groups.late(socket);
    }
    socket.facts = { ...socket.facts, reuseAddr, reusePort, ipv6Only, device };
    return socket;
  }

  close(event: EventOf<"close">): Socket | undefined {
    const process = this.processes.seen(event.pid, event.comm);
    const socket = this.find(event.sk, event.inode);
    if (!socket) return undefined;
    socket.lastClose = { t: event.t, pid: event.pid, fd: event.fd, left: event.references - 1 };
    addStep(socket, { t: event.t, step: "copy-closed", process, fd: event.fd, detail: String(event.references - 1) });
    return socket;
  }

  destroy(event: EventOf<"destroy">): Socket | undefined {
    const socket = this.#addresses.endedAt(event.sk, event.t);
    if (!socket || socket.binderOnly) return undefined;
    socket.destroyedAt = event.t;
    this.ended(socket, event);
    this.groups.leave(socket, event.t);
    return socket;
  }

  /**
   * Nobody is in that network namespace any more. It lives as long as a process has a socket in it (sk_net_refcnt), so only what
   * remains of connections has gone with it (inet_twsk_purge); of the others it is not known, and they are blamed for nothing.
   */
  namespaceGone({ t, netns }: EventOf<"namespace-gone">): Socket[] {
    const there = this.sockets.filter(({ facts, releasedAt, binderOnly }) => facts.netns === netns && releasedAt === null && !binderOnly);
    for (const socket of there) {
      socket.inBucketSince = null;
      socket.replacedAt = t;
      this.groups.leave(socket, t);
    }
    const gone = there.filter(({ facts }) => facts.state === "TIME_WAIT");
    for (const socket of gone) socket.wentWithNamespace = true;
    return gone;
  }

  /** The port became free of the socket at this address. A TIME_WAIT remainder outlives the socket that it continues. */
  release(event: EventOf<"release">): Socket | undefined {
    const socket = this.#addresses.at(event.sk);
    if (!socket || socket.binderOnly || socket.releasedAt !== null) return undefined;
    if (event.by && !socket.endedBy) this.ended(socket, event.by);
    this.groups.leave(socket, event.t);
    return socket;
  }

  /**
   * The last reference to the socket went in this process. The end of a connection that nobody has any more comes with a packet, in
   * whatever process that interrupts.
   */
  ended(socket: Socket, { pid, comm, exiting }: { pid: number; comm: string; exiting: boolean }): void {
    if (!mayHaveHad(socket, pid, this.lastHolders.get(socket.inode ?? 0) ?? [])) return;
    const known = this.processes.get(pid);
    socket.endedBy = { process: known ?? this.processes.seen(pid, comm), comm, exiting };
  }

  /** A search for holders; one that found nobody came too late, and leaves what was known before. */
  held({ sockets }: EventOf<"holders">): void {
    for (const { inode, holders } of sockets) if (holders.length > 0) this.lastHolders.set(inode, holders);
  }

  /** Another descriptor of a socket came to be, or was sent. */
  pass(event: EventOf<"pass">): Socket | undefined {
    const process = this.processes.seen(event.pid, event.comm);
    const socket = this.find(event.sk, event.inode);
    if (socket) addStep(socket, { t: event.t, step: PASS_STEPS[event.how], process, fd: event.fd, detail: event.how });
    return socket;
  }

  /**
   * A TIME_WAIT owner is a new, smaller struct that continues a connection; an MPTCP owner may be known by its inode alone.
   * `besides`: sockets that are owners by themselves. One that named its port keeps it beside the TIME_WAIT of its connection, as
   * long as a process has it (SOCK_BINDPORT_LOCK, tcp_time_wait).
   */
  #continued(facts: SocketFacts, besides: readonly (Socket | undefined)[]): Socket | undefined {
    if (facts.peer !== null) {
      return this.there(facts).findLast((socket) => continues(socket, facts) && !besides.includes(socket));
    }
    if (facts.inode === null) return undefined;
    return this.#known
      .ofInode(facts.inode)
      .findLast(({ destroyedAt, facts: known }) => destroyedAt === null && known.netns === facts.netns && known.port === facts.port);
  }

  #listens(socket: Socket, t: Nanos): void {
    socket.listeningSince ??= t;
    const place = placeKey(socket.facts);
    if (!this.#listened.has(place)) this.#listened.set(place, socket.seenAt);
  }

  /** Who made it is told by its first call only. */
  #made(socket: Socket, { created }: CallEvent): void {
    if (!created || socket.creator) return;
    socket.creator = { process: this.processes.seen(created.pid, created.comm), comm: created.comm, t: created.t };
    addStep(socket, { t: created.t, step: "created", process: socket.creator.process, fd: null, detail: "" });
  }

  #add(facts: SocketFacts, t: Nanos, binderOnly: boolean): Socket {
    const socket = this.#known.add(facts, t, binderOnly);
    this.#addresses.place(socket);
    return socket;
  }
}
