import fc from "fast-check";
import { expect, it } from "vitest";
import { Heap } from "../../src/probe/heap.ts";

it("gives its items in order, also while more are put in", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: "pop" as const })), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      let model: number[] = [];
      for (const step of steps) {
        if (step === "pop") expect(heap.pop()).toBe(model.shift());
        else {
          heap.push(step);
          model = [...model, step].sort((a, b) => a - b);
        }
        expect([heap.size, heap.peek()]).toEqual([model.length, model[0]]);
      }
    }),
  );
});
