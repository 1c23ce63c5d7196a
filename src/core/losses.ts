import type { Nanos } from "../base/nanoseconds.ts";
import type { EventOf } from "./event.ts";
import type { SummaryRecord } from "./record.ts";

/** What is known to be missing from a trace: how much, of which CPU, and from when. */
export class Losses {
  readonly #byCpu = new Map<number, { count: number; first: Nanos; last: Nanos }>();
  #total = 0;
  /** As the end of the trace counts them: it may have been cut before. */
  #atEnd = 0;

  lost({ t, cpu, count }: EventOf<"lost">): void {
    const known = this.#byCpu.get(cpu) ?? { count: 0, first: t, last: t };
    this.#byCpu.set(cpu, { count: known.count + count, first: Math.min(known.first, t), last: Math.max(known.last, t) });
    this.#total += count;
  }

  end({ lost }: EventOf<"end">): void {
    this.#atEnd = lost;
  }

  /** For the summary. */
  told(iso: (t: Nanos) => string): Pick<SummaryRecord, "lost" | "losses"> {
    const losses = [...this.#byCpu]
      .sort(([a], [b]) => a - b)
      .map(([cpu, { count, first, last }]) => ({ cpu, count, first: iso(first), last: iso(last) }));
    return { lost: Math.max(this.#total, this.#atEnd), ...(losses.length > 0 ? { losses } : {}) };
  }
}
