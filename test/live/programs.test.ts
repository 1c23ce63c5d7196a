import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bindtrace, bindtraceAlone, liveProblem, records, scratch } from "../helpers/cli.ts";
import { judge } from "../helpers/corpus.ts";
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
      const folder = scratch();
      try {
        const json = join(folder.path, "report.jsonl");
        const trace = join(folder.path, "trace.jsonl.gz");
        const args = ["--port", String(PORT), "--json", "--output", json, "--save", trace, "--", ...commandOf(name), String(PORT)];
        const run = await bindtraceAlone(args, { env: { REPORT: json } });
        expect(run.stderr.split("\n").filter((line) => line.startsWith("bindtrace:") || line.startsWith(`${name}:`))).toEqual([]);
        const lines = linesOf(run.stdout);
        expect(lines.length).toBeGreaterThan(0);
        const truth = lines.filter(isRefusal);
        const report = readFileSync(json, "utf8");
        const told = records(report);
        const problems = [...truth.flatMap((line) => storyProblems(told, line)), ...lines.flatMap((line) => courseProblems(told, line))];
        judge(context, told, truth, problems);
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
