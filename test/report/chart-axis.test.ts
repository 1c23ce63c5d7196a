import { describe, expect, it } from "vitest";
import { axisCells, clockCells, gapRows } from "../../src/report/chart-axis.ts";
import type { Cells, Drawing, Slot } from "../../src/report/chart-cells.ts";
import { UNICODE } from "../../src/report/chart-glyphs.ts";
import type { RefusedLine } from "../../src/report/chart-lanes.ts";
import { header, MS } from "../helpers/events.ts";

/** Columns at these places, one each 10 ms. */
function drawing(places: readonly number[], overrides: Partial<Drawing> = {}): Drawing {
  const slots = places.map(
    (x, index): Slot => ({ x, from: index * 10 * MS, to: index * 10 * MS, refused: new Set(), blockers: new Set() }),
  );
  const options = { color: false, width: 80, ascii: false, offsetMinutes: 0 };
  return { slots, runs: [], width: 40, glyphs: UNICODE, options, ...overrides };
}
const text = (cells: Cells) =>
  Array.from(cells, (cell) => cell?.glyph ?? " ")
    .join("")
    .trimEnd();
const gap = (from: number, to: number) => ({ from: from * 10 * MS, to: to * 10 * MS });
const gaps = (all: ReturnType<typeof gap>[], places: readonly number[]) => {
  const { rows, left } = gapRows(all, drawing(places));
  return { rows: rows.map(text), left };
};

describe("a gap", () => {
  it.each([
    ["inside", [0, 20], [gap(0, 1)], "├───────10 ms───────┤"],
    ["just inside", [0, 6], [gap(0, 1)], "├10 ms┤"],
    ["on the right", [4, 8], [gap(0, 1)], "    ├───┤ 10 ms"],
    ["on the left where there is no room on the right", [30, 35], [gap(0, 1)], "                        10 ms ├────┤"],
    ["of several columns", [0, 2, 4, 30], [gap(0, 3)], "├────────────30 ms────────────┤"],
  ])("has its length %s", (_, places, all, row) => {
    expect(gaps(all, places)).toEqual({ rows: [row], left: 0 });
  });

  it("has its length alone where there is room on no side", () => {
    const { rows } = gapRows([gap(0, 1)], drawing([2, 5], { width: 8 }));
    expect(rows.map(text)).toEqual(["  10 ms"]);
  });

  it("within one column is marked there", () => {
    const slots = [{ x: 3, from: 0, to: 50 * MS, refused: new Set<never>(), blockers: new Set<never>() }];
    expect(gapRows([gap(1, 2)], drawing([], { slots })).rows.map(text)).toEqual(["   ╫ 10 ms"]);
  });

  it("that is in the way of another has a line of its own, up to three lines", () => {
    const places = [0, 2, 4, 6, 8, 10];
    expect(gaps([gap(0, 1), gap(1, 2), gap(2, 3), gap(3, 4), gap(4, 5)], places)).toEqual({
      rows: ["├─┤ 10 ms", "  ├─┤ 10 ms", "    ├─┤ 10 ms"],
      left: 2,
    });
  });

  it("gives way to longer ones", () => {
    expect(gaps([gap(0, 1), gap(1, 4)], [0, 2, 4, 6, 8]).rows).toEqual(["  ├30 ms┤", "├─┤ 10 ms"]);
  });
});

describe("the axis", () => {
  it("has the pauses that fit between its columns", () => {
    expect(text(axisCells(drawing([0, 1, 7, 16])))).toBe("┬┬10 ms┬─10 ms──┬");
  });

  it("tells the columns that stand for several instants", () => {
    const { slots } = drawing([0, 7]);
    expect(text(axisCells(drawing([], { slots: slots.map((slot) => ({ ...slot, to: slot.from + 3 * MS })) })))).toBe("╥─7 ms─╥");
  });
});

describe("the clock", () => {
  it("has the beginning and the end, then the refusals, then the others where there is room", () => {
    const refusal = {} as RefusedLine;
    const { slots } = drawing([0, 15, 16, 30, 60]);
    const refused = slots.map((slot, index) => (index === 2 ? { ...slot, refused: new Set([refusal]) } : slot));
    expect(text(clockCells(drawing([], { slots: refused, width: 62 }), header()))).toBe(
      "14:03:00.000    14:03:00.020  14:03:00.030        14:03:00.040",
    );
  });

  it("tells no time twice", () => {
    const slots = drawing([0, 20, 40]).slots.map((slot) => ({ ...slot, from: 1, to: 1 }));
    expect(text(clockCells(drawing([], { slots, width: 60 }), header()))).toBe("14:03:00.000");
  });
});
