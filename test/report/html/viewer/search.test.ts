import { describe, expect, it } from "vitest";
import type { EventItem, FailureItem, ProcessItem } from "../../../../src/report/html/model.ts";
import { eventFits, failureFits, termsOf } from "../../../../src/report/html/viewer/search.ts";

const NODE: ProcessItem = [9412, "node"];
const event = (text: string): EventItem => [0, 1, "lane", 0, 0, -1, text];
const failure = {
  ...{ id: "f3", ports: [8080], sockets: ["s3", "s1"] },
  ...{ rule: "listening", head: "node[9412] could not bind 0.0.0.0:8080  (EADDRINUSE)" },
} as FailureItem;

describe("the words of a search", () => {
  it("are in lower case, and may say what they are about", () => {
    expect(termsOf("  pid:12 COMM:Node port:80 8080 s1 other:3 pid: ")).toEqual([
      { key: "pid", value: "12" },
      { key: "comm", value: "node" },
      { key: "port", value: "80" },
      ...["8080", "s1", "other:3", "pid:"].map((value) => ({ key: null, value })),
    ]);
    expect(termsOf(" ")).toEqual([]);
  });

  it.each([
    ["9412", true],
    ["941", false],
    ["8080", true],
    ["pid:9412", true],
    ["pid:8080", false],
    ["port:8080", true],
    ["port:9412", false],
    ["comm:OD", true],
    ["comm:8080", false],
    ["f3", true],
    ["s1", true],
    ["s", true],
    ["s11", false],
    ["listening", true],
    ["eaddrinuse node", true],
    ["eaddrinuse nginx", false],
  ])("find a failure by %s: %s", (query, found) => {
    expect(failureFits(termsOf(query), failure, [NODE])).toBe(found);
  });

  it.each([
    ["9412", true],
    ["8080", true],
    ["s2", true],
    ["s", true],
    ["closed", true],
    ["443", false],
    ["pid:5", false],
  ])("find an event by %s: %s", (query, found) => {
    expect(eventFits(termsOf(query), event("node[9412] closed s2"), 8080, NODE, "s2")).toBe(found);
  });

  it("find an event without a process by its text and port only", () => {
    const fits = (query: string) => eventFits(termsOf(query), event("s1 let the port go"), 8080, undefined, "s1");
    expect([fits("port:8080"), fits("let"), fits("pid:9412"), fits("node")]).toEqual([true, true, false, false]);
  });
});
