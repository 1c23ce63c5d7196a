import { afterAll, describe, expect, it } from "vitest";
import { madeUpBtf, ownBtf, trueBtf } from "./btf.ts";
import { commandLines } from "./command-lines.ts";
import { bpftraceLines, checkLines } from "./lines.ts";
import { processes } from "./processes.ts";
import { fuzz, type Tally } from "./runner.ts";
import { changedBytes, hostileTraces, randomInput } from "./traces.ts";

/** `make fuzz` asks for a million inputs and more. */
const RUNS = process.env.FUZZ_RUNS ? Number(process.env.FUZZ_RUNS) : null;
const SEED = Number(process.env.FUZZ_SEED || Date.now() % 2 ** 31);
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
      expect(tally.peak).toBeLessThan(MOST_MEMORY);
    },
    HOUR,
  );
});

afterAll(() => {
  if (RUNS === null) return;
  const rows = tallies.map(({ kind, inputs, seconds, peak }) => [
    kind.padEnd(40),
    inputs.toLocaleString("en-US").padStart(11),
    `${seconds.toFixed(0)} s`.padStart(7),
    `${peak.toFixed(0)} MiB`.padStart(9),
  ]);
  const all = tallies.reduce((sum, { inputs }) => sum + inputs, 0);
  const rest = ["in all".padEnd(40), all.toLocaleString("en-US").padStart(11), `  seed ${SEED}`];
  console.log(
    [["inputs".padEnd(40), "count".padStart(11), "time".padStart(7), "peak".padStart(9)], ...rows, rest]
      .map((row) => row.join(""))
      .join("\n"),
  );
});
