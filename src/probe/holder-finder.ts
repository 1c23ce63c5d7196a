import { setTimeout as delay } from "node:timers/promises";
import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Holder, TraceEvent, WalkFacts } from "../core/event.ts";
import { keepLast } from "../core/many.ts";
import { socketBehind, startOf } from "./descriptors.ts";
import { HolderHints } from "./holder-hints.ts";
import { HolderScan, type Scan, type Wanted } from "./holders.ts";
import { type Listener, unseenListeners } from "./unseen-listeners.ts";

/** Longest time in ms that a failure's report waits for its holders. */
const WAIT = 40;
/** Shortest time in ms that what was found waits for older events, which it would otherwise let go before their window is over. */
const LEAST_WINDOW = 15;
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

/** The sockets of which one walk tells that their holders are to be found. */
interface Question {
  /** Owners that the walk showed. */
  owners: Wanted[];
  /** Those that listen on the port and that it did not show: one holder of each is enough to name it by. */
  listeners: Listener[];
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
  /** What the looks of the seed ask for, by inode. */
  readonly #seeded = new Map<number, Wanted>();
  readonly #seededOwners = new Set<number>();
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

  /** A look of the seed: {@link findSeeded} asks for its owners, and for all holders of the listeners that it did not show. */
  seed({ walk, t }: EventOf<"look">): void {
    const { owners, listeners } = questionOf(walk, t, []);
    for (const { inode } of owners) this.#seededOwners.add(inode);
    for (const wanted of [...owners, ...listeners.map(({ inode }) => ({ inode, at: t }))]) this.#seeded.set(wanted.inode, wanted);
  }

  /** Finds who holds the sockets from before the trace. */
  async findSeeded(): Promise<void> {
    const wanted = [...this.#seeded.values()];
    if (wanted.length === 0) return;
    const scan = this.#scan(wanted);
    await scan.done;
    const { holders, complete } = scan.result(this.#seededOwners);
    const sockets = [...holders].map(([inode, found]) => ({ inode, holders: found }));
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
    const question = walk ? questionOf(walk, t, [call.pid]) : { owners: [], listeners: [] };
    const wanted = wantedOf(question, t);
    const known = this.#stillHeld(wanted, t);
    if (known) {
      this.#emit(call, question, known, false, arrival);
      return;
    }
    const scan = this.#scan(wanted);
    const inodes = wanted.map(({ inode }) => inode);
    const isAnswered = () => scan.over || scan.isComplete(inodes);
    if (!isAnswered()) await Promise.race([scan.done, delay(WAIT)]);
    const inTime = isAnswered();
    this.#emit(call, question, scan.result(inodes), false, arrival);
    if (inTime) return;
    await scan.done;
    this.#emit(call, question, scan.result(inodes), true, arrival);
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
    keepLast(this.#found, MOST_FOUND);
  }

  #tell(sockets: readonly { holders: readonly Holder[] }[]): void {
    for (const pid of new Set(sockets.flatMap(({ holders }) => holders.map((holder) => holder.pid)))) this.#options.found(pid);
  }

  #emit(call: CallEvent, { owners, listeners }: Question, { holders, complete }: Scan, late: boolean, arrival: number): void {
    const heldBy = (inode: number) => [...(holders.get(inode) ?? [])];
    const sockets = owners.map(({ inode }) => ({ inode, holders: heldBy(inode) }));
    this.#tell(sockets);
    const unseen = listeners.map((listener) => ({ ...listener, holders: heldBy(listener.inode) }));
    // The two clocks are paired within some microseconds only, and an answer must not come before its question.
    const t = Math.max(call.t, this.#options.instant());
    const found = { sockets, ...(unseen.length > 0 ? { listeners: unseen } : {}) };
    const event = { type: "holders" as const, t, failureAt: call.t, tid: call.tid, late, complete, ...found };
    const now = performance.now();
    this.#options.emit(event, late ? now : Math.max(arrival, now - LEAST_WINDOW));
  }
}

/** Owners that a process can hold, each once. `likely`: processes that may be in the network namespace of the walk. */
function questionOf(walk: WalkFacts, t: Nanos, likely: readonly number[]): Question {
  const at = walk.at ?? t;
  const owners = new Map<number, Wanted>();
  for (const { inode, references } of walk.owners) if (inode !== null) owners.set(inode, { inode, references, at });
  return { owners: [...owners.values()], listeners: unseenListeners(walk, likely) };
}

const wantedOf = ({ owners, listeners }: Question, at: Nanos): Wanted[] => [
  ...owners,
  ...listeners.map(({ inode }) => ({ inode, references: 1, at })),
];
