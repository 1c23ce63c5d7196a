import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, TraceEvent } from "../core/event.ts";
import { type Bpftrace, startProblem } from "./bpftrace.ts";
import { hasPidsOfKernel } from "./every-process.ts";
import { HolderFinder } from "./holder-finder.ts";
import { descendsFrom } from "./holders.ts";
import { instantOfJiffies, sampleJiffies, tickRate } from "./jiffies.ts";
import { LineDecoder } from "./lines.ts";
import { type Mark, mark, watchProcess } from "./look.ts";
import { Looker } from "./looker.ts";
import type { Problem } from "./problem.ts";
import { ProcessTeller } from "./process-teller.ts";
import { ReorderBuffer } from "./reorder.ts";

/** How long in ms an event waits for an older one of another CPU. */
const WINDOW = 100;
/** How often in ms waiting events are looked through. */
const TICK = 10;
/** Longest wait in ms for a mark to come through the stream; at the end, others are made meanwhile, for a mark can be lost as every line. */
const MARK_LIMIT = 1000;
const LAST_MARK_LIMIT = 60_000;
/** Longest time in ms in which nothing comes of what the last mark tells of. */
const LONGEST_SILENCE = 1000;
/** How far apart in ns the two clocks may be taken to be: far less than a mark is waited for. */
const CLOCK_SLACK = 100_000_000;
/** The clocks are paired by a mark whose making took less than this (ns), or by the quickest of so many. */
const QUICK_MARK = 100_000n;
const MARKS_AT_MOST = 5;
/** Clock ticks a second in /proc/PID/stat (USER_HZ, the same on every architecture that Node runs on). */
const USER_HZ = 100n;

/** What the running program is known to tell. */
export interface StreamOptions {
  /** Base of the look requests that the program answers. */
  base: number;
  /** The protocols of which the program tells what the kernel's search for a port said. */
  searches: readonly ("tcp" | "udp")[];
  /** The program tells when a UDP port becomes free. */
  udpReleases: boolean;
}

/** One running bpftrace and everything that follows its lines on their way to ordered events. */
export class LiveStream {
  readonly output = new Readable({ objectMode: true, highWaterMark: Number.MAX_SAFE_INTEGER, read() {} });
  readonly #bpftrace: Bpftrace;
  readonly #base: number;
  readonly #decoder: LineDecoder;
  readonly #reorder = new ReorderBuffer<TraceEvent>(WINDOW);
  readonly #holders: HolderFinder;
  readonly #looker: Looker;
  readonly #processes: ProcessTeller;
  readonly #seedInodes = new Set<number>();
  readonly #marks = new Set<{ notBefore: Nanos; came: (t: Nanos) => void }>();
  #cutShort = false;
  readonly #firstSample = sampleJiffies();
  readonly #finished: Promise<void>;
  #sample = this.#firstSample;
  #monotonicOfInstant0 = 0n;
  #seeding = true;
  #command: number | null = null;
  #stopReason: string | null = null;
  #becomesReady: () => void = () => {};
  #tick: NodeJS.Timeout | undefined;
  wallOfInstant0 = 0n;
  hz: number | null = null;

