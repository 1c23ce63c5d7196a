import { expect, it } from "vitest";
import { labProblem } from "../helpers/lab-session.ts";
import { runRandom } from "./random.ts";

/** A part of `make oracle`, which takes a quarter of a minute. */
const OPERATIONS = 100_000;
const SEED = 1;

it.skipIf(labProblem !== null)(
  "the running kernel answers random binds and listens as the model foretells",
  { timeout: 300_000 },
  async () => {
    const { tally, mismatch } = await runRandom(OPERATIONS, SEED);
    expect(mismatch && `seed ${SEED}: ${mismatch.message}\n${mismatch.script}`).toBeNull();
    expect(tally.refused).toBeGreaterThan(OPERATIONS / 100);
    expect(Math.min(tally.spared.cache, tally.spared.group)).toBeGreaterThan(0);
  },
);
