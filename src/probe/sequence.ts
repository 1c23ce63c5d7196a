/** Finds lost lines by gaps in the numbers that the programs give out on each CPU. */
export class SequenceCheck {
  readonly #last = new Map<number, number>();

  /** The newest number of this CPU that has come, 0 before the first. */
  last(cpu: number): number {
    return this.#last.get(cpu) ?? 0;
  }

  /** How many lines of this CPU are missing before this one. */
  gap(cpu: number, seq: number): number {
    const gap = seq - (this.#last.get(cpu) ?? 0) - 1;
    this.#last.set(cpu, seq);
    return Math.max(0, gap);
  }

  /** Lines missing at the end, by the last number that each CPU gave out. */
  missing(lastOfCpu: ReadonlyMap<number, number>): { cpu: number; count: number }[] {
    return [...lastOfCpu].map(([cpu, last]) => ({ cpu, count: last - (this.#last.get(cpu) ?? 0) })).filter(({ count }) => count > 0);
  }
}
