import { describe, expect, it } from "vitest";
import { liveProblem } from "../helpers/cli.ts";
import { trace } from "../helpers/corpus.ts";
import { isTruth, PORT, said, situations } from "../helpers/situations.ts";
import { storyProblems } from "../helpers/story.ts";

// Some wait for the report before they go on, for as long as ten seconds.
describe.skipIf(liveProblem !== null)("situations, live against ground truth", { timeout: 60_000 }, () => {
  for (const { name, command } of situations) {
    it(name, (context) =>
      trace(context, PORT, command, (stdout) => {
        const told = said(stdout);
        expect(told.length).toBeGreaterThan(0);
        return { truth: told.filter(isTruth), problems: (records) => told.flatMap((line) => storyProblems(records, line)) };
      }),
    );
  }
});
