import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, openLab } from "../helpers/lab.ts";
import { labProblem } from "../helpers/lab-session.ts";
import { type PairResults, runPairs } from "./pair-answers.ts";
import { pairCount, TABLES } from "./pairs.ts";
import { runningKernel } from "./running-kernel.ts";

describe.skipIf(labProblem !== null)("the running kernel answers each pair as the rule says", () => {
  let lab: Lab;
  let results: PairResults;
  beforeAll(async () => {
    lab = openLab({ netns: true });
    results = await runPairs(lab, runningKernel());
  }, 60_000);
  afterAll(() => lab?.close());

  it.each(TABLES.map((table) => [table.name, table] as const))("%s", (name, table) => {
    const { pairs, mismatches } = results.tables.find((each) => each.name === name) ?? {};
    expect(mismatches?.slice(0, 3)).toEqual([]);
    expect(pairs).toBe(pairCount(table));
  });
});

it.each([
  ["tcp", 16_384],
  ["udp", 8_192],
])("of %s there are at least %d pairs that bind to the owner's port", (protocol, least) => {
  const tables = TABLES.filter(({ name, ask }) => name.startsWith(protocol) && ask === "bind");
  expect(tables.reduce((sum, table) => sum + pairCount(table), 0)).toBeGreaterThanOrEqual(least);
});
