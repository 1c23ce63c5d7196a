import { MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { Mark } from "./look.ts";

/** How far apart the two clocks may be taken to be: far less than a mark is waited for. */
export const CLOCK_SLACK: Nanos = 100 * MILLISECOND;
/** A line that is of the future by more than this shows that they are not paired. */
const FUTURE: Nanos = MILLISECOND;
/** The clocks are paired by a mark whose making took less than this (ns), or by the quickest of so many. */
const QUICK_MARK = 100_000n;
const MARKS_AT_MOST = 5;

/** A mark that came through the stream, at which instant; null where it did not. */
export interface Sounding {
  at: Nanos | null;
  made: Mark;
  /** No other mark was under way meanwhile, which might have been taken for this one. */
  alone: boolean;
}

/** A mark that came through. */
interface Pair extends Sounding {
  at: Nanos;
}

/**
 * The kernel's clock and ours. Instants are of CLOCK_BOOTTIME, which goes on while the machine is suspended (where the kernel has no
 * bpf_ktime_get_boot_ns, of CLOCK_MONOTONIC, as ours, which does not). The wall clock is looked at once, at the start: setting it changes
 * no instant.
 */
export class Clocks {
  readonly #monotonic: () => bigint;
  #monotonicOfInstant0 = 0n;
  #wallOfInstant0 = 0n;
  /** The pairing that is under way. */
  #pairing: Promise<Pair | null> | null = null;

  /** `monotonic`: our clock, in ns. */
  constructor(monotonic = () => process.hrtime.bigint()) {
    this.#monotonic = monotonic;
  }

  get monotonicOfInstant0(): bigint {
    return this.#monotonicOfInstant0;
  }

  /** In ns since 1970. */
  get wallOfInstant0(): bigint {
    return this.#wallOfInstant0;
  }

  /** Now. */
  instant(): Nanos {
    return Number(this.#monotonic() - this.#monotonicOfInstant0);
  }

  /** The line of instant 0 has just come: near enough where no mark will. */
  start(): void {
    this.#monotonicOfInstant0 = this.#monotonic();
    this.#wallOfInstant0 = BigInt(Date.now()) * 1_000_000n;
  }

  /** Pairs them by marks, whose time both know. */
  async anchor(sound: () => Promise<Sounding>): Promise<void> {
    // On a busy machine the line of instant 0 is late: those behind it seem to be of the future, and have it done already.
    const quickest = await (this.#pairing ?? this.#pair(sound));
    if (quickest) this.#wallOfInstant0 = quickest.made.wall - BigInt(quickest.at);
  }

  /**
   * A line of this instant has come. One that is of the future shows that the machine was suspended, or that the marks were slow: the
   * clocks are taken to be as far apart as it shows, and paired anew.
   */
  async heard(t: Nanos, sound: () => Promise<Sounding>): Promise<void> {
    if (t - this.instant() <= FUTURE) return;
    this.#monotonicOfInstant0 = this.#monotonic() - BigInt(t);
    if (!this.#pairing) await this.#pair(sound);
  }

  #pair(sound: () => Promise<Sounding>): Promise<Pair | null> {
    this.#pairing = this.#quickest(sound).finally(() => {
      this.#pairing = null;
    });
    return this.#pairing;
  }

  async #quickest(sound: () => Promise<Sounding>): Promise<Pair | null> {
    let quickest: Pair | null = null;
    for (let count = 0; count < MARKS_AT_MOST && (quickest?.made.took ?? QUICK_MARK) >= QUICK_MARK; count++) {
      const { at, made, alone } = await sound();
      if (at === null || !alone || (quickest && made.took >= quickest.made.took)) continue;
      quickest = { at, made, alone };
      this.#monotonicOfInstant0 = made.monotonic - BigInt(at);
    }
    return quickest;
  }
}
