import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReorderBuffer } from "../../src/probe/reorder.ts";

const WINDOW = 100;

/** Items with the instant at which each happened and the delay, within the window, after which it arrived. */
const traffic = fc
  .array(fc.record({ t: fc.nat(2000), delay: fc.integer({ min: 0, max: WINDOW - 1 }) }), { maxLength: 60 })
  .map((items) => items.map(({ t, delay }, id) => ({ id, t, arrival: t + delay })).sort((a, b) => a.arrival - b.arrival));

describe("items that arrive within the window", () => {
  it("come out in the order in which they happened, each once", () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 250 }), (items, tick) => {
        const buffer = new ReorderBuffer<{ id: number; t: number }>(WINDOW);
        const out: { id: number; t: number }[] = [];
        let next = 0;
        for (let now = 0; now < 2500; now += tick) {
          for (; (items[next]?.arrival ?? Number.POSITIVE_INFINITY) <= now; next++) {
            const item = items[next];
            if (item) buffer.push(item.t, item.arrival, item);
          }
          out.push(...buffer.take(now));
        }
        for (const item of items.slice(next)) buffer.push(item.t, item.arrival, item);
        out.push(...buffer.take(0, true));
        expect(buffer.size).toBe(0);
        expect(out.map(({ id }) => id).sort((a, b) => a - b)).toEqual(items.map((_, id) => id));
        expect(out.map(({ t }) => t)).toEqual(items.map(({ t }) => t).sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it("are held for the window, no longer", () => {
    const buffer = new ReorderBuffer<string>(WINDOW);
    buffer.push(1, 50, "a");
    expect(buffer.take(149)).toEqual([]);
    expect(buffer.take(150)).toEqual(["a"]);
    expect(buffer.take(151)).toEqual([]);
  });

  it("keep the order of their arrival when they happened at once", () => {
    const buffer = new ReorderBuffer<string>(WINDOW);
    for (const item of ["a", "b", "c"]) buffer.push(7, 0, item);
    expect(buffer.take(0, true)).toEqual(["a", "b", "c"]);
  });

  it("take what happened before them along", () => {
    const buffer = new ReorderBuffer<string>(WINDOW);
    buffer.push(20, 0, "later");
    buffer.push(10, 90, "earlier");
    expect(buffer.take(100)).toEqual(["earlier", "later"]);
  });
});

describe("a reader that has fallen behind", () => {
  it("holds everything until what is older has come, but not for ever", () => {
    const buffer = new ReorderBuffer<string>(100);
    buffer.push(50, 1000, "of the CPU that was read first", 600);
    expect(buffer.take(1090)).toEqual([]);
    buffer.push(60, 1095, "the next of it", 590);
    expect(buffer.take(1150)).toEqual([]);
    buffer.push(10, 1190, "older, of the CPU that was read last", 700);
    expect(buffer.take(1289)).toEqual([]);
    expect(buffer.take(1290)).toEqual(["older, of the CPU that was read last", "of the CPU that was read first", "the next of it"]);
    buffer.push(70, 2000, "one that never stops being late", 600);
    buffer.push(80, 3950, "another", 600);
    expect(buffer.take(4001)).toEqual(["one that never stops being late"]);
  });
});
