import { afterAll, describe, expect, it } from "vitest";
import { liveProblem } from "../helpers/cli.ts";
import { trace } from "../helpers/corpus.ts";
import { commandOf, courseProblems, isRefusal, linesOf, missingFor, PORT, scenarios } from "../helpers/programs.ts";
import { storyProblems } from "../helpers/story.ts";

describe.skipIf(liveProblem !== null)("real programs, live against ground truth", { timeout: 90_000 }, () => {
  const skipped: string[] = [];
  afterAll(() => {
    if (skipped.length > 0) console.log(`skipped, for they need programs that are not installed (make programs): ${skipped.join(", ")}`);
  });
  for (const name of scenarios) {
    it(name, async (context) => {
      const missing = await missingFor(name);
      if (missing.length > 0) {
        skipped.push(`${name} (${missing.join(", ")})`);
        context.skip();
      }
      await trace(context, PORT, [...commandOf(name), String(PORT)], (stdout) => {
        const lines = linesOf(stdout);
        expect(lines.length).toBeGreaterThan(0);
        const truth = lines.filter(isRefusal);
        return {
          truth,
          problems: (records) => [
            ...truth.flatMap((line) => storyProblems(records, line)),
            ...lines.flatMap((line) => courseProblems(records, line)),
          ],
        };
      });
    });
  }
});
