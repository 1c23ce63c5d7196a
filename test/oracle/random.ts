import fc from "fast-check";
import { openLab } from "../helpers/lab.ts";
import { modelKernel } from "./model-kernel.ts";
import { sequence } from "./operations.ts";
import { Mismatch, Oracle, type Tally } from "./oracle.ts";

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
  let found: Mismatch | null = null;
  const property = fc.asyncProperty(sequence, async (one) => {
    if (found === null && oracle.tally.operations >= operations) return;
    try {
      await oracle.run(one);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      found = error;
      throw error;
    }
  });
  try {
    const { failed, errorInstance } = await fc.check(property, { seed, numRuns: operations });
    if (failed && !(errorInstance instanceof Mismatch)) throw errorInstance;
    return { kernel: kernel.name, seed, tally: oracle.tally, mismatch: failed ? (errorInstance as Mismatch) : null };
  } finally {
    await lab.close();
  }
}
