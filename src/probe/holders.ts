import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { Holder } from "../core/event.ts";
import { type Descriptor, holderOf, numbersIn, socketBehind } from "./descriptors.ts";
import { seesEveryProcess } from "./every-process.ts";
import type { Hints } from "./holder-hints.ts";

/** How long in ms the scan may hold up the event stream before it lets it run. */
const SLICE = 4;
/** Start times are told in ticks of this length (USER_HZ). */
const TICK: Nanos = 10 * MILLISECOND;

/** A socket whose holders are asked for. */
export interface Wanted {
  inode: number;
  /** References that its file had (f_count); null or left out where that is not known. */
  references?: number | null | undefined;
  /** When it had them. */
  at: Nanos;
}

export interface Scan {
  /** Holders of each wanted inode; an inode that nobody holds has an empty list. */
  holders: Map<number, Holder[]>;
  /** All references of each socket were found, or every process of the machine has been looked into. */
  complete: boolean;
}

export interface ScanOptions {
  hints: Hints;
  instantOfStart(ticks: number): Nanos;
}

/** What is known of one wanted socket. */
interface Target {
  at: Nanos;
  /** Infinitely many where their number is not known. */
  references: number;
  /** By process and descriptor. */
  found: Map<string, Holder>;
  /** How many of these were counted among the references. */
  counted: number;
}

/**
 * Finds the processes that have a descriptor of these sockets, by /proc/PID/fd: the descriptors that are known at once, then likely
 * processes, then all others. It ends with the last reference of the last socket. A reference can be something else than a
 * descriptor (a system call under way, io_uring, a copy on its way over a unix socket): then it goes through all processes. Processes
 * that share one table of descriptors (CLONE_FILES) have one reference together, and one of them is found for certain. The scan gives
 * way to the event stream every few ms.
 */
export class HolderScan {
  readonly #options: ScanOptions;
  readonly #targets = new Map<number, Target>();
  readonly done: Promise<void>;
  #begun = false;
  #over = false;
  #sawAll = false;

  /** It begins when `after` settles, else at once. */
  constructor(wanted: readonly Wanted[], options: ScanOptions, after?: Promise<void>) {
    this.#options = options;
    this.add(wanted);
    this.done = after ? after.then(() => this.#run()) : this.#run();
  }

  get begun(): boolean {
    return this.#begun;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Looks for these sockets too; not once it has begun. */
  add(wanted: readonly Wanted[]): void {
    for (const { inode, references, at } of wanted) {
      const other = this.#targets.get(inode);
      const earlier = Math.min(at, other?.at ?? at);
      const found = other?.found ?? new Map<string, Holder>();
      this.#targets.set(inode, {
        at: earlier,
        references: Math.max(references || Number.POSITIVE_INFINITY, other?.references ?? 0),
        found,
        counted: [...found.values()].filter((holder) => isCounted(holder, earlier)).length,
      });
      for (const descriptor of this.#options.hints.descriptors(inode)) this.#look(descriptor);
    }
  }

  /** A reference that came to be at `t`: the number of those before does not tell any more when all holders of this socket are found. */
  distrust(inode: number, t: Nanos): void {
    const target = this.#targets.get(inode);
    if (target && t >= target.at) target.references = Number.POSITIVE_INFINITY;
  }

  /** Whether every holder of these sockets, or of all, has been found. */
  isComplete(inodes: Iterable<number> = this.#targets.keys()): boolean {
    const isWhole = (target: Target | undefined) => target !== undefined && target.counted >= target.references;
    return this.#sawAll || [...inodes].every((inode) => isWhole(this.#targets.get(inode)));
  }

  /** What has been found so far, of these sockets or of all. */
  result(inodes: Iterable<number> = this.#targets.keys()): Scan {
    const asked = [...inodes];
    const holders = new Map(asked.map((inode) => [inode, [...(this.#targets.get(inode)?.found.values() ?? [])]]));
    return { holders, complete: this.isComplete(asked) };
  }

  async #run(): Promise<void> {
    this.#begun = true;
    let sliceEnd = performance.now() + SLICE;
    if (!this.isComplete()) {
      for (const descriptor of this.#descriptors()) {
        if (this.#look(descriptor) && this.isComplete()) break;
        if (performance.now() > sliceEnd) {
          await new Promise(setImmediate);
          sliceEnd = performance.now() + SLICE;
        }
      }
    }
    this.#over = true;
  }

  *#descriptors(): Generator<Descriptor> {
    const seen = new Set<number>();
    for (const pid of this.#options.hints.processes()) {
      if (seen.has(pid)) continue;
      seen.add(pid);
      for (const fd of numbersIn(`/proc/${pid}/fd`)) yield { pid, fd };
    }
    this.#sawAll = seesEveryProcess();
  }

  /** Whether it is another descriptor of a wanted socket. */
  #look(descriptor: Descriptor): boolean {
    const inode = socketBehind(descriptor);
    const target = inode === null ? undefined : this.#targets.get(inode);
    if (inode === null || !target) return false;
    const key = `${descriptor.pid}/${descriptor.fd}`;
    const holder = target.found.has(key) ? null : holderOf(descriptor, inode, this.#options.instantOfStart);
    if (!holder) return false;
    target.found.set(key, holder);
    if (isCounted(holder, target.at)) target.counted++;
    return true;
  }
}

/** A process that was born since the look has a reference of its own, which was not counted then. */
const isCounted = ({ startedAt }: Holder, at: Nanos) => startedAt !== null && startedAt + TICK <= at;
