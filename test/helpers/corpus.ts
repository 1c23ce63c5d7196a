import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, type TestContext } from "vitest";
import type { OutputRecord } from "../../src/core/record.ts";
import { blame, sorted } from "./blame.ts";
import { bindtrace, bindtraceAlone, records as recordsIn, scratch } from "./cli.ts";
import type { Truth } from "./situations.ts";

/** What of a live run agreed with the ground truth: the row of a situation in the table of the corpus (corpus-reporter.ts). */
export interface CorpusRow {
  /** Who was refused, which sockets were in the way, and by which rule: exactly these. */
  blocker: boolean;
  /** The processes that had them. */
  holder: boolean;
  /** How that came to be, and what is to be said around it. */
  story: boolean;
}

declare module "vitest" {
  interface TaskMeta {
    corpus?: CorpusRow;
  }
}

/** What a situation printed about itself. */
interface Account {
  truth: readonly Truth[];
  /** What the story of that report lacks. */
  problems: (records: readonly OutputRecord[]) => readonly string[];
}

/**
 * Runs a situation under bindtrace, holds the report against the truth, and replays the saved trace, which must report the same.
 * `command`: it finds the path of the report in `REPORT`; `account`: reads what it printed.
 */
export async function trace(
  context: TestContext,
  port: number,
  command: readonly string[],
  account: (stdout: string) => Account,
): Promise<void> {
  const folder = scratch();
  try {
    const json = join(folder.path, "report.jsonl");
    const saved = join(folder.path, "trace.jsonl.gz");
    const args = ["--port", String(port), "--json", "--output", json, "--save", saved, "--", ...command];
    const run = await bindtraceAlone(args, { env: { REPORT: json } });
    const complaints = run.stderr.split("\n").filter((line) => line.startsWith("bindtrace:") || line.startsWith(`${context.task.name}:`));
    expect(complaints).toEqual([]);
    const { truth, problems } = account(run.stdout);
    const report = readFileSync(json, "utf8");
    const records = recordsIn(report);
    judge(context, records, truth, problems(records));
    const exitCode = truth.length > 0 ? 1 : 0;
    expect(run.exitCode).toBe(exitCode);
    const replayed = await bindtrace(["replay", saved, "--json"]);
    expect(replayed.stdout).toBe(report.trimEnd());
    expect(replayed.exitCode).toBe(exitCode);
  } finally {
    folder.remove();
  }
}

/** Holds the report of a live run against the truth. `problems`: what its story lacks. */
function judge({ task }: TestContext, records: readonly OutputRecord[], truth: readonly Truth[], problems: readonly string[]): void {
  const failures = records.filter((record) => record.type === "failure");
  const told = failures.map((failure, index) => blame(failure, truth[index], records));
  const expected = truth.map(({ story: _, ...line }) => ({ ...line, blockers: sorted(line.blockers) }));
  task.meta.corpus = {
    blocker: isDeepStrictEqual(told.map(withoutHolders), expected.map(withoutHolders)),
    holder: isDeepStrictEqual(told.map(holdersOf), expected.map(holdersOf)),
    story: problems.length === 0,
  };
  expect(told).toEqual(expected);
  expect(problems).toEqual([]);
}

type Blame = Pick<Truth, "blockers">;

const withoutHolders = (one: Blame) => ({ ...one, blockers: sorted(one.blockers.map(({ holders: _, ...blocker }) => blocker)) });
const holdersOf = ({ blockers }: Blame) => sorted(blockers.map(({ holders }) => holders));
