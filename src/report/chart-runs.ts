import type { Nanos } from "../base/nanoseconds.ts";
import type { PortChart, Refusal } from "../core/chart.ts";
import type { PickedLines, RefusedLine } from "./chart-lanes.ts";
import { isSame } from "./event-runs.ts";

/** Refusals of one line with the same blockers, between which nothing else that is drawn happened: only the first and the last are drawn. */
export interface Run {
  line: RefusedLine;
  from: Nanos;
  to: Nanos;
  /** How many lie between the two. */
  more: number;
}

/** More equal refusals than this in a row are a run. */
export const MAX_EQUAL = 5;

interface Mark {
  t: Nanos;
  /** Null: a bar or a gap begins or ends. */
  refused: { line: RefusedLine; refusal: Refusal } | null;
}

/** The runs of all lines, in the order of time. A change of a bar ends a run, and so does a gap. */
export function runsOf(lines: PickedLines["lines"], gaps: PortChart["gaps"]): Run[] {
  const marks: Mark[] = [
    ...changesOf(lines, gaps).map((t) => ({ t, refused: null })),
    ...lines.flatMap((line) =>
      line.refusals === null ? [] : line.refusals.map((refusal) => ({ t: refusal.t, refused: { line, refusal } })),
    ),
  ].sort((a, b) => a.t - b.t);
  const runs: Run[] = [];
  let start = 0;
  marks.forEach((mark, index) => {
    const [first, next] = [marks[start], marks[index + 1]];
    if (mark.refused && next?.refused && isEqual(mark.refused, next.refused)) return;
    const count = index - start + 1;
    if (first?.refused && count > MAX_EQUAL) runs.push({ line: first.refused.line, from: first.t, to: mark.t, more: count - 2 });
    start = index + 1;
  });
  return runs;
}

/** Every instant that is drawn, in the order of time. */
export function instantsOf(lines: PickedLines["lines"], gaps: PortChart["gaps"], runs: readonly Run[]): Nanos[] {
  const refused = lines.flatMap((line) => (line.refusals ?? []).map(({ t }) => t)).sort((a, b) => a - b);
  let next = 0;
  const drawn = refused.filter((t) => {
    while ((runs[next]?.to ?? t) < t) next++;
    const run = runs[next];
    return !run || t <= run.from || t === run.to;
  });
  return [...new Set([...changesOf(lines, gaps), ...drawn])].sort((a, b) => a - b);
}

const changesOf = (lines: PickedLines["lines"], gaps: PortChart["gaps"]): Nanos[] => [
  ...lines.flatMap((line) => (line.spans ?? []).flatMap(({ from, to }) => (to === null ? [from] : [from, to]))),
  ...gaps.flatMap(({ from, to }) => [from, to]),
];

const isEqual = (a: NonNullable<Mark["refused"]>, b: NonNullable<Mark["refused"]>) =>
  a.line === b.line && isSame(a.refusal.blockers, b.refusal.blockers);
