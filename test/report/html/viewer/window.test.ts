import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimeWindow } from "../../../../src/report/html/viewer/window.ts";

function windowOf(from = 0, to = 1_000_000) {
  let changes = 0;
  const window = new TimeWindow(from, to, () => changes++);
  return { window, changes: () => changes };
}

describe("the stretch of time that is shown", () => {
  it("is all of it, with room at both ends, to begin with", () => {
    const { window, changes } = windowOf();
    expect([window.from, window.to, window.isWhole, changes()]).toEqual([-30_000, 1_030_000, true, 0]);
  });

  it("has room even where everything happened at once", () => {
    const { window } = windowOf(5, 5);
    expect([window.from, window.to]).toEqual([-995, 1_005]);
  });

  it("is zoomed around an instant, which stays where it is", () => {
    const { window, changes } = windowOf();
    const before = window.x(200_000, 100);
    window.zoom(0.5, 200_000);
    expect(window.x(200_000, 100)).toBeCloseTo(before);
    expect(window.span).toBe(530_000);
    expect([window.isWhole, changes()]).toEqual([false, 1]);
  });

  it("moves by a part of itself, to the ends and no further", () => {
    const { window, changes } = windowOf();
    window.show(100_000, 200_000);
    window.pan(0.5);
    expect([window.from, window.to]).toEqual([150_000, 250_000]);
    window.pan(-100);
    expect([window.from, window.to]).toEqual([-30_000, 70_000]);
    const told = changes();
    window.pan(-1);
    expect(changes()).toBe(told);
    window.all();
    expect(window.isWhole).toBe(true);
  });

  it("always lies within the bounds, is not shorter than a microsecond, and finds places again", () => {
    const move = fc.oneof(
      fc.record({ zoom: fc.double({ min: 0.001, max: 100, noNaN: true }), around: fc.integer({ min: -2e6, max: 3e6 }) }),
      fc.record({ pan: fc.double({ min: -5, max: 5, noNaN: true }) }),
      fc.record({ from: fc.integer({ min: -2e6, max: 3e6 }), length: fc.nat(2e6) }),
    );
    fc.assert(
      fc.property(fc.array(move), fc.double({ min: 0, max: 500, noNaN: true }), (moves, x) => {
        const { window } = windowOf();
        for (const one of moves) {
          if ("zoom" in one) window.zoom(one.zoom, one.around);
          else if ("pan" in one) window.pan(one.pan);
          else window.show(one.from, one.from + one.length);
          expect(window.from).toBeGreaterThanOrEqual(window.bounds.from - 1e-6);
          expect(window.to).toBeLessThanOrEqual(window.bounds.to + 1e-6);
          expect(window.span).toBeGreaterThanOrEqual(1_000 - 1e-6);
          expect(window.x(window.at(x, 500), 500)).toBeCloseTo(x, 3);
        }
      }),
    );
  });
});
