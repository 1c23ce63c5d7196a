import type { Nanos } from "../base/nanoseconds.ts";
import type { Window } from "./chart-lanes.ts";

/** One column of a chart's time axis: an instant, or several that are closer to each other than those of two columns. */
export interface Column {
  from: Nanos;
  to: Nanos;
  /** Where it is, counted from the left end of the axis. */
  x: number;
}

/** Cells that a column has on average, so that pauses can be labelled. */
const CELLS = 3;
/** Up to so many times as many instants as columns, the longest pauses tell what belongs together. */
const CROWDED = 3;

/** Most columns of an axis. */
const most = (width: number) => Math.max(1, Math.floor(width / CELLS));

/** The part that can be drawn in detail where there are far more instants than columns: around `focus`, as late as possible. */
export function windowOf(instants: readonly Nanos[], width: number, focus: Nanos): Window | null {
  const size = Math.max(1, most(width) - 2);
  if (instants.length <= CROWDED * most(width)) return null;
  const after = instants.findIndex((t) => t > focus);
  const end = Math.min(instants.length - 1, (after === -1 ? instants.length : after) + Math.floor(size / 2));
  const [from, to] = [instants[Math.max(0, end - size + 1)], instants[end]];
  return from === undefined || to === undefined ? null : { from, to };
}

/**
 * Places instants on an axis of `width` cells. Restarts are bursts within microseconds with pauses of seconds between them: on a
 * linear axis a burst is one cell, and what blocked what cannot be seen. So every instant has a column of its own, in the order of
 * time, and the pause between two columns is written between them; longer pauses get more of the room. Where there are more instants
 * than columns, the shortest pauses are given up: a column then stands for all instants from `from` to `to`. Of a window, so does one
 * column before it, and one after it.
 *
 * `instants` rise; `wanted`: how many cells what is written into a pause needs.
 */
export function columnsOf(
  instants: readonly Nanos[],
  width: number,
  window: Window | null,
  wanted: (from: Nanos, to: Nanos) => number,
): Column[] {
  const columns = window
    ? [
        ...clustered(
          instants.filter((t) => t < window.from),
          1,
        ),
        ...clustered(
          instants.filter((t) => t >= window.from && t <= window.to),
          most(width) - 2,
        ),
        ...clustered(
          instants.filter((t) => t > window.to),
          1,
        ),
      ]
    : clustered(instants, most(width));
  const pauses = columns.slice(1).map(({ from }, index) => {
    const before = columns[index]?.to ?? from;
    return { length: from - before, step: 1, wanted: wanted(before, from) + 1 };
  });
  let spare = width - 1 - pauses.length;
  for (const pause of [...pauses].sort((a, b) => b.length - a.length)) {
    if (pause.wanted - pause.step > spare) continue;
    spare -= pause.wanted - pause.step;
    pause.step = pause.wanted;
  }
  const weights = pauses.map(({ length }) => Math.log10(1 + length / 1000) ** 2);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  pauses.forEach((pause, index) => {
    if (all > 0) pause.step += Math.floor((spare * (weights[index] ?? 0)) / all);
  });
  let x = 0;
  return columns.map((column, index) => {
    x += index === 0 ? 0 : (pauses[index - 1]?.step ?? 1);
    return { ...column, x };
  });
}

/** At most `most` clusters of instants, with the longest pauses between them; of equal ones, the last. */
function clustered(instants: readonly Nanos[], most: number): Omit<Column, "x">[] {
  const pauses = instants.slice(1).map((t, index) => ({ index, length: t - (instants[index] ?? t) }));
  const kept = pauses.sort((a, b) => b.length - a.length || b.index - a.index).slice(0, Math.max(0, most - 1));
  const starts = [0, ...kept.map(({ index }) => index + 1).sort((a, b) => a - b)];
  return starts.flatMap((start, index) => {
    const [from, to] = [instants[start], instants[(starts[index + 1] ?? instants.length) - 1]];
    return from === undefined || to === undefined ? [] : [{ from, to }];
  });
}
