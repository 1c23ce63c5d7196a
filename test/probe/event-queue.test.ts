import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { EventQueue } from "../../src/probe/event-queue.ts";

async function all<T>(queue: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of queue) items.push(item);
  return items;
}

it("what was put in comes out in order, however the two sides take turns", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3000), { maxLength: 8 }), fc.integer({ min: 1, max: 500 }), async (bursts, most) => {
      const queue = new EventQueue<number>(most);
      const taken = all(queue);
      let next = 0;
      for (const burst of bursts) {
        for (let count = 0; count < burst; count++) queue.push(next++);
        await turn();
      }
      queue.end();
      expect(await taken).toEqual(Array.from({ length: next }, (_, index) => index));
    }),
    { numRuns: 50 },
  );
});

it("the event loop has its turn after so many items in a row", async () => {
  const queue = new EventQueue<number>(10);
  for (let count = 0; count < 100; count++) queue.push(count);
  queue.end();
  let turns = 0;
  const timer = setInterval(() => {}, 1000);
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await all(queue);
  clearImmediate(next);
  clearInterval(timer);
  expect(turns).toBeGreaterThanOrEqual(9);
});

it("an error comes after what was put in before it", async () => {
  const queue = new EventQueue<string>(1);
  queue.push("before");
  queue.end(new Error("the thread died"));
  const items: string[] = [];
  await expect(
    (async () => {
      for await (const item of queue) items.push(item);
    })(),
  ).rejects.toThrow("the thread died");
  expect(items).toEqual(["before"]);
});
