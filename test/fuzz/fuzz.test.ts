import { afterAll, describe, expect, it } from "vitest";
import { madeUpBtf, ownBtf, trueBtf } from "./btf.ts";
import { commandLines } from "./command-lines.ts";
import { bpftraceLines, checkLines } from "./lines.ts";
import { processes } from "./processes.ts";
import { fuzz, type Tally } from "./runner.ts";
import { changedBytes, hostileTraces, randomInput } from "./traces.ts";

/** `make fuzz` asks for a million inputs and more. */
const RUNS = process.env.FUZZ_RUNS ? Number(process.env.FUZZ_RUNS) : null;
/** The few of `make test` are always the same; new ones are for `make fuzz`, which says from which seed. */
const SEED = Number(process.env.FUZZ_SEED || (RUNS === null ? 1 : Date.now() % 2 ** 31));
/** MiB that this process may come to, with the test runner. */
const MOST_MEMORY = 1024;
const HOUR = 3_600_000;

const KINDS = [bpftraceLines, checkLines, madeUpBtf, trueBtf, ownBtf, commandLines, hostileTraces, changedBytes, randomInput, processes];
const tallies: Tally[] = [];

describe(`bad input, from seed ${SEED}`, () => {
  it.each(KINDS.filter(({ missing }) => !missing))(
    "$name",
    async (kind) => {
      const tally = await fuzz(kind, RUNS === null ? kind.few : Math.ceil((RUNS * kind.share) / 1_000_000), SEED);
      tallies.push(tally);
      if (RUNS !== null) console.log(text(tally));
      expect(tally.peak).toBeLessThan(MOST_MEMORY);
    },
    HOUR,
  );
});

afterAll(() => {
  if (RUNS !== null)
    console.log(
      `${row(
        tallies.reduce((sum, { inputs }) => sum + inputs, 0),
        "in all",
      )}  from seed ${SEED}`,
    );
});

const row = (inputs: number, kind: string) => `${inputs.toLocaleString("en-US").padStart(11)}  ${kind}`;

function text({ kind, inputs, seconds, peak }: Tally): string {
  return `${row(inputs, kind)}: ${seconds.toFixed(0)} s, ${peak.toFixed(0)} MiB so far`;
}
