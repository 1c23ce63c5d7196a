import { describe, expect, it } from "vitest";
import { portsText, statusText, type Watching } from "../../src/report/status.ts";

const WATCHING: Watching = { ports: [[8080, 8080]], seconds: 83.9, events: 41_203, refused: 2, lost: 0 };
const status = (overrides: Partial<Watching> = {}, width = 80, ascii = false) =>
  statusText({ ...WATCHING, ...overrides }, { width, ascii });

describe("the status of a live trace", () => {
  it.each<[Partial<Watching>, string]>([
    [{}, "bindtrace: armed on 8080, 0:01:23, 41,203 events, 2 refused, 0 lost"],
    [{ ports: [], events: 1 }, "bindtrace: armed on all ports, 0:01:23, 1 event, 2 refused, 0 lost"],
    [{ seconds: 3 * 3600 + 61, events: 0, refused: 0, lost: 7 }, "bindtrace: armed on 8080, 3:01:01, 0 events, 0 refused, 7 lost"],
  ])("%j", (overrides, text) => {
    expect(status(overrides, 200)).toBe(`${text}; Ctrl-C ends it`);
  });

  it("leaves the hint out where it does not fit, and cuts what does not fit then", () => {
    const whole = "bindtrace: armed on 8080, 0:01:23, 41,203 events, 2 refused, 0 lost";
    expect(status({}, whole.length + 16)).toBe(`${whole}; Ctrl-C ends it`);
    expect(status({}, whole.length + 15)).toBe(whole);
    expect(status({}, 37)).toBe("bindtrace: armed on 8080, 0:01:23, 4…");
    expect(status({}, 37, true)).toBe("bindtrace: armed on 8080, 0:01:23,...");
  });
});

it("ports are told as they are asked for", () => {
  expect(
    portsText([
      [8080, 8080],
      [9000, 9010],
    ]),
  ).toBe("8080,9000-9010");
});
