import fc from "fast-check";
import { expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { ReorderBuffer } from "../../src/probe/reorder.ts";
import { JsonReport } from "../../src/report/json.ts";
import { eventsOf, exported, headerOf, SAMPLES } from "../helpers/samples.ts";

/** In ms, as the live stream's. */
const WINDOW = 30;
const TICK = 10;

/** The events as they come out when each arrives with its own delay. What happened at one instant keeps its order, as on one CPU. */
function reordered(events: readonly TraceEvent[], delays: readonly number[]): TraceEvent[] {
  const buffer = new ReorderBuffer<TraceEvent>(WINDOW);
  const first = Math.min(...events.map(({ t }) => t));
  const arriving = events
    .map((event) => ({ event, arrival: (event.t - first) / 1e6 + (delays[Math.abs(event.t) % delays.length] ?? 0) }))
    .sort((a, b) => a.arrival - b.arrival);
  const out: TraceEvent[] = [];
  let looked = 0;
  for (const { event, arrival } of arriving) {
    for (looked = Math.max(looked, arrival - 3 * WINDOW); looked < arrival; looked += TICK) out.push(...buffer.take(looked));
    buffer.push(event.t, arrival, event);
  }
  return [...out, ...buffer.take(0, true)];
}

const delays = fc.array(fc.double({ min: 0, max: WINDOW, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 97 });

it.each(SAMPLES)("%s: events that arrive in any order within the window give the same report, byte for byte", async (name) => {
  const inOrder = eventsOf(name)
    .filter(({ type }) => type !== "end")
    .sort((a, b) => a.t - b.t);
  const report = (events: readonly TraceEvent[]) => exported(headerOf(name), events, new JsonReport());
  const expected = await report(inOrder);
  await fc.assert(
    fc.asyncProperty(delays, async (drawn) => {
      expect(await report(reordered(inOrder, drawn))).toBe(expected);
    }),
    { numRuns: 4 },
  );
});
