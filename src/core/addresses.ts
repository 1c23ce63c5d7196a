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
  /** Those that were there before, or came too late to be put there. */
  readonly #others = new Map<number, Socket[]>();
  /** Instant of the youngest event of the kernel, and whether the present one comes after it. */
  #latest: Nanos = 0;
  #late = false;

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
    return this.#everAt(sk).findLast((socket) => socket.inode === inode && (socket.destroyedAt ?? 0) >= t);
  }

  /** The one that ended there at that instant. */
  endedAt(sk: number, t: Nanos): Socket | undefined {
    const socket = this.living(sk);
    const isYounger = this.#late && socket !== undefined && socket.seenAt > t;
    return isYounger ? this.#everAt(sk).findLast((one) => one.seenAt <= t && one.destroyedAt === null) : socket;
  }

  /** It is the one at its address: its end will be seen as such. */
  holds(socket: Socket): boolean {
    return this.at(socket.facts.sk) === socket;
  }

  set(sk: number, socket: Socket): void {
    const before = this.#bySk.get(sk);
    socket.replacedAt = null;
    if (before === socket) return;
    if (before) this.#besides(sk, before);
    this.#bySk.set(sk, socket);
  }

  /** Lets go of sockets that nothing will refer to any more. */
  forget(gone: ReadonlySet<Socket>): void {
    for (const [sk, socket] of this.#bySk) if (gone.has(socket)) this.#bySk.delete(sk);
    for (const [sk, sockets] of this.#others) {
      const left = sockets.filter((socket) => !gone.has(socket));
      if (left.length === 0) this.#others.delete(sk);
      else if (left.length < sockets.length) this.#others.set(sk, left);
    }
  }

  #besides(sk: number, socket: Socket): void {
    const others = this.#others.get(sk);
    if (others) others.push(socket);
    else this.#others.set(sk, [socket]);
  }

  /** All that are or were there, in the order in which they were first seen. */
  #everAt(sk: number): Socket[] {
    const now = this.#bySk.get(sk);
    const all = [...new Set([...(this.#others.get(sk) ?? []), ...(now ? [now] : [])])];
    return all.filter(({ facts }) => facts.sk === sk).sort((a, b) => numberOf(a) - numberOf(b));
  }

  /**
   * Puts a new socket at its address, unless it came late, or has no inode, so that it cannot be told from the one that is known
   * there. That one has ended otherwise, seen or not.
   */
  place(socket: Socket): void {
    const { facts, inode, seenAt } = socket;
    const before = this.living(facts.sk);
    if (before && !before.binderOnly) {
      if ((inode === null && facts.peer === null) || (this.#late && before.seenAt > seenAt)) {
        this.#besides(facts.sk, socket);
        return;
      }
      before.inBucketSince = null;
    }
    if (before) before.replacedAt = seenAt;
    this.set(facts.sk, socket);
  }
}

const numberOf = ({ id }: Socket) => Number(id.slice(1));
