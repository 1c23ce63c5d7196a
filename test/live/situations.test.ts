import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bindtrace, bindtraceAlone, liveProblem, records as recordsIn, scratch } from "../helpers/cli.ts";
import { judge } from "../helpers/corpus.ts";
import { isTruth, PORT, said, situations } from "../helpers/situations.ts";
import { storyProblems } from "../helpers/story.ts";

// Some wait for the report before they go on, for as long as ten seconds.
describe.skipIf(liveProblem !== null)("situations, live against ground truth", { timeout: 60_000 }, () => {
  for (const { name, command } of situations) {
    it(name, async (context) => {
      const folder = scratch();
      try {
        const json = join(folder.path, "report.jsonl");
        const trace = join(folder.path, "trace.jsonl.gz");
        const args = ["--port", String(PORT), "--json", "--output", json, "--save", trace, "--", ...command];
        const run = await bindtraceAlone(args, { env: { REPORT: json } });
        expect(run.stderr.split("\n").filter((line) => line.startsWith("bindtrace:"))).toEqual([]);
        const told = said(run.stdout);
        expect(told.length).toBeGreaterThan(0);
        const truth = told.filter(isTruth);
        const report = readFileSync(json, "utf8");
        const records = recordsIn(report);
        judge(
          context,
          records,
          truth,
          told.flatMap((line) => storyProblems(records, line)),
        );
        const exitCode = truth.length > 0 ? 1 : 0;
        expect(run.exitCode).toBe(exitCode);
        const replayed = await bindtrace(["replay", trace, "--json"]);
        expect(replayed.stdout).toBe(report.trimEnd());
        expect(replayed.exitCode).toBe(exitCode);
      } finally {
        folder.remove();
      }
    });
  }
});
