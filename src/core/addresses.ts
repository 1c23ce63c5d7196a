import type { Nanos } from "../base/nanoseconds.ts";
import type { SocketFacts } from "./event.ts";
import { isAlike, type Socket } from "./socket.ts";

/**
 * Which socket is at each kernel address, MPTCP subflows included. The kernel gives an address to the next socket within
 * microseconds of the end of the last. On a starved machine some events come late, after younger ones: what they tell may be over by
 * then, and they do not change who is there now.
 */
export class Addresses {
  readonly #bySk = new Map<number, Socket>();
  /** Every socket that there ever was, oldest first. */
  readonly #all: readonly Socket[];
  /** Instant of the youngest event of the kernel, and whether the present one comes after it. */
  #latest: Nanos = 0;
  #late = false;

  constructor(all: readonly Socket[]) {
    this.#all = all;
  }

  advance(t: Nanos): void {
    this.#late = t < this.#latest;
    this.#latest = Math.max(t, this.#latest);
  }

  get late(): boolean {
    return this.#late;
  }

  at(sk: number): Socket | undefined {
    return this.#bySk.get(sk);
  }

  /** The one there that has not ended. */
  living(sk: number): Socket | undefined {
    const socket = this.#bySk.get(sk);
    return socket?.destroyedAt === null ? socket : undefined;
  }

  /** The socket at this address, if it is that one still; one that never showed an inode cannot be told from the next. */
  find(sk: number, inode: number | null): Socket | undefined {
    const socket = this.living(sk);
    if (!socket || (socket.binderOnly && socket.inode !== inode)) return undefined;
    return socket.inode !== null && (inode === null || socket.inode === inode) ? socket : undefined;
  }

  /** The owner that a walk shows, also where it has ended since. */
  owner(facts: SocketFacts, t: Nanos, since: Nanos): Socket | undefined {
    return facts.inode === null ? this.#leaving(facts, since) : (this.find(facts.sk, facts.inode) ?? this.former(facts, t));
  }

  /** One that is being closed has no inode any more: it is the one at its address only if that was closed since `since`. */
  #leaving(facts: SocketFacts, since: Nanos): Socket | undefined {
    const socket = this.find(facts.sk, null);
    const closed = socket?.lastClose;
    return closed && closed.left === 0 && closed.t >= since && isAlike(socket.facts, facts) ? socket : undefined;
  }

  /** Of what comes late: the socket that was it, and has ended since. */
  former({ sk, inode }: SocketFacts, t: Nanos): Socket | undefined {
    if (!this.#late || inode === null) return undefined;
    return this.#all.findLast((socket) => socket.facts.sk === sk && socket.inode === inode && (socket.destroyedAt ?? 0) >= t);
  }

  /** The one that ended there at that instant. */
  endedAt(sk: number, t: Nanos): Socket | undefined {
    const socket = this.living(sk);
    const isYounger = this.#late && socket !== undefined && socket.seenAt > t;
    return isYounger ? this.#all.findLast((one) => one.facts.sk === sk && one.seenAt <= t && one.destroyedAt === null) : socket;
  }

  /** It is the one at its address: its end will be seen as such. */
  holds(socket: Socket): boolean {
    return this.at(socket.facts.sk) === socket;
  }

  set(sk: number, socket: Socket): void {
    this.#bySk.set(sk, socket);
  }

  /**
   * Puts a new socket at its address, unless it came late, or has no inode, so that it cannot be told from the one that is known
   * there. That one has ended otherwise, seen or not.
   */
  place(socket: Socket): void {
    const { facts, inode, seenAt } = socket;
    const before = this.living(facts.sk);
    if (before && !before.binderOnly) {
      if ((inode === null && facts.peer === null) || (this.#late && before.seenAt > seenAt)) return;
      before.inBucketSince = null;
    }
    this.#bySk.set(facts.sk, socket);
  }
}