  constructor(bpftrace: Bpftrace, { base, searches, udpReleases }: StreamOptions) {
    this.#bpftrace = bpftrace;
    this.#base = base;
    this.#decoder = new LineDecoder({
      searches,
      instantOfJiffies: (jiffies) => instantOfJiffies(jiffies, this.#sample, this.hz, this.#monotonicOfInstant0),
    });
    const instant = () => this.#instant();
    // Start times are of CLOCK_BOOTTIME.
    const instantOfStart = (ticks: number) => Number((BigInt(ticks) * 1_000_000_000n) / USER_HZ - this.bootOfInstant0);
    const emit = (event: TraceEvent, arrival = performance.now()) => this.#hold(event, arrival);
    this.#looker = new Looker({ base, instant, udpReleases, emit });
    this.#processes = new ProcessTeller({ instant, instantOfStart, emit, hasPidsOfKernel: hasPidsOfKernel() });
    this.#holders = new HolderFinder({ instant, instantOfStart, emit, found: (pid) => this.#found(pid) });
    this.#finished = this.#run();
  }

  get bootOfInstant0(): bigint {
    return this.#decoder.anchor ?? 0n;
  }

  /** Null when every probe is attached, else why bpftrace gave up. */
  async ready(): Promise<Problem | null> {
    const ready = new Promise<null>((resolve) => {
      this.#becomesReady = () => resolve(null);
    });
    const ended = this.#bpftrace.ended.then(({ died }) => startProblem(died ?? "it ended at once", this.#bpftrace.stderr()));
    return Promise.race([ready, ended]);
  }

  /** Pairs the kernel's clock with ours by a mark whose time both sides know. */
  async anchor(): Promise<void> {
    let quickest: bigint | null = null;
    for (let count = 0; count < MARKS_AT_MOST && (quickest === null || quickest > QUICK_MARK); count++) {
      const { at, made } = await this.#mark();
      if (at === null || (quickest !== null && made.took >= quickest)) continue;
      quickest = made.took;
      this.#monotonicOfInstant0 = made.monotonic - BigInt(at);
      this.wallOfInstant0 = made.wall - BigInt(at);
    }
    this.#sample = sampleJiffies();
    this.hz = tickRate(this.#firstSample, this.#sample);
  }

  /** Waits until all that was asked for as the seed has come through. */
  async armed(): Promise<void> {
    await this.#mark();
    if (this.#seedInodes.size > 0) await this.#holders.findSeeded([...this.#seedInodes]);
    await delay(WINDOW);
    this.#seeding = false;
    this.#tick = setInterval(() => this.#release(false), TICK);
  }

  setCommand(pid: number): void {
    this.#command = pid;
    watchProcess(this.#base, pid);
  }

  commandEnded(code: number | null, signal: string | null): void {
    const t = this.#instant();
    this.#hold({ type: "command", t, code, signal }, performance.now());
  }

  /** Now. */
  #instant(): Nanos {
    return Number(process.hrtime.bigint() - this.#monotonicOfInstant0);
  }

  async stop(reason: string): Promise<void> {
    if (this.#stopReason === null) {
      this.#stopReason = reason;
      await this.#looker.finish();
      await this.#drain();
      await this.#bpftrace.stop();
    }
    await this.#finished;
  }

  /** bpftrace reads the CPUs one after the other, and discards at its end what it has not read. */
  async #drain(): Promise<void> {
    this.#cutShort = !(await this.#lastMark());
    let [outstanding, since] = [Number.POSITIVE_INFINITY, performance.now()];
    do {
      await delay(WINDOW);
      const now = this.#decoder.outstanding;
      if (now < outstanding) [outstanding, since] = [now, performance.now()];
    } while (outstanding > 0 && performance.now() - since < LONGEST_SILENCE);
  }

  /** Whether a mark that was made now has come through, behind all that bpftrace has not read yet. */
  async #lastMark(): Promise<boolean> {
    const marks: Promise<boolean>[] = [];
    const late = performance.now() + LAST_MARK_LIMIT;
    while (performance.now() < late) {
      marks.push(this.#mark(LAST_MARK_LIMIT).then(({ at }) => at !== null));
      const came = await Promise.race([...marks, delay(MARK_LIMIT, null)]);
      if (came !== null) return came;
    }
    return false;
  }

  async #run(): Promise<void> {
    for await (const line of this.#bpftrace.lines) this.#line(line);
    const ended = await this.#bpftrace.ended;
    const died = ended.died ?? (this.#cutShort ? "bpftrace did not deliver its last events" : null);
    clearInterval(this.#tick);
    this.#looker.stop();
    for (const event of this.#decoder.finish()) this.#arrive(event);
    await this.#holders.settled();
    this.#release(true);
    this.output.push({
      type: "end",
      t: this.#instant(),
      reason: died ?? this.#stopReason ?? "bpftrace ended",
      lost: this.#decoder.lost,
      foreign: this.#decoder.foreign,
      died: died !== null || this.#stopReason === null,
    } satisfies TraceEvent);
    this.output.push(null);
  }

  #line(line: string): void {
    // What bpftrace says by itself on stdout; losses show as gaps in the numbers.
    if (/^(Attach(ing|ed) \d+ probe|Lost \d+ events)/.test(line)) return;
    for (const event of this.#decoder.decode(line)) this.#arrive(event);
    if (line.startsWith("bt:ready ")) {
      this.#monotonicOfInstant0 = process.hrtime.bigint();
      this.#becomesReady();
    }
  }

  #arrive(event: TraceEvent): void {
    const arrival = performance.now();
    if (event.type === "look") {
      if (event.walk.port === 0) {
        for (const { notBefore, came } of this.#marks) if (event.t >= notBefore) came(event.t);
        return;
      }
      if (this.#seeding && event.walk.visited === 0) return;
      if (this.#seeding) for (const { inode } of event.walk.owners) if (inode !== null) this.#seedInodes.add(inode);
      this.#hold({ ...event, seed: this.#seeding }, arrival);
      this.#looker.notice({ ...event, seed: this.#seeding });
      return;
    }
    this.#looker.notice(event);
    if (event.type === "bind" || event.type === "listen") this.#call(event, arrival);
    else this.#hold(event, arrival);
    if (event.type === "exec") {
      this.#holders.outdate();
      this.#processes.prefetch(event.pid);
      this.#processes.retell(event.pid);
    } else if (event.type === "exit") this.#processes.forget(event.pid);
    else if (event.type === "pass") this.#processes.tell(event.pid);
  }

  /** A process that has a watched socket: what it is, and what becomes of it. */
  #found(pid: number): void {
    watchProcess(this.#base, pid);
    this.#processes.tell(pid);
  }

  #call(event: CallEvent, arrival: number): void {
    if (event.errno === null) this.#holders.remember(event.pid);
    else this.#holders.find(event, arrival);
    const inCommand = event.errno !== null && this.#command !== null && descendsFrom(event.pid, this.#command);
    this.#hold({ ...event, inCommand }, arrival);
    this.#processes.tell(event.pid);
  }

  #hold(event: TraceEvent, arrival: number): void {
    const lag = Number(process.hrtime.bigint() - this.#monotonicOfInstant0 - BigInt(event.t)) / 1e6;
    this.#reorder.push(event.t, arrival, event, this.#seeding ? 0 : lag);
  }

  #release(all: boolean): void {
    for (const event of this.#reorder.take(performance.now(), all)) this.output.push(event);
  }

  /** Makes a mark, and waits for it to come through the stream: null where it does not. */
  async #mark(longest = MARK_LIMIT): Promise<{ at: Nanos | null; made: Mark }> {
    const notBefore = this.#instant() - CLOCK_SLACK;
    const pending = { notBefore, came: (_: Nanos) => {} };
    const given = new Promise<Nanos>((resolve) => {
      pending.came = resolve;
    });
    this.#marks.add(pending);
    const made = mark(this.#base);
    const limit = new AbortController();
    const tooLate = delay(longest, null, { signal: limit.signal }).catch(() => null);
    const at = await Promise.race([given, tooLate, this.#bpftrace.ended.then(() => null)]);
    limit.abort();
    this.#marks.delete(pending);
    return { at, made };
  }
}
