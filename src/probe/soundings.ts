import { setTimeout as delay } from "node:timers/promises";
import type { Nanos } from "../base/nanoseconds.ts";
import { CLOCK_SLACK, type Sounding } from "./clocks.ts";
import { mark } from "./look.ts";

/** Longest wait in ms for a mark to come through the stream. */
const LIMIT = 1000;
/** The last mark is waited for as long as the stream comes nearer to it; then so long (ms), for a mark can be lost as every line. */
const LAST_LIMIT = 60_000;
/** How often (ms) another one is made meanwhile. */
const AGAIN = 1000;

export interface SoundingsOptions {
  /** Base of the look requests. */
  base: number;
  instant(): Nanos;
  /** Settles when the stream has ended. */
  ended: Promise<unknown>;
}

interface Pending {
  notBefore: Nanos;
  alone: boolean;
  came: (t: Nanos | null) => void;
}

/** Marks that are put into the stream (a look at port 0), and come out behind everything that was in it. */
export class Soundings {
  readonly #options: SoundingsOptions;
  readonly #pending = new Set<Pending>();
  /** Instant of the newest line. */
  #newest: Nanos = 0;
  #over = false;

  constructor(options: SoundingsOptions) {
    this.#options = options;
    void options.ended.then(() => {
      this.#over = true;
      for (const { came } of this.#pending) came(null);
    });
  }

  /** A mark of this instant has come through. */
  came(t: Nanos): void {
    for (const { notBefore, came } of this.#pending) if (t >= notBefore) came(t);
  }

  /** A line of this instant has come. */
  heard(t: Nanos): void {
    this.#newest = t;
  }

  /** Makes a mark, and waits for it. */
  async sound(limit = AbortSignal.timeout(LIMIT)): Promise<Sounding> {
    const { base, instant } = this.#options;
    if (this.#over) return { at: null, made: mark(base), alone: true };
    const pending: Pending = { notBefore: instant() - CLOCK_SLACK, alone: this.#pending.size === 0, came: () => {} };
    for (const other of this.#pending) other.alone = false;
    const given = new Promise<Nanos | null>((resolve) => {
      pending.came = resolve;
      limit.addEventListener("abort", () => resolve(null), { once: true });
    });
    this.#pending.add(pending);
    const made = mark(base);
    const at = await given;
    this.#pending.delete(pending);
    return { at, made, alone: pending.alone };
  }

  /** Whether a mark that was made now has come through, behind all that has not been read yet. */
  async last(): Promise<boolean> {
    const begun = this.#options.instant();
    const limit = new AbortController();
    const marks: Promise<boolean>[] = [];
    let [newest, since] = [this.#newest, performance.now()];
    while (performance.now() - since < LAST_LIMIT && newest - begun < LAST_LIMIT * 1e6) {
      marks.push(this.sound(limit.signal).then(({ at }) => at !== null));
      const came = await Promise.race([...marks, delay(AGAIN, null)]);
      if (came !== null) break;
      if (this.#newest !== newest) [newest, since] = [this.#newest, performance.now()];
    }
    limit.abort();
    return (await Promise.all(marks)).includes(true);
  }
}
