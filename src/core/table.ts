import type { Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Holder, SocketFacts, State, WalkFacts } from "./event.ts";
import { Groups } from "./groups.ts";
import { meet } from "./party.ts";
import { type Process, Processes } from "./process.ts";
import { type Socket, type Step, sameConnection } from "./socket.ts";

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

/** A socket that let its port go without being closed (a disconnect without bind before it) may have taken one again. */
function takeAgain(socket: Socket): void {
  if (socket.releasedAt === null) return;
  Object.assign(socket, { releasedAt: null, releaseIsExact: false, endedBy: null, inBucketSince: null });
}

const PASS_STEPS = { dup: "duplicated", send: "sent", receive: "received", pidfd_getfd: "received" } as const;

function step(socket: Socket, t: Nanos, what: Step["step"], process: Process, fd: number | null, detail = ""): void {
  socket.steps.push({ t, step: what, process, fd, detail });
}

/** All sockets, groups and processes seen so far. One fold over the events, in time order. */
export class SocketTable {
  readonly sockets: Socket[] = [];
  readonly groups = new Groups();
  readonly processes = new Processes();
  /** Who had a descriptor when that was last looked for, by the socket's inode. */
  readonly lastHolders = new Map<number, readonly Holder[]>();
  /** Current socket at each kernel address, MPTCP subflows included. */
  readonly #bySk = new Map<number, Socket>();

  /**
   * The socket at this kernel address, if it is that one still. A socket that is being closed has lost its inode;
   * one that never showed an inode cannot be told from the next at its address.
   */
  find(sk: number, inode: number | null): Socket | undefined {
    const socket = this.#current(sk);
    if (!socket || (socket.binderOnly && socket.inode !== inode)) return undefined;
    return socket.inode !== null && (inode === null || socket.inode === inode) ? socket : undefined;
  }

