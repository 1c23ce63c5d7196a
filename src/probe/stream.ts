import { setTimeout as delay } from "node:timers/promises";
import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, TraceEvent } from "../core/event.ts";
import { type Bpftrace, startProblem } from "./bpftrace.ts";
import { Clocks } from "./clocks.ts";
import { EventQueue } from "./event-queue.ts";
import { hasPidsOfKernel, seesEveryProcess } from "./every-process.ts";
import { HolderFinder } from "./holder-finder.ts";
import { instantOfJiffies, sampleJiffies, tickRate } from "./jiffies.ts";
import { descendsFrom } from "./kin.ts";
import { LineDecoder } from "./lines.ts";
import { watchProcess } from "./look.ts";
import { Looker } from "./looker.ts";
import type { Problem } from "./problem.ts";
import { ProcessTeller } from "./process-teller.ts";
import { ReorderBuffer } from "./reorder.ts";
import { Soundings } from "./soundings.ts";

/** How long in ms an event waits for an older one of another CPU. */
const WINDOW = 30;
/** How often in ms waiting events are looked through. */
const TICK = 10;
/** Events that are taken out in a row, before timers have their turn. */
const IN_ROW = 256;
/** Longest time in ms in which nothing comes of what the last mark tells of. */
const LONGEST_SILENCE = 1000;
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

/** When a batch of lines is taken up: in ms, and as an instant. */
interface Moment {
  arrival: number;
  instant: Nanos;
}

