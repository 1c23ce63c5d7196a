import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Holder, SocketFacts } from "../core/event.ts";
import { HolderScan, hasDescriptor, type Scan } from "./holders.ts";

/** Longest time in ms that a failure's report waits for its holders. */
const WAIT = 50;
/** The clocks are paired within some microseconds. */
const PAIRING: Nanos = MILLISECOND;

export interface HolderFinderOptions {
  instant(): Nanos;
  instantOfStart(ticks: number): Nanos;
  /** Takes a holders event; `arrival` is that of the failure it belongs to. */
  emit(event: EventOf<"holders">, arrival: number): void;
  /** A process has a descriptor of such a socket. */
  found(pid: number): void;
}

/** What a search for holders found, and by when. */
interface Found extends Scan {
  at: Nanos;
}

/**
 * Finds who holds the owners that a refused call met, and says so in one event, or in two when the scan is slow. One scan at a
 * time: the refusals that come meanwhile share the next, for the one that runs may have passed a process by before they came.
 */
export class HolderFinder {
  readonly #options: HolderFinderOptions;
  readonly #pending = new Set<Promise<void>>();
  #last: HolderScan | undefined;
  #found: Found | undefined;
  #execs = 0;
  /** Processes that held such a socket before: looked at first. */
  readonly #likely = new Set<number>();

  constructor(options: HolderFinderOptions) {
    this.#options = options;
  }

  /** Starts the search for one refused call. `arrival` in ms. */
  find(call: CallEvent, arrival: number): void {
    const search = this.#find(call, arrival).finally(() => this.#pending.delete(search));
    this.#pending.add(search);
  }

  remember(pid: number): void {
    this.#likely.add(pid);
  }

  /** Finds who holds these sockets from before the trace. */
  async findSeeded(inodes: readonly number[]): Promise<void> {
    const scan = this.#scan(inodes);
    await scan.done;
    const { holders, complete } = scan.result();
    const sockets = inodes.map((inode) => ({ inode, holders: holders.get(inode) ?? [] }));
    this.#remember(sockets);
    const t = this.#options.instant();
    this.#options.emit({ type: "holders", t, failureAt: null, tid: null, late: false, complete, sockets }, performance.now());
  }

  /** A process has become another program: what was found of it is out of date, though its descriptors may be the same. */
  outdate(): void {
    this.#execs++;
    this.#found = undefined;
  }

  /** Settles when every search has said its last word. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #find(call: CallEvent, arrival: number): Promise<void> {
    const owners = call.walk?.owners.filter(({ inode }) => inode !== null) ?? [];
    const inodes = [...new Set(owners.map(({ inode }) => inode as number))];
    if (this.#found && isStill(this.#found, owners, call.t)) {
      this.#emit(call, this.#found, inodes, false, arrival);
      return;
    }
    const scan = this.#scan(inodes);
    const tooLate = new Promise<void>((resolve) => setTimeout(resolve, WAIT));
    await Promise.race([scan.done, tooLate]);
    const inTime = scan.over;
    this.#emit(call, scan.result(), inodes, false, arrival);
    if (inTime) return;
    await scan.done;
    this.#emit(call, scan.result(), inodes, true, arrival);
  }

  #scan(inodes: readonly number[]): HolderScan {
    const last = this.#last;
    if (last && !last.begun) {
      last.add(inodes);
      return last;
    }
    const after = last && !last.over ? last.done : undefined;
    const scan = new HolderScan(inodes, this.#likely, this.#options.instantOfStart, after);
    const execs = this.#execs;
    void scan.done.then(() => {
      if (execs === this.#execs) this.#found = { ...scan.result(), at: this.#options.instant() };
    });
    this.#last = scan;
    return scan;
  }

  #remember(sockets: readonly { holders: readonly Holder[] }[]): void {
    for (const pid of new Set(sockets.flatMap(({ holders }) => holders.map((holder) => holder.pid)))) {
      this.#likely.add(pid);
      this.#options.found(pid);
    }
  }

  #emit(call: CallEvent, { holders, complete }: Scan, inodes: readonly number[], late: boolean, arrival: number): void {
    const sockets = inodes.map((inode) => ({ inode, holders: [...(holders.get(inode) ?? [])] }));
    this.#remember(sockets);
    // The two clocks are paired within some microseconds only, and an answer must not come before its question.
    const t = Math.max(call.t, this.#options.instant());
    const event = { type: "holders" as const, t, failureAt: call.t, tid: call.tid, late, complete, sockets };
    this.#options.emit(event, late ? performance.now() : arrival);
  }
}

/**
 * Whether these owners had at `t` the holders that were found before, and no other: each still has its descriptor, and together they
 * are all references to the file that there were. Retries come in quick succession.
 */
function isStill({ holders, at }: Found, owners: readonly SocketFacts[], t: Nanos): boolean {
  return (
    at < t - PAIRING &&
    owners.every(({ inode, references }) => {
      const known = holders.get(inode ?? 0);
      return known && known.length === references && known.every(({ pid, fd }) => hasDescriptor(pid, fd, inode ?? 0));
    })
  );
}