  #current(sk: number): Socket | undefined {
    const socket = this.#bySk.get(sk);
    return socket?.destroyedAt === null ? socket : undefined;
  }

  /** The process made a bind or listen call; its socket is bound when the call succeeded. */
  call(event: CallEvent): Socket {
    const process = this.processes.seen(event.pid, event.comm);
    const socket = this.find(event.socket.sk, event.socket.inode) ?? this.#add(event.socket, event.t, true);
    const succeeded = event.errno === null;
    if (succeeded || socket.binderOnly) socket.facts = { ...event.socket, subflow: event.socket.subflow ?? socket.facts.subflow };
    if (socket.facts.subflow !== null) this.#bySk.set(socket.facts.subflow, socket);
    if (succeeded) socket.binderOnly = false;
    this.groups.seen(socket, event.socket, event.t, succeeded);
    if (!succeeded) return socket;
    takeAgain(socket);
    this.#made(socket, event);
    step(socket, event.t, event.type === "bind" ? "bound" : "listened", process, event.fd);
    if (event.type === "bind") {
      socket.bindEnteredAt ??= event.enteredAt;
      socket.boundAt ??= event.t;
      socket.opener = { process, comm: event.comm, fd: event.fd };
    } else {
      socket.listeningSince ??= event.t;
      // Listening without bind before it: the kernel chose a port.
      if (event.search?.port === 0) {
        socket.bindEnteredAt ??= event.enteredAt;
        socket.boundAt ??= event.t;
      }
      socket.opener ??= { process, comm: event.comm, fd: event.fd };
    }
    socket.inBucketSince = Math.min(socket.inBucketSince ?? event.t, event.t);
    return socket;
  }

  /**
   * Every owner that a walk shows, known or new, in the walk's order. One that is being closed has no inode any more:
   * its address alone says nothing, since the kernel gives it to the next socket within microseconds.
   */
  walked(walk: WalkFacts, t: Nanos): WalkedOwner[] {
    const shownAt = walk.at ?? t;
    return walk.owners.map((facts) => {
      const known = (facts.inode === null ? undefined : this.find(facts.sk, facts.inode)) ?? this.#continued(facts);
      const socket = known ?? this.#add(facts, t, false);
      takeAgain(socket);
      const previous = known?.facts.state ?? null;
      const before = earliest(socket.inBucketSince, timeWaitBegan(facts));
      socket.binderOnly = false;
      socket.inBucketSince = Math.min(before ?? shownAt, shownAt);
      if (facts.state === "LISTEN") socket.listeningSince ??= t;
      socket.facts = facts;
      socket.inode = facts.inode ?? socket.inode;
      this.#bySk.set(facts.sk, socket);
      if (facts.subflow !== null) this.#bySk.set(facts.subflow, socket);
      this.groups.seen(socket, facts, t, false);
      return { socket, facts, previous, knownSince: before };
    });
  }

  /** Other sockets that were bound to the port before `from` and let it go between `from` and `to`, or not yet, as they were then. */
  heldDuring(binder: SocketFacts, from: Nanos, to: Nanos): { socket: Socket; facts: SocketFacts; endedAt: Nanos | null }[] {
    return this.sockets
      .filter((socket) => {
        const { facts, inBucketSince } = socket;
        const end = endOf(socket);
        return (
          meet(facts, binder) && facts.sk !== binder.sk && inBucketSince !== null && inBucketSince < from && (end === null || end >= from)
        );
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
    socket.listeningSince = event.to === "LISTEN" ? (socket.listeningSince ?? event.t) : null;
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
    step(socket, event.t, "copy-closed", process, event.fd, String(event.references - 1));
    return socket;
  }

  destroy(event: EventOf<"destroy">): Socket | undefined {
    const socket = this.#current(event.sk);
    if (!socket || socket.binderOnly) return undefined;
    socket.destroyedAt = event.t;
    this.ended(socket, event);
    this.groups.leave(socket, event.t);
    return socket;
  }

  /** Nobody is in that network namespace any more: its sockets have gone with it. */
  namespaceGone({ t, netns }: EventOf<"namespace-gone">): Socket[] {
    const gone = this.sockets.filter(({ facts, releasedAt, binderOnly }) => facts.netns === netns && releasedAt === null && !binderOnly);
    for (const socket of gone) {
      socket.wentWithNamespace = true;
      this.groups.leave(socket, t);
    }
    return gone;
  }

  /** The port became free of the socket at this address. A TIME_WAIT remainder outlives the socket that it continues. */
  release(event: EventOf<"release">): Socket | undefined {
    const socket = this.#bySk.get(event.sk);
    if (!socket || socket.binderOnly || socket.releasedAt !== null) return undefined;
    if (event.by && !socket.endedBy) this.ended(socket, event.by);
    this.groups.leave(socket, event.t);
    return socket;
  }

  /** The last reference to the socket went in this process. */
  ended(socket: Socket, { pid, comm, exiting }: { pid: number; comm: string; exiting: boolean }): void {
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
    if (socket) step(socket, event.t, PASS_STEPS[event.how], process, event.fd, event.how);
    return socket;
  }

  /** A TIME_WAIT owner is a new, smaller struct that continues a connection; an MPTCP owner may be known by its inode alone. */
  #continued(facts: SocketFacts): Socket | undefined {
    if (facts.peer !== null) {
      return this.sockets.findLast((socket) => socket.releasedAt === null && sameConnection(socket.facts, facts));
    }
    if (facts.inode === null) return undefined;
    return this.sockets.findLast(
      ({ destroyedAt, inode, facts: known }) =>
        destroyedAt === null && inode === facts.inode && known.netns === facts.netns && known.port === facts.port,
    );
  }

  /** Who made it is told by its first call only. */
  #made(socket: Socket, { created }: CallEvent): void {
    if (!created || socket.creator) return;
    socket.creator = { process: this.processes.seen(created.pid, created.comm), comm: created.comm, t: created.t };
    step(socket, created.t, "created", socket.creator.process, null);
  }

  #add(facts: SocketFacts, t: Nanos, binderOnly: boolean): Socket {
    const socket: Socket = {
      id: `s${this.sockets.length + 1}`,
      facts,
      inode: facts.inode,
      seenAt: t,
      bindEnteredAt: null,
      boundAt: null,
      inBucketSince: null,
      listeningSince: null,
      listenedUntil: null,
      destroyedAt: null,
      releasedAt: null,
      releaseIsExact: false,
      creator: null,
      opener: null,
      steps: [],
      lastClose: null,
      endedBy: null,
      wentWithNamespace: false,
      reusePortSince: null,
      binderOnly,
    };
    this.sockets.push(socket);
    this.#bySk.set(facts.sk, socket);
    return socket;
  }
}
