/** Pseudo-random numbers by a seed (mulberry32): what is drawn in great numbers is drawn of one number that fast-check gives. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  /** Once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  /** 64 bits, more often small, or next to a power of two. */
  word(): bigint {
    const bits = BigInt(this.below(65));
    const any = (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
    switch (this.below(4)) {
      case 0:
        return BigInt(this.below(20));
      case 1:
        return BigInt.asUintN(64, (1n << bits) - BigInt(this.below(2)));
      case 2:
        return any & ((1n << bits) - 1n);
      default:
        return any;
    }
  }
}
