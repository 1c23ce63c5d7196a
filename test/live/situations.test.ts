import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FailureRecord } from "../../src/core/record.ts";
import { bindtrace, bindtraceAlone, failuresIn, liveProblem, scratch } from "../helpers/cli.ts";
import { PORT, situations, type Truth, truths } from "../helpers/situations.ts";

/** The blame, in the words of the ground truth. */
function blame(failure: FailureRecord, truth: Truth) {
  return {
    pid: failure.binder.pid,
    fd: truth.fd === null ? null : failure.binder.fd,
    inode: truth.inode === null ? null : failure.binder.inode,
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

describe.skipIf(liveProblem !== null)("situations, live against ground truth", () => {
  for (const { name, command } of situations) {
    it(name, async () => {
      const folder = scratch();
      try {
        const json = join(folder.path, "report.jsonl");
        const trace = join(folder.path, "trace.jsonl.gz");
        const args = ["--port", String(PORT), "--json", "--output", json, "--save", trace, "--", ...command];
        const run = await bindtraceAlone(args, { env: { REPORT: json } });
        expect(run.stderr.split("\n").filter((line) => line.startsWith("bindtrace:"))).toEqual([]);
        const truth = truths(run.stdout);
        const failures = failuresIn(json);
        expect(truth.length).toBeGreaterThan(0);
        expect(failures.map((failure, index) => blame(failure, truth[index] as Truth))).toEqual(
          truth.map((line) => ({ ...line, blockers: sorted(line.blockers) })),
        );
        expect(run.exitCode).toBe(1);
        const replayed = await bindtrace(["replay", trace, "--json"]);
        expect(replayed.stdout).toBe(readFileSync(json, "utf8").trimEnd());
        expect(replayed.exitCode).toBe(1);
      } finally {
        folder.remove();
      }
    });
  }
});
