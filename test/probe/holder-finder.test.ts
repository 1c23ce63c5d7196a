import { describe, expect, it } from "vitest";
import type { CallEvent, EventOf } from "../../src/core/event.ts";
import { HolderFinder } from "../../src/probe/holder-finder.ts";

const refused = { type: "bind", t: 1000, tid: 21, walk: null } as CallEvent;

describe("the answer to who holds it", () => {
  it("never comes before its question, however the two clocks were paired", async () => {
    const said: EventOf<"holders">[] = [];
    const finder = new HolderFinder({ instant: () => 400, instantOfStart: () => 0, emit: (event) => said.push(event), found: () => {} });
    finder.find(refused, 0);
    await finder.settled();
    expect(said).toMatchObject([{ type: "holders", t: 1000, failureAt: 1000, tid: 21, complete: true }]);
  });
});
