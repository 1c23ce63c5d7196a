import { isDeepStrictEqual } from "node:util";
import { expect, type TestContext } from "vitest";
import type { OutputRecord } from "../../src/core/record.ts";
import { blame, sorted } from "./blame.ts";
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

/** Holds the report of a live run against the truth. `problems`: what its story lacks. */
export function judge({ task }: TestContext, records: readonly OutputRecord[], truth: readonly Truth[], problems: readonly string[]): void {
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