/** One running bpftrace and everything that follows its lines on their way to ordered events. */
export class LiveStream {
  readonly output = new EventQueue<TraceEvent>(IN_ROW);
  readonly clocks = new Clocks();
  readonly #bpftrace: Bpftrace;
  readonly #base: number;
  readonly #decoder: LineDecoder;
  readonly #reorder = new ReorderBuffer<TraceEvent>(WINDOW);
  readonly #holders: HolderFinder;
  readonly #looker: Looker;
  readonly #processes: ProcessTeller;
  readonly #soundings: Soundings;
  /** Processes of this batch's calls that were told of. */
  readonly #callers = new Set<number>();
  readonly #firstSample = sampleJiffies();
  readonly #finished: Promise<void>;
  #sample = this.#firstSample;
  #seeding = true;
  #command: number | null = null;
  #stopReason: string | null = null;
  /** Why not everything was read, for people. */
  #cutShort: string | null = null;
  #cut: () => void = () => {};
  readonly #whenCut = new Promise<void>((resolve) => {
    this.#cut = resolve;
  });
  #becomesReady: () => void = () => {};
  #tick: NodeJS.Timeout | undefined;
  hz: number | null = null;

  constructor(bpftrace: Bpftrace, { base, searches, udpReleases }: StreamOptions) {
    this.#bpftrace = bpftrace;
    this.#base = base;
    const instant = () => this.clocks.instant();
    this.#soundings = new Soundings({ base, instant, ended: bpftrace.ended });
    this.#decoder = new LineDecoder({
      searches,
      instantOfJiffies: (jiffies) => instantOfJiffies(jiffies, this.#sample, this.hz, this.clocks.monotonicOfInstant0),
    });
    // Start times are of CLOCK_BOOTTIME.
    const instantOfStart = (ticks: number) => Number((BigInt(ticks) * 1_000_000_000n) / USER_HZ - this.bootOfInstant0);
    const emit = (event: TraceEvent, arrival = performance.now()) => this.#hold(event, { arrival, instant: instant() });
    this.#looker = new Looker({ base, instant, udpReleases, emit, everyProcess: seesEveryProcess() });
    // Whose end is not seen would lend what is told of it to the next process that gets its pid.
    const tell = (event: EventOf<"process">) => {
      watchProcess(base, event.pid);
      emit(event);
    };
    this.#processes = new ProcessTeller({ instant, instantOfStart, emit: tell, hasPidsOfKernel: hasPidsOfKernel() });
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

  /** Pairs the kernel's clock with ours. */
  async anchor(): Promise<void> {
    await this.clocks.anchor(() => this.#soundings.sound());
    this.#sample = sampleJiffies();
    this.hz = tickRate(this.#firstSample, this.#sample);
  }

  /** Waits until all that was asked for as the seed has come through. */
  async armed(): Promise<void> {
    await this.#soundings.sound();
    await this.#holders.findSeeded();
    await delay(WINDOW);
    this.#seeding = false;
    this.#tick = setInterval(() => this.#release(false), TICK);
  }

  setCommand(pid: number): void {
    this.#command = pid;
    watchProcess(this.#base, pid);
  }

  commandEnded(code: number | null, signal: string | null): void {
    const [t, arrival] = [this.clocks.instant(), performance.now()];
    this.#hold({ type: "command", t, code, signal }, { arrival, instant: t });
  }

  async stop(reason: string): Promise<void> {
    if (this.#stopReason === null) {
      this.#stopReason = reason;
      await Promise.race([this.#drain(), this.#whenCut]);
      await this.#bpftrace.stop();
    }
    await this.#finished;
  }

  /** Ends a stop that is under way at once: what has not been read is given up, for that reason. */
  cut(reason: string): void {
    if (this.#stopReason === null) return;
    this.#cutShort = reason;
    this.#cut();
    this.#bpftrace.kill();
  }

  /** bpftrace reads the CPUs one after the other, and discards at its end what it has not read. */
  async #drain(): Promise<void> {
    await this.#looker.finish();
    if (!(await this.#soundings.last())) this.#cutShort ??= "bpftrace did not deliver its last events";
    let [outstanding, since] = [Number.POSITIVE_INFINITY, performance.now()];
    do {
      await delay(WINDOW);
      const now = this.#decoder.outstanding;
      if (now < outstanding) [outstanding, since] = [now, performance.now()];
    } while (outstanding > 0 && performance.now() - since < LONGEST_SILENCE);
  }

  async #run(): Promise<void> {
    let isCut = false;
    void this.#whenCut.then(() => {
      isCut = true;
    });
    try {
      for await (const lines of this.#bpftrace.batches) {
        this.#callers.clear();
        const now = { arrival: performance.now(), instant: this.clocks.instant() };
        for (const line of isCut ? [] : lines) this.#line(line, now);
      }
    } catch (error) {
      this.#cutShort ??= `what bpftrace wrote could not be read: ${(error as Error).message}`;
      this.#bpftrace.kill();
    }
    const ended = await this.#bpftrace.ended;
    const died = this.#cutShort ?? ended.died;
    clearInterval(this.#tick);
    this.#looker.stop();
    const now = { arrival: performance.now(), instant: this.clocks.instant() };
    for (const event of this.#decoder.finish()) this.#arrive(event, now);
    await Promise.race([this.#holders.settled(), this.#whenCut]);
    this.#release(true);
    this.output.push({
      type: "end",
      t: this.clocks.instant(),
      reason: died ?? this.#stopReason ?? "bpftrace ended",
      lost: this.#decoder.lost,
      foreign: this.#decoder.foreign,
      died: died !== null || this.#stopReason === null,
    });
    this.output.end();
  }

  #line(line: string, now: Moment): void {
    // What bpftrace says by itself on stdout; losses show as gaps in the numbers.
    if (!line.startsWith("bt:") && /^(Attach(ing|ed) \d+ probe|Lost \d+ events)/.test(line)) return;
    for (const event of this.#decoder.decode(line)) this.#arrive(event, now);
    if (line.startsWith("bt:beat ")) this.#beat(line);
    else if (line.startsWith("bt:ready ")) {
      this.clocks.start();
      this.#becomesReady();
    }
  }

  #beat(line: string): void {
    const t = Number(line.slice("bt:beat ".length)) - Number(this.bootOfInstant0);
    if (!Number.isSafeInteger(t)) return;
    this.#soundings.heard(t);
    void this.clocks.heard(t, () => this.#soundings.sound());
  }

  #arrive(event: TraceEvent, now: Moment): void {
    if (event.type === "look") {
      if (event.walk.port === 0) {
        this.#soundings.came(event.t);
        return;
      }
      if (this.#seeding && event.walk.visited === 0) return;
      if (this.#seeding) this.#holders.seed(event);
      this.#hold({ ...event, seed: this.#seeding }, now);
      this.#looker.notice({ ...event, seed: this.#seeding });
      return;
    }
    this.#looker.notice(event);
    this.#holders.notice(event);
    if (event.type === "bind" || event.type === "listen") this.#call(event, now);
    else this.#hold(event, now);
    if (event.type === "exec") {
      this.#processes.prefetch(event.pid);
      this.#processes.retell(event.pid, event.t);
    } else if (event.type === "exit") this.#processes.forget(event.pid, event.t);
    else if (event.type === "pass") this.#processes.tell(event.pid, event.t);
  }

  /** A process that has a watched socket: what it is, and what becomes of it. */
  #found(pid: number): void {
    watchProcess(this.#base, pid);
    this.#processes.tell(pid, this.clocks.instant());
  }

  #call(event: CallEvent, now: Moment): void {
    // A report is made when the holders are known: who was refused has to be known by then.
    if (!this.#callers.has(event.pid)) {
      this.#callers.add(event.pid);
      this.#processes.tell(event.pid, event.t);
    }
    const inCommand = event.errno !== null && this.#command !== null && descendsFrom(event.pid, this.#command);
    this.#hold(inCommand ? { ...event, inCommand } : event, now);
    // Holders that are known are told at once, and of the same instant where the clocks are apart: behind their question.
    if (event.errno !== null) this.#holders.find(event, now.arrival);
  }

  #hold(event: TraceEvent, { arrival, instant }: Moment): void {
    this.#reorder.push(event.t, arrival, event, this.#seeding ? 0 : (instant - event.t) / MILLISECOND);
  }

  #release(all: boolean): void {
    for (const event of this.#reorder.take(performance.now(), all)) this.output.push(event);
  }
}
