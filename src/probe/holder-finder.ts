import type { Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Holder } from "../core/event.ts";
import { HolderScan } from "./holders.ts";

/** Longest time in ms that a failure's report waits for its holders. */
const WAIT = 50;
/** How long in ms a scan answers for later failures on the same sockets: retries come in quick succession. */
const REUSE = 250;

export interface HolderFinderOptions {
  instant(): Nanos;
  instantOfStart(ticks: number): Nanos;
  /** Takes a holders event; `arrival` is that of the failure it belongs to. */
  emit(event: EventOf<"holders">, arrival: number): void;
  /** A process has a descriptor of such a socket. */
  found(pid: number): void;
}

/** Finds who holds the owners that a refused call met, and says so in one event, or in two when the scan is slow. */
export class HolderFinder {
  readonly #options: HolderFinderOptions;
  readonly #pending = new Set<Promise<void>>();
  #last: { at: number; inodes: ReadonlySet<number>; scan: HolderScan } | undefined;
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
    const scan = new HolderScan(inodes, [], this.#options.instantOfStart);
    await scan.done;
    const { holders, complete } = scan.result();
    const sockets = inodes.map((inode) => ({ inode, holders: holders.get(inode) ?? [] }));
    this.#remember(sockets);
    const t = this.#options.instant();
    this.#options.emit({ type: "holders", t, failureAt: null, tid: null, late: false, complete, sockets }, performance.now());
  }

  /** What a search found may be out of date: a descriptor has come or gone, or a process has become another program. */
  outdate(): void {
    this.#last = undefined;
  }

  /** Settles when every search has said its last word. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #find(call: CallEvent, arrival: number): Promise<void> {
    const inodes = [...new Set(call.walk?.owners.map(({ inode }) => inode).filter((inode) => inode !== null))];
    const scan = this.#scan(inodes, arrival);
    const tooLate = new Promise<void>((resolve) => setTimeout(resolve, WAIT));
    await Promise.race([scan.done, tooLate]);
    const inTime = scan.result().complete;
    this.#emit(call, scan, inodes, false, arrival);
    if (inTime) return;
    await scan.done;
    this.#emit(call, scan, inodes, true, arrival);
  }

  #scan(inodes: number[], now: number): HolderScan {
    const last = this.#last;
    if (last && now - last.at < REUSE && inodes.every((inode) => last.inodes.has(inode))) return last.scan;
    const scan = new HolderScan(inodes, [...this.#likely], this.#options.instantOfStart);
    this.#last = { at: now, inodes: new Set(inodes), scan };
    return scan;
  }

  #remember(sockets: readonly { holders: readonly Holder[] }[]): void {
    for (const pid of new Set(sockets.flatMap(({ holders }) => holders.map((holder) => holder.pid)))) {
      this.#likely.add(pid);
      this.#options.found(pid);
    }
  }

  #emit(call: CallEvent, scan: HolderScan, inodes: readonly number[], late: boolean, arrival: number): void {
    const { holders, complete } = scan.result();
    const sockets = inodes.map((inode) => ({ inode, holders: [...(holders.get(inode) ?? [])] }));
    this.#remember(sockets);
    // The two clocks are paired within some microseconds only, and an answer must not come before its question.
    const t = Math.max(call.t, this.#options.instant());
    const event = { type: "holders" as const, t, failureAt: call.t, tid: call.tid, late, complete, sockets };
    this.#options.emit(event, late ? performance.now() : arrival);
  }
}
