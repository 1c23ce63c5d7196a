import { expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import type { Bpftrace, BpftraceEnd } from "../../src/probe/bpftrace.ts";
import { EventQueue } from "../../src/probe/event-queue.ts";
import { LiveStream } from "../../src/probe/stream.ts";
import { Printer } from "./printed.ts";

/** Far above every process id: nobody gets the marks. */
const BASE = 1_295_384_576;

/** A bpftrace that says what the test has it say. */
function spoken() {
  const batches = new EventQueue<string[]>(1);
  let end = (_: BpftraceEnd) => {};
  const ended = new Promise<BpftraceEnd>((resolve) => {
    end = resolve;
  });
  const stop = () => {
    batches.end();
    end({ died: null });
  };
  const bpftrace: Bpftrace = { batches, pid: 0, ended, stderr: () => "", kill: stop, stop: async () => stop() };
  const stream = new LiveStream(bpftrace, { base: BASE, searches: [], udpReleases: false });
  return { stream, stop, fail: (error: Error) => batches.end(error), says: (...lines: string[]) => batches.push(lines) };
}

async function all(stream: LiveStream): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  for await (const event of stream.output) events.push(event);
  return events;
}

it("who holds a blocker is told behind the refusal, also where the clocks are apart and it is known at once", async () => {
  const { stream, stop, says } = spoken();
  const print = new Printer();
  says(print.ready());
  await stream.ready();
  // A minute ahead of our clock.
  print.wait(60_000_000_000n);
  says(print.call(), print.walk({ printed: 0 }));
  stop();
  const events = await all(stream);
  const [bind, holders] = events.filter(({ type }) => type === "bind" || type === "holders");
  expect([bind, holders]).toMatchObject([{ type: "bind" }, { type: "holders", failureAt: bind?.t }]);
});

it("when bpftrace's lines cannot be read, that ends the trace, and is told", async () => {
  const { stream, fail, says } = spoken();
  const print = new Printer();
  says(print.ready(), print.call(), print.walk({ printed: 0 }));
  await stream.ready();
  fail(new Error("no more threads"));
  expect((await all(stream)).at(-1)).toMatchObject({
    type: "end",
    reason: "what bpftrace wrote could not be read: no more threads",
    died: true,
  });
});
