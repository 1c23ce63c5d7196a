import { describe, expect, it } from "vitest";
import { inRanges } from "../../src/core/port-ranges.ts";

describe("inRanges", () => {
  it.each([
    [8080, [], true],
    [8080, [[8080, 8080]], true],
    [8081, [[8080, 8080]], false],
    [
      9000,
      [
        [80, 80],
        [9000, 9010],
      ],
      true,
    ],
    [9010, [[9000, 9010]], true],
    [8999, [[9000, 9010]], false],
    [9011, [[9000, 9010]], false],
  ] as [number, [number, number][], boolean][])("%d in %j is %s", (number, ranges, inside) => {
    expect(inRanges(number, ranges)).toBe(inside);
  });
});
