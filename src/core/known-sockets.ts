import { type Nanos, SECOND } from "../base/nanoseconds.ts";
import type { SocketFacts } from "./event.ts";
import { latestBut } from "./many.ts";
import { forgetPast, newSocket, type Socket } from "./socket.ts";

/**
 * How long what is over is remembered. Events come late by a second at most, even on a starved machine; a socket in TIME_WAIT goes
 * after 60 s; what belongs to the story of a restart lies 120 s apart at most (ONE_STORY, restart-phases.ts).
 */
export const REMEMBERED: Nanos = 180 * SECOND;
/** Most sockets that are remembered so, the younger ones: thousands may come and go in a second. */
const MOST_REMEMBERED = 4096;
/** Refused binders of which nothing else is known: their end is not seen. */
const MOST_BINDERS = 4096;

/** The sockets that something may still refer to, oldest first, and those of each inode. */
export class KnownSockets implements Iterable<Socket> {
  readonly #all = new Set<Socket>();
  readonly #byInode = new Map<number, Socket[]>();
  /** How many there have been. */
  count = 0;

  [Symbol.iterator](): Iterator<Socket> {
    return this.#all.values();
  }

  /** A socket that was not known until now. */
  add(facts: SocketFacts, t: Nanos, binderOnly: boolean): Socket {
    const socket = newSocket(`s${++this.count}`, facts, t, binderOnly);
    this.#all.add(socket);
    this.#index(socket);
    return socket;
  }

  /** Those that have, or had, this inode. */
  ofInode(inode: number): readonly Socket[] {
    return this.#byInode.get(inode) ?? [];
  }

  /** A look showed the inode of a socket. */
  showed(socket: Socket, inode: number | null): void {
    if (inode === null || inode === socket.inode) return;
    this.#unindex(socket);
    socket.inode = inode;
    this.#index(socket);
  }

  /** Forgets those that are over for long, and the eldest where they are too many; returns them. `needed`: is not to be forgotten. */
  forget(now: Nanos, needed: (socket: Socket) => boolean): ReadonlySet<Socket> {
    const binders = [...this.#all].filter((socket) => socket.binderOnly && overSince(socket) === null);
    const gone = new Set([...longOver(this.#all, now), ...binders.slice(0, -MOST_BINDERS)].filter((socket) => !needed(socket)));
    for (const socket of gone) {
      this.#all.delete(socket);
      this.#unindex(socket);
      forgetPast(socket);
    }
    return gone;
  }

  #index(socket: Socket): void {
    if (socket.inode !== null) this.#byInode.set(socket.inode, [...this.ofInode(socket.inode), socket]);
  }

  #unindex(socket: Socket): void {
    if (socket.inode === null) return;
    const others = this.ofInode(socket.inode).filter((other) => other !== socket);
    if (others.length > 0) this.#byInode.set(socket.inode, others);
    else this.#byInode.delete(socket.inode);
  }
}

/** Those that are over for long, and the eldest of those that are over where these are too many. */
export function longOver(sockets: Iterable<Socket>, now: Nanos): Socket[] {
  const over = [...sockets].filter((socket) => overSince(socket) !== null);
  const endOf = (socket: Socket) => overSince(socket) ?? 0;
  const least = latestBut(MOST_REMEMBERED, over, endOf);
  return over.filter((socket) => (closedAt(socket) ?? now) < now - REMEMBERED || endOf(socket) < least);
}

/**
 * Since when it does nothing any more: it can only be told of late, or, of a connection, by the next look at its port, which shows
 * whether it is in TIME_WAIT, or was.
 */
function overSince({ releasedAt, destroyedAt, replacedAt, facts }: Socket): Nanos | null {
  return releasedAt ?? replacedAt ?? (facts.state === "TIME_WAIT" ? facts.expiresAt : destroyedAt);
}

/** Since when no look tells anything of it any more. */
const closedAt = ({ releasedAt, replacedAt, destroyedAt, facts }: Socket) =>
  releasedAt ?? (destroyedAt === null && facts.state !== "TIME_WAIT" ? replacedAt : null);
