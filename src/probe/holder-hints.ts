import type { Holder, TraceEvent } from "../core/event.ts";
import { keepLast } from "../core/many.ts";
import { type Descriptor, numbersIn } from "./descriptors.ts";
import { childrenOf, parentsOf } from "./kin.ts";

/** Sockets, descriptors of one, and processes that are remembered at most: those that had to do with a port last. */
const MOST_SOCKETS = 4096;
const MOST_PROCESSES = 256;
const MOST_DESCRIPTORS = 64;
/** Of so many processes the relatives are looked at, before all others. */
const MOST_FAMILIES = 8;

/** Where a search for holders had better begin. */
export interface Hints {
  /** Descriptors that were seen to be of this socket. */
  descriptors(inode: number): readonly Descriptor[];
  /** All processes of the machine, likely ones first; some come twice. */
  processes(): Iterable<number>;
}

/** What the events tell of processes and their sockets, as hints: each is looked at before it is believed. */
export class HolderHints implements Hints {
  readonly #descriptors = new Map<number, Descriptor[]>();
  readonly #likely = new Set<number>();

  notice(event: TraceEvent): void {
    switch (event.type) {
      case "bind":
      case "listen":
        this.likely(event.pid);
        if (event.errno === null) this.#opened(event.socket.inode, { pid: event.pid, fd: event.fd });
        break;
      case "pass":
        this.likely(event.pid);
        if (event.how !== "send") this.#opened(event.inode, event);
        break;
      case "fork":
        if (this.#likely.has(event.pid)) this.likely(event.child);
        break;
      case "exit":
        this.#likely.delete(event.pid);
        break;
      default:
    }
  }

  /** This process has to do with a port. */
  likely(pid: number): void {
    this.#likely.delete(pid);
    this.#likely.add(pid);
    keepLast(this.#likely, MOST_PROCESSES);
  }

  /** What a search found of this socket. */
  held(inode: number, holders: readonly Holder[]): void {
    for (const pid of new Set(holders.map((holder) => holder.pid))) this.likely(pid);
    this.#put(inode, holders.slice(-MOST_DESCRIPTORS));
  }

  descriptors(inode: number): readonly Descriptor[] {
    return this.#descriptors.get(inode) ?? [];
  }

  *processes(): Generator<number> {
    const recent = [...this.#likely].reverse();
    yield* recent;
    for (const pid of recent.slice(0, MOST_FAMILIES)) {
      yield* childrenOf(pid);
      yield* parentsOf(pid);
    }
    // Newest processes first: a lingering worker is rarely the oldest process of the machine.
    yield* numbersIn("/proc").reverse();
  }

  #opened(inode: number | null, { pid, fd }: { pid: number; fd: number | null }): void {
    if (inode === null || fd === null) return;
    const others = this.descriptors(inode).filter((other) => other.pid !== pid || other.fd !== fd);
    this.#put(inode, [...others, { pid, fd }].slice(-MOST_DESCRIPTORS));
  }

  #put(inode: number, descriptors: Descriptor[]): void {
    this.#descriptors.delete(inode);
    if (descriptors.length > 0) this.#descriptors.set(inode, descriptors);
    keepLast(this.#descriptors, MOST_SOCKETS);
  }
}
