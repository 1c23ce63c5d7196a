import fc from "fast-check";
import { openLab } from "../helpers/lab.ts";
import { modelKernel } from "./model-kernel.ts";
import { sequence } from "./operations.ts";
import { Mismatch, Oracle, type Tally } from "./oracle.ts";

/** Sequences that are drawn from one seed, a few thousand operations: from the next ones on it is the next seed. */
const A_ROUND = 200;

export interface RandomRun {
  kernel: string;
  seed: number;
  tally: Tally;
  /** The shortest sequence on which the kernel did what the model does not say. */
  mismatch: Mismatch | null;
}

/** Random sequences on the running kernel, until so many operations are done or a mismatch is found and shrunk. */
export async function runRandom(operations: number, seed = Date.now() % 2 ** 31): Promise<RandomRun> {
  const kernel = modelKernel();
  const lab = openLab({ netns: true });
  const oracle = new Oracle(lab, kernel);
  const property = fc.asyncProperty(sequence, (one) => oracle.run(one));
  let mismatch: Mismatch | null = null;
  try {
    for (let round = 0; mismatch === null && oracle.tally.operations < operations; round++) {
      const { failed, errorInstance } = await fc.check(property, { seed: seed + round, numRuns: A_ROUND });
      if (failed && !(errorInstance instanceof Mismatch)) throw errorInstance;
      if (failed) mismatch = errorInstance as Mismatch;
    }
    return { kernel: kernel.name, seed, tally: oracle.tally, mismatch };
  } finally {
    await lab.close();
  }
}
