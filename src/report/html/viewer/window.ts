import type { Nanos } from "../../../base/nanoseconds.ts";

/** Shortest stretch of time that is shown, in ns. */
const SHORTEST: Nanos = 1_000;
/** Room beside the first and the last event, as a part of all. */
const MARGIN = 0.03;

/** The stretch of time that all charts show. */
export class TimeWindow {
  from: Nanos;
  to: Nanos;
  /** All there is to see, with room at both ends. */
  readonly bounds: { readonly from: Nanos; readonly to: Nanos };
  readonly #changed: () => void;

  constructor(from: Nanos, to: Nanos, changed: () => void) {
    const room = Math.max((to - from) * MARGIN, SHORTEST);
    this.bounds = { from: from - room, to: to + room };
    this.from = this.bounds.from;
    this.to = this.bounds.to;
    this.#changed = changed;
  }

  get span(): Nanos {
    return this.to - this.from;
  }

  get isWhole(): boolean {
    return this.from <= this.bounds.from && this.to >= this.bounds.to;
  }

  /** Where an instant is, on a line of `width`. */
  x(t: Nanos, width: number): number {
    return ((t - this.from) / this.span) * width;
  }

  /** The instant at that place on a line of `width`. */
  at(x: number, width: number): Nanos {
    return this.from + (x / width) * this.span;
  }

  /** Shows this stretch, or what of it lies within the bounds. */
  show(from: Nanos, to: Nanos): void {
    const whole = this.bounds.to - this.bounds.from;
    const span = Math.min(Math.max(to - from, SHORTEST), whole);
    const middle = (from + to) / 2;
    const start = Math.min(Math.max(middle - span / 2, this.bounds.from), this.bounds.to - span);
    if (start === this.from && start + span === this.to) return;
    this.from = start;
    this.to = start + span;
    this.#changed();
  }

  all(): void {
    this.show(this.bounds.from, this.bounds.to);
  }

  /** Shows more (`factor` above 1) or less time; the instant `around` stays where it is. */
  zoom(factor: number, around: Nanos = (this.from + this.to) / 2): void {
    const span = Math.min(Math.max(this.span * factor, SHORTEST), this.bounds.to - this.bounds.from);
    const part = (around - this.from) / this.span;
    this.show(around - part * span, around + (1 - part) * span);
  }

  /** Moves by a part of what is shown. */
  pan(part: number): void {
    this.show(this.from + part * this.span, this.to + part * this.span);
  }
}
