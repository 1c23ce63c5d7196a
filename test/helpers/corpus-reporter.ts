import Table from "cli-table3";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { CorpusRow } from "./corpus.ts";

const LIVE = /^test\/live\/(situations|programs)\.test\.ts$/;
const GOLDEN = "test/golden.test.ts";

type Cell = "yes" | "NO" | "skipped" | "not run" | "guest";

/**
 * Prints the corpus after a run that had it: situation × right blocker, right holder, right story, golden. `guest`: the situation
 * needs the kernel hook set, and runs with the truth beside it in `make test-vm`.
 */
export default class CorpusReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const live = modules.filter(({ relativeModuleId }) => LIVE.test(relativeModuleId)).flatMap(testsOf);
    const golden = modules.filter(({ relativeModuleId }) => relativeModuleId === GOLDEN).flatMap(testsOf);
    if (live.length === 0) return;
    const samples = [...new Set(golden.map(sampleOf).filter((name) => name !== null))];
    const names = [...new Set([...live.map(({ name }) => name), ...samples])].sort();
    const rows = names.map((name): [string, ...Cell[]] => {
      const test = live.find((one) => one.name === name);
      const replays = golden.filter((one) => sampleOf(one) === name);
      return [name, ...liveCells(test), goldenCell(replays)];
    });
    const table = new Table({
      head: ["situation", "blocker", "holder", "story", "golden"],
      style: { head: [], border: [], compact: true },
    });
    table.push(...rows);
    const right = rows.filter(([, ...cells]) => cells.every((cell) => cell === "yes")).length;
    const inGuests = rows.filter(([, ...cells]) => cells.includes("guest") && !cells.includes("NO")).length;
    console.log(`${table}\n${rows.length} situations: ${right} right in every cell, ${inGuests} to be run in a guest`);
  }
}

const testsOf = (module: TestModule): TestCase[] => [...module.children.allTests()];

/** The sample that a golden test is about. */
const sampleOf = ({ parent }: TestCase): string | null => ("name" in parent ? (/^sample (.*)$/.exec(parent.name)?.[1] ?? null) : null);

function liveCells(test: TestCase | undefined): Cell[] {
  const cells: (keyof CorpusRow)[] = ["blocker", "holder", "story"];
  if (!test) return cells.map(() => "guest");
  const { corpus } = test.meta();
  const state = test.result().state;
  if (state === "skipped") return cells.map(() => "skipped");
  // What failed before or after the comparison counts against all that it had to show.
  return cells.map((cell) => (corpus?.[cell] && (state === "passed" || Object.values(corpus).includes(false)) ? "yes" : "NO"));
}

function goldenCell(replays: readonly TestCase[]): Cell {
  if (replays.length === 0) return "not run";
  return replays.every((replay) => replay.result().state === "passed") ? "yes" : "NO";
}
