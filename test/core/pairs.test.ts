import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../helpers/cli.ts";
import { comparePairs } from "../oracle/pair-answers.ts";
import { readRecorded } from "../oracle/pair-fixture.ts";
import { TABLES } from "../oracle/pairs.ts";
import type { Kernel } from "../oracle/running-kernel.ts";

const FOLDER = join(ROOT, "test/fixtures/pairs");
const recordings = readdirSync(FOLDER).map((file) => readRecorded(readFileSync(join(FOLDER, file), "utf8")));

describe.each(recordings.map(({ kernel, answers }) => [kernel.name, kernel, answers] as const))(
  "what %s answered",
  (_, kernel, answers) => {
    const mismatches = (change: Partial<Kernel>) => {
      const { tables } = comparePairs(answers, { ...kernel, ...change });
      return tables.flatMap((table) => table.mismatches);
    };

    it("is what the rule says", () => {
      expect(answers.map(({ name }) => name)).toEqual(TABLES.map(({ name }) => name));
      expect(mismatches({}).slice(0, 3)).toEqual([]);
    });

    const { traits, faults } = kernel;
    const others: [string, Partial<Kernel>][] = [
      ["bhash2", { traits: { ...traits, bhash2: !traits.bhash2 } }],
      ["orphanUidIsZero", { traits: { ...traits, orphanUidIsZero: !traits.orphanUidIsZero } }],
      ...faults
        .filter(({ overlooks }) => overlooks)
        .map(({ code }): [string, Partial<Kernel>] => [code, { faults: faults.filter((fault) => fault.code !== code) }]),
    ];
    it.each(others)("is not what the rule says where %s is otherwise", (_trait, change) => {
      expect(mismatches(change).length).toBeGreaterThan(0);
    });
  },
);
