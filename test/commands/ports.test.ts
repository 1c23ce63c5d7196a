import { InvalidArgumentError } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePorts } from "../../src/commands/ports.ts";

const port = fc.integer({ min: 1, max: 65535 });
const range = fc.tuple(port, port).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);

describe("parsePorts", () => {
  it.each<[string, [number, number][]]>([
    ["8080", [[8080, 8080]]],
    [
      "8080,9000-9010",
      [
        [8080, 8080],
        [9000, 9010],
      ],
    ],
    [
      " 80 , 443 ",
      [
        [80, 80],
        [443, 443],
      ],
    ],
    ["1-65535", [[1, 65535]]],
    ["00080", [[80, 80]]],
  ])("reads '%s'", (text, ranges) => {
    expect(parsePorts(text)).toEqual(ranges);
  });

  it("adds to what earlier options said, and leaves that as it was", () => {
    const earlier = parsePorts("80");
    expect(parsePorts("443", earlier)).toEqual([
      [80, 80],
      [443, 443],
    ]);
    expect(earlier).toEqual([[80, 80]]);
  });

  it.each([
    ["", "'' is not a port"],
    ["http", "'http' is not a port"],
    ["80,", "'' is not a port"],
    ["-80", "'-80' is not a port"],
    ["80-", "'80-' is not a port"],
    ["80-90-100", "'80-90-100' is not a port"],
    ["8e3", "'8e3' is not a port"],
    ["0x50", "'0x50' is not a port"],
    ["80.5", "'80.5' is not a port"],
    ["0", "0 is not a port: ports go from 1 to 65535."],
    ["65536", "65536 is not a port: ports go from 1 to 65535."],
    ["80-70000", "70000 is not a port"],
    ["9010-9000", "the range 9010-9000 runs backwards: write 9000-9010."],
  ])("refuses '%s'", (text, message) => {
    expect(() => parsePorts(text)).toThrow(InvalidArgumentError);
    expect(() => parsePorts(text)).toThrow(message);
  });

  it("reads what it would write", () => {
    fc.assert(
      fc.property(fc.array(range, { minLength: 1 }), (ranges) => {
        expect(parsePorts(ranges.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(","))).toEqual(ranges);
      }),
    );
  });
});
