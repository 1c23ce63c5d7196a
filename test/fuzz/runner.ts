import fc from "fast-check";
import type { Kind } from "./kind.ts";
import { Watchdog } from "./watchdog.ts";

/** Runs from one seed: the next ones are from the next seed. */
const BLOCK = 250;

export interface Tally {
  kind: string;
  inputs: number;
  seconds: number;
  /** Greatest size of this process so far, in MiB. */
  peak: number;
}

/** Makes at least so many inputs of a kind. Throws with fast-check's report, of the shortest input it found, where one does not hold. */
export async function fuzz(kind: Kind, inputs: number, seed: number): Promise<Tally> {
  const watchdog = new Watchdog();
  const start = performance.now();
  let done = 0;
  const property = fc.asyncProperty(kind.input, async (input) => {
    watchdog.beat();
    done += kind.count?.(input) ?? 1;
    await kind.check(input);
  });
  try {
    for (let block = 0; done < inputs; block++) {
      watchdog.watch(`${kind.name}, seed ${seed + block}`);
      const left = Math.ceil((inputs - done) / (block === 0 ? 1 : done / (block * BLOCK)));
      await fc.assert(property, { seed: seed + block, numRuns: Math.min(BLOCK, left) });
    }
  } finally {
    await watchdog.stop();
  }
  return { kind: kind.name, inputs: done, seconds: (performance.now() - start) / 1000, peak: process.resourceUsage().maxRSS / 1024 };
}
