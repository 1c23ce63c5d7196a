import { readdirSync, readlinkSync } from "node:fs";
import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder } from "../core/event.ts";
import { seesEveryProcess } from "./every-process.ts";
import { readCommand, readStat } from "./proc-pid.ts";

/** How long in ms the scan may hold up the event stream before it lets it run. */
const SLICE = 4;

export interface Scan {
  /** Holders of each wanted inode; an inode that nobody holds has an empty list. */
  holders: Map<number, Holder[]>;
  /** Every process of the machine has been looked into. */
  complete: boolean;
}

/**
 * Finds the processes that have a descriptor of these sockets, by /proc/PID/fd. Likely processes come first;
 * the scan gives way to the event stream every few ms.
 */
export class HolderScan {
  readonly #instantOfStart: (ticks: number) => Nanos;
  readonly #found = new Map<number, Holder[]>();
  readonly done: Promise<void>;
  #begun = false;
  #over = false;
  #sawAll = false;

  /** It begins when `after` settles, else at once. */
  constructor(inodes: readonly number[], likely: Iterable<number>, instantOfStart: (ticks: number) => Nanos, after?: Promise<void>) {
    this.#instantOfStart = instantOfStart;
    this.add(inodes);
    this.done = after ? after.then(() => this.#run(likely)) : this.#run(likely);
  }

  get begun(): boolean {
    return this.#begun;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Looks for these sockets too; not once it has begun. */
  add(inodes: readonly number[]): void {
    for (const inode of inodes) this.#found.set(inode, []);
  }

  /** What has been found so far. */
  result(): Scan {
    return { holders: this.#found, complete: this.#sawAll };
  }

  async #run(likely: Iterable<number>): Promise<void> {
    this.#begun = true;
    if (this.#found.size > 0) {
      const first = new Set(likely);
      const others = list("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
      // Newest processes first: a lingering worker is rarely the oldest process of the machine.
      const order = [...first, ...others.filter((pid) => !first.has(pid)).reverse()];
      let sliceEnd = performance.now() + SLICE;
      for (const pid of order) {
        this.#scan(pid);
        if (performance.now() > sliceEnd) {
          await new Promise(setImmediate);
          sliceEnd = performance.now() + SLICE;
        }
      }
    }
    this.#sawAll = seesEveryProcess();
    this.#over = true;
  }

  #scan(pid: number): void {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const inode = socketInode(`/proc/${pid}/fd/${fd}`);
      if (inode === null || !this.#found.has(inode)) continue;
      const holder = this.#describe(pid, Number(fd));
      if (holder) this.#found.get(inode)?.push(holder);
    }
  }

  #describe(pid: number, fd: number): Holder | null {
    try {
      const folder = `/proc/${pid}`;
      const { comm, parent, startTicks } = readStat(folder);
      return { pid, fd, comm, command: readCommand(folder), parent, startedAt: this.#instantOfStart(startTicks) };
    } catch {
      return null;
    }
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // The process has gone, or it is not ours to look into.
    return [];
  }
}

function socketInode(path: string): number | null {
  try {
    const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(path));
    return match ? Number(match[1]) : null;
  } catch {
    return null;
  }
}

/** Whether this descriptor is of that socket. */
export const hasDescriptor = (pid: number, fd: number, inode: number) => socketInode(`/proc/${pid}/fd/${fd}`) === inode;

/** Whether `pid` is `ancestor` or descends from it, by what /proc says now. */
export function descendsFrom(pid: number, ancestor: number): boolean {
  for (let at = pid, steps = 0; at > 1 && steps < 64; steps++) {
    if (at === ancestor) return true;
    at = parentOf(at);
  }
  return false;
}

function parentOf(pid: number): number {
  try {
    return readStat(`/proc/${pid}`).parent;
  } catch {
    return 0;
  }
}
