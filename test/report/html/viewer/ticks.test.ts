import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockText, ticks } from "../../../../src/report/html/viewer/ticks.ts";

const S = 1_000_000_000;
const HOUR = 3600 * S;

describe("the time of day", () => {
  it.each([
    [0, 0, 0, "00:00:00"],
    [1_500_000_000, 14 * HOUR, 3, "14:00:01.500"],
    [1_500_999_999, 14 * HOUR, 3, "14:00:01.500"],
    [123_456_789, 0, 9, "00:00:00.123456789"],
    [2 * HOUR, 23 * HOUR, 0, "01:00:00"],
    [-1, 0, 6, "23:59:59.999999"],
  ])("of %i ns after %i with %i decimals is %s", (t, midnight, decimals, text) => {
    expect(clockText(t, midnight, decimals)).toBe(text);
  });
});

describe("ticks", () => {
  it("are at full seconds of the day, not of the trace", () => {
    expect(ticks(0, 3 * S, S, 500_000_000)).toEqual([
      { t: 500_000_000, label: "00:00:01" },
      { t: 1_500_000_000, label: "00:00:02" },
      { t: 2_500_000_000, label: "00:00:03" },
    ]);
  });

  it("have as many decimals as tell them apart", () => {
    expect(ticks(0, 250_000, 50_000, 0).map(({ label }) => label)).toEqual(["00:00:00.0000", "00:00:00.0001", "00:00:00.0002"]);
  });

  it("go on over days", () => {
    expect(ticks(0, 5 * 24 * HOUR, 30 * HOUR, HOUR).map(({ t }) => t / HOUR)).toEqual([47, 95]);
  });

  it("lie within what is asked for, with room between them, and are not too few", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e15 }), fc.integer({ min: 1_000, max: 1e15 }), fc.nat(24), (from, span, hour) => {
        const room = span / 8;
        const all = ticks(from, from + span, room, hour * HOUR);
        const gaps = all.slice(1).map(({ t }, index) => t - (all[index]?.t ?? t));
        expect(all.every(({ t }) => t >= from && t <= from + span)).toBe(true);
        expect(gaps.every((gap) => gap >= room * 0.999)).toBe(true);
        expect(new Set(gaps).size).toBeLessThanOrEqual(1);
        if (span < 24 * HOUR) expect(all.length).toBeGreaterThan(0);
      }),
    );
  });
});
