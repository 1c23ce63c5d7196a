import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";
import { type Credit, Judgement, KINDS, type Kind, type Setting } from "./chaos-judgement.ts";
import { History, type LogLine, type Refused } from "./chaos-log.ts";

/** Holds what bindtrace says of the failures of test/lab/chaos.py against its log. */

export interface Evidence extends Setting {
  log: readonly LogLine[];
  records: readonly OutputRecord[];
  /** Events that the trace lost: a refusal may have been among them. */
  lost: number;
}

export interface Judged {
  refused: Refused | null;
  failure: FailureRecord | null;
  why: string[];
}

export interface Comparison extends Credit {
  /** Refusals in the log. */
  failures: number;
  right: number;
  wrong: Judged[];
  /** Nobody was blamed for them, and nothing said of them is false; with the reasons that were given. */
  unknown: Judged[];
  /** Right, but less than exact. */
  inferred: number;
}

export function compare(evidence: Evidence): Comparison {
  const history = new History(evidence.log);
  const tally: Comparison = {
    failures: history.refusals.length,
    right: 0,
    wrong: [],
    unknown: [],
    inferred: 0,
    kinds: Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>,
    open: 0,
    vias: { created: 0, inherited: 0, received: 0, unknown: 0 },
    later: 0,
  };
  const left = new Set(withLateHolders(evidence.records));
  for (const refused of history.refusals) {
    const failure = [...left].find((one) => isOf(one, refused, evidence)) ?? null;
    if (failure) left.delete(failure);
    if (!failure && evidence.lost > 0) {
      tally.unknown.push({ refused, failure, why: ["not reported by a trace that lost events"] });
      continue;
    }
    const why = failure ? new Judgement(evidence, history, refused, failure, tally).errors() : ["it was not reported"];
    if (why.length > 0) tally.wrong.push({ refused, failure, why });
    else if (failure?.confidence === "unknown") tally.unknown.push({ refused, failure, why: failure.doubts });
    else tally.right++;
    if (why.length === 0 && failure?.confidence === "inferred") tally.inferred++;
  }
  for (const failure of left) {
    tally.wrong.push({ refused: null, failure, why: ["there was no such refusal"] });
  }
  return tally;
}

/** The failures, with the holders that were found only after they had been reported. */
function withLateHolders(records: readonly OutputRecord[]): FailureRecord[] {
  const late = new Map(
    records.filter((record) => record.type === "holders").map((record) => [`${record.failure}/${record.socket}`, record]),
  );
  return records
    .filter((record) => record.type === "failure")
    .map((failure) => ({
      ...failure,
      blockers: failure.blockers.map((blocker) => {
        const found = late.get(`${failure.id}/${blocker.socket}`);
        return found ? { ...blocker, holders: found.holders, holdersComplete: found.complete, nature: found.nature } : blocker;
      }),
    }));
}

function isOf({ binder, operation, enteredAt, at }: FailureRecord, refused: Refused, { boot }: Evidence): boolean {
  const same = binder.pid === refused.pid && binder.inode === refused.inode && operation === refused.operation;
  return same && boot(enteredAt) >= refused.entered && boot(at) <= refused.returned;
}
