import { setTimeout as delay } from "node:timers/promises";
import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Holder, SocketFacts, TraceEvent } from "../core/event.ts";
import { socketBehind, startOf } from "./descriptors.ts";
import { HolderHints } from "./holder-hints.ts";
import { HolderScan, type Scan, type Wanted } from "./holders.ts";

/** Longest time in ms that a failure's report waits for its holders. */
const WAIT = 50;
/** The clocks are paired within some microseconds. */
const PAIRING: Nanos = MILLISECOND;
/** Sockets whose holders are remembered at most. */
const MOST_FOUND = 4096;

export interface HolderFinderOptions {
  instant(): Nanos;
  instantOfStart(ticks: number): Nanos;
  /** Takes a holders event; `arrival` is that of the failure it belongs to. */
  emit(event: EventOf<"holders">, arrival: number): void;
  /** A process has a descriptor of such a socket. */
  found(pid: number): void;
}

/** What a search for holders found, and by when. */
interface Found {
  holders: readonly Holder[];
  at: Nanos;
}

/**
 * Finds who holds the owners that a refused call met, and says so in one event, or in two when the scan is slow. One scan at a
 * time: the refusals that come meanwhile share the next, for the one that runs may have passed a process by before they came.
 */
export class HolderFinder {
  readonly #options: HolderFinderOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #hints = new HolderHints();
  /** By inode: what the last search for it found. */
  readonly #found = new Map<number, Found>();
  /** The one that runs, and the one that waits for it. */
  readonly #scans = new Set<HolderScan>();
  #last: HolderScan | undefined;
  #execs = 0;

  constructor(options: HolderFinderOptions) {
    this.#options = options;
  }

  /** Starts the search for one refused call. `arrival` in ms. */
  find(call: CallEvent, arrival: number): void {
    const search = this.#find(call, arrival).finally(() => this.#pending.delete(search));
    this.#pending.add(search);
  }

  /** Takes in what an event tells of processes and their descriptors. */
  notice(event: TraceEvent): void {
    this.#hints.notice(event);
    if (event.type === "pass" && event.inode !== null) for (const scan of this.#scans) scan.distrust(event.inode, event.t);
    if (event.type === "exec") this.#outdate();
  }

  /** Finds who holds these sockets from before the trace. */
  async findSeeded(wanted: readonly Wanted[]): Promise<void> {
    const scan = this.#scan(wanted);
    await scan.done;
    const { holders, complete } = scan.result();
    const sockets = wanted.map(({ inode }) => ({ inode, holders: holders.get(inode) ?? [] }));
    this.#tell(sockets);
    const t = this.#options.instant();
    this.#options.emit({ type: "holders", t, failureAt: null, tid: null, late: false, complete, sockets }, performance.now());
  }

  /** Settles when every search has said its last word. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** A process has become another program: what was found of it is out of date, though its descriptors may be the same. */
  #outdate(): void {
    this.#execs++;
    this.#found.clear();
  }

  async #find(call: CallEvent, arrival: number): Promise<void> {
    const { walk, t } = call;
    const wanted = walk ? wantedOf(walk.owners, walk.at ?? t) : [];
    const known = this.#stillHeld(wanted, t);
    if (known) {
      this.#emit(call, known, wanted, false, arrival);
      return;
    }
    const scan = this.#scan(wanted);
    const inodes = wanted.map(({ inode }) => inode);
    const isAnswered = () => scan.over || scan.isComplete(inodes);
    if (!isAnswered()) await Promise.race([scan.done, delay(WAIT)]);
    const inTime = isAnswered();
    this.#emit(call, scan.result(inodes), wanted, false, arrival);
    if (inTime) return;
    await scan.done;
    this.#emit(call, scan.result(inodes), wanted, true, arrival);
  }

  /**
   * What was found before of these sockets, where they had at `t` those holders and no other: each still has its descriptor, and
   * together they are all references to the file that there were. Retries come in quick succession.
   */
  #stillHeld(wanted: readonly Wanted[], t: Nanos): Scan | null {
    const holders = new Map<number, Holder[]>();
    const sameProcess = new Map<number, boolean>();
    for (const { inode, references } of wanted) {
      const found = this.#found.get(inode);
      if (!found || found.at >= t - PAIRING || found.holders.length !== references) return null;
      for (const { pid, fd, startedAt } of found.holders) {
        if (!sameProcess.has(pid)) sameProcess.set(pid, this.#startedAt(pid) === startedAt);
        if (!sameProcess.get(pid) || socketBehind({ pid, fd }) !== inode) return null;
      }
      holders.set(inode, [...found.holders]);
    }
    return { holders, complete: true };
  }

  #startedAt(pid: number): Nanos | null {
    const start = startOf(pid);
    return start === null ? null : this.#options.instantOfStart(start);
  }

  #scan(wanted: readonly Wanted[]): HolderScan {
    const last = this.#last;
    if (last && !last.begun) {
      last.add(wanted);
      return last;
    }
    const { instantOfStart } = this.#options;
    const scan = new HolderScan(wanted, { hints: this.#hints, instantOfStart }, last && !last.over ? last.done : undefined);
    const execs = this.#execs;
    this.#scans.add(scan);
    void scan.done.then(() => {
      this.#scans.delete(scan);
      if (execs === this.#execs) this.#remember(scan.result());
    });
    this.#last = scan;
    return scan;
  }

  #remember({ holders }: Scan): void {
    const at = this.#options.instant();
    for (const [inode, of] of holders) {
      this.#found.delete(inode);
      this.#found.set(inode, { holders: of, at });
      this.#hints.held(inode, of);
    }
    for (const inode of [...this.#found.keys()].slice(0, Math.max(0, this.#found.size - MOST_FOUND))) this.#found.delete(inode);
  }

  #tell(sockets: readonly { holders: readonly Holder[] }[]): void {
    for (const pid of new Set(sockets.flatMap(({ holders }) => holders.map((holder) => holder.pid)))) this.#options.found(pid);
  }

  #emit(call: CallEvent, { holders, complete }: Scan, wanted: readonly Wanted[], late: boolean, arrival: number): void {
    const sockets = wanted.map(({ inode }) => ({ inode, holders: [...(holders.get(inode) ?? [])] }));
    this.#tell(sockets);
    // The two clocks are paired within some microseconds only, and an answer must not come before its question.
    const t = Math.max(call.t, this.#options.instant());
    const event = { type: "holders" as const, t, failureAt: call.t, tid: call.tid, late, complete, sockets };
    this.#options.emit(event, late ? performance.now() : arrival);
  }
}

/** Those of these owners that a process can hold, each once. */
export const wantedOf = (owners: readonly SocketFacts[], at: Nanos): Wanted[] => [
  ...new Map(owners.flatMap(({ inode, references }) => (inode === null ? [] : [[inode, { inode, references, at }]]))).values(),
];
