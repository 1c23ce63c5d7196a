import { describe, expect, it } from "vitest";
import type { State } from "../../src/core/event.ts";
import { barOf, type Cell, type Row, Unavailable } from "../../src/core/timeline.ts";

function row(t: number, kind: Row["kind"]): Row {
  return { t, kind, socket: null, state: null, process: null, detail: "", blockers: [] };
}

it.each<[State, Cell]>([
  ["LISTEN", "listening"],
  ["BOUND", "bound"],
  ["CLOSE", "bound"],
  ["ESTABLISHED", "connected"],
  ["FIN_WAIT2", "connected"],
  ["CLOSE_WAIT", "connected"],
  ["TIME_WAIT", "lingering"],
])("%s is drawn as %s", (state, cell) => {
  expect(barOf(state)).toBe(cell);
});

describe("time in which binds were refused", () => {
  const [no, yes, other] = ["refused", "bound", "released"] as const;
  it.each<[string, Row[], number]>([
    ["nothing", [], 0],
    ["success alone", [row(5, yes)], 0],
    ["a refusal until the bind that passes", [row(10, no), row(30, yes)], 20],
    ["from the first of several refusals", [row(10, no), row(20, no), row(30, other), row(40, yes), row(50, "listening")], 30],
    ["until listen passes", [row(10, no), row(15, "listening")], 5],
    ["to the end when nothing passes", [row(10, no), row(20, other)], 90],
    ["two gaps", [row(10, no), row(20, yes), row(90, no)], 20],
    ["no negative time", [row(110, no)], 0],
  ])("%s", (_, rows, nanos) => {
    const sum = new Unavailable();
    for (const one of rows) sum.take(one);
    expect(sum.until(100)).toBe(nanos);
  });
});
