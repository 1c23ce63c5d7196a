import { setImmediate as turn } from "node:timers/promises";

/** Room that is given back at a time (items). */
const COMPACT = 1024;

/**
 * What one side puts in at any time and another takes out in order, with `for await`: without bound, so that whoever puts something in
 * never waits. After each `most` items in a row the event loop has its turn, so that timers go on.
 */
export class EventQueue<T> implements AsyncIterable<T>, AsyncIterator<T, undefined> {
  readonly #most: number;
  readonly #items: (T | undefined)[] = [];
  /** The place of what is taken out next. */
  #next = 0;
  #inRow = 0;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** No more will come. With an error, the reader gets that in its turn. */
  end(error: Error | null = null): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#next === this.#items.length) return this.#none();
    if (this.#inRow === this.#most) {
      this.#inRow = 0;
      return turn().then(() => this.next());
    }
    this.#inRow++;
    const value = this.#items[this.#next] as T;
    this.#items[this.#next++] = undefined;
    if (this.#next === this.#items.length || (this.#next >= COMPACT && this.#next * 2 >= this.#items.length)) {
      this.#items.splice(0, this.#next);
      this.#next = 0;
    }
    return Promise.resolve({ done: false, value });
  }

  async #none(): Promise<IteratorResult<T, undefined>> {
    if (this.#error) throw this.#error;
    if (this.#ended) return { done: true, value: undefined };
    this.#inRow = 0;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = null;
    return this.next();
  }
}
