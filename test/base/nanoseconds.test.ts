import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, isoTime, parseIsoTime } from "../../src/base/nanoseconds.ts";

const YEAR_0 = -62_167_219_200n * 1_000_000_000n;
const YEAR_10000 = 253_402_300_800n * 1_000_000_000n;

describe("isoTime and parseIsoTime", () => {
  it("are inverse to the nanosecond, from year 0 to 9999", () => {
    fc.assert(
      fc.property(fc.bigInt(YEAR_0, YEAR_10000 - 1n), (wall) => {
        expect(parseIsoTime(isoTime(wall, 0))).toBe(wall);
      }),
    );
  });

  it("stay within these years", () => {
    expect([isoTime(YEAR_0, -1), isoTime(YEAR_10000, 0)]).toEqual(["0000-01-01T00:00:00.000000000Z", "9999-12-31T23:59:59.999999999Z"]);
  });

  it("count instants from the anchor", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, YEAR_10000 / 2n), fc.maxSafeInteger(), (anchor, at) => {
        expect(parseIsoTime(isoTime(anchor, at))).toBe(anchor + BigInt(at));
      }),
    );
  });

  it.each([
    ["1970-01-01T00:00:00Z", 0n],
    ["1970-01-01T00:00:00.5Z", 500_000_000n],
    ["1969-12-31T23:59:59.999999999Z", -1n],
    ["2026-11-22T14:03:07.311000001Z", 1_795_356_187_311_000_001n],
  ])("read %s", (text, wall) => {
    expect(parseIsoTime(text)).toBe(wall);
  });

  it.each(["", "14:03:07", "2026-11-22T14:03:07", "2026-11-22T14:03:07+01:00", "2026-13-22T14:03:07Z", "2026-11-22T14:03:07.1234567890Z"])(
    "do not read '%s'",
    (text) => {
      expect(parseIsoTime(text)).toBeUndefined();
    },
  );
});

describe("formatDuration", () => {
  it.each([
    [0, "0 µs"],
    [1_499, "1 µs"],
    [840_000, "840 µs"],
    [999_499, "999 µs"],
    [999_999, "1 ms"],
    [212_000_000, "212 ms"],
    [999_499_999, "999 ms"],
    [999_500_000, "1.00 s"],
    [1_210_000_000, "1.21 s"],
    [59_994_000_000, "59.99 s"],
    [59_999_000_000, "1 min 00 s"],
    [245_000_000_000, "4 min 05 s"],
    [3_599_600_000_000, "1 h 00 min"],
    [7_440_000_000_000, "2 h 04 min"],
    [-212_000_000, "212 ms"],
  ])("%d ns is %s", (nanos, text) => {
    expect(formatDuration(nanos)).toBe(text);
  });
});
