import type { Nanos } from "../base/nanoseconds.ts";

/** Of a long story the beginning and the end are kept: so many each, at least. */
const MOST = 500;
const MOST_ENDS = 32;

/** Different things in the order in which they first came; where they are many, without the middle. */
export class Many<T> {
  #kept = new Set<T>();
  #first: T[] = [];
  #last: T[] = [];
  /** How many were dropped; one that comes again after that counts again. */
  dropped = 0;

  add(one: T): void {
    if (this.#kept.has(one)) return;
    this.#kept.add(one);
    if (this.#first.length < MOST_ENDS) this.#first.push(one);
    else this.#last.push(one);
    if (this.#last.length > MOST_ENDS) this.#last.shift();
    if (this.#kept.size < 3 * MOST) return;
    const all = [...this.#kept];
    this.#kept = new Set([...all.slice(0, MOST), ...all.slice(-MOST)]);
    this.dropped += all.length - this.#kept.size;
  }

  has(one: T): boolean {
    return this.#kept.has(one);
  }

  get kept(): T[] {
    return [...this.#kept];
  }

  /** All of a few, else the first and the last: to compare something with each of very many would take too long. */
  get some(): T[] {
    return [...this.#first, ...this.#last];
  }
}

/** Of a list that has become long, the first and the last are kept: so many each, at least. */
export function dropMiddle(list: unknown[], most: number): void {
  if (list.length > 3 * most) list.splice(most, list.length - 2 * most);
}

/** Drops what was put in first, where that is more than so many. */
export function keepLast(kept: Set<unknown> | Map<unknown, unknown>, most: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(key);
  }
}

/** The instant from which on `most` of these are, the latest ones; -Infinity where there are no more. */
export function latestBut<T>(most: number, all: readonly T[], timeOf: (one: T) => Nanos): Nanos {
  if (all.length <= most) return Number.NEGATIVE_INFINITY;
  const times = Float64Array.from(all, timeOf).sort();
  return times[all.length - most] ?? Number.NEGATIVE_INFINITY;
}
