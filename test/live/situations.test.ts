import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FailureRecord } from "../../src/core/record.ts";
import { bindtrace, bindtraceAlone, liveProblem, records, scratch } from "../helpers/cli.ts";
import { isTruth, PORT, said, situations, type Truth } from "../helpers/situations.ts";
import { storyProblems } from "../helpers/story.ts";

/** Whether what bindtrace tells around the refusals is compared too. */
const STORIES = false;

/** The blame, in the words of the ground truth. */
function blame(failure: FailureRecord, truth: Truth | undefined) {
  return {
    pid: failure.binder.pid,
    fd: truth?.fd === null ? null : failure.binder.fd,
    inode: truth?.inode === null ? null : failure.binder.inode,
    operation: failure.operation,
    protocol: failure.protocol,
    family: failure.family,
    address: failure.address,
    port: failure.port,
    netns: failure.netns,
    rule: failure.rule,
    blockers: sorted(
      failure.blockers.map((blocker) => ({
        inode: blocker.inode,
        protocol: blocker.protocol,
        state: blocker.state,
        family: blocker.family,
        address: blocker.address,
        peer: blocker.peer,
        rule: blocker.rule,
        holders: [...new Set(blocker.holders.map(({ pid }) => pid))].sort((a, b) => a - b),
      })),
    ),
  };
}

const sorted = <T>(items: T[]) => [...items].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

// Some wait for the report before they go on, for as long as ten seconds.
describe.skipIf(liveProblem !== null)("situations, live against ground truth", { timeout: 60_000 }, () => {
  for (const { name, command } of situations) {
    it(name, async () => {
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
        const failures = records(report).filter((record) => record.type === "failure");
        expect(failures.map((failure, index) => blame(failure, truth[index]))).toEqual(
          truth.map(({ story: _, ...line }) => ({ ...line, blockers: sorted(line.blockers) })),
        );
        const problems = told.flatMap((line) => storyProblems(records(report), line));
        if (STORIES) expect(problems).toEqual([]);
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
