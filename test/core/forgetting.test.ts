import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import type { OutputRecord } from "../../src/core/record.ts";
import { Story, type StoryOptions } from "../../src/core/story.ts";
import { SocketTable } from "../../src/core/table.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { bind, close, destroy, exit, facts, fork, header, listen, MS, refused, told } from "../helpers/events.ts";
import { randomLife } from "../helpers/random-life.ts";
import { linesOf, SAMPLES } from "../helpers/samples.ts";

const NEVER = { forgetEvery: Number.POSITIVE_INFINITY };
const ALWAYS = { forgetEvery: 1 };

function recordsOf(events: readonly TraceEvent[], options: Partial<StoryOptions>, of = header()): OutputRecord[] {
  const story = new Story(of, { reports: () => true, ...options });
  return [...events.flatMap((event) => story.apply(event)), ...story.finish()];
}

describe("what is over is forgotten, and nothing is told otherwise for that", () => {
  it.each(SAMPLES)("of the sample %s", (name) => {
    const [first = "", ...lines] = linesOf(name, "trace.jsonl");
    const decoded = decodeHeader(first);
    if (!decoded.ok) throw new Error(decoded.error);
    const events = lines.map(decodeEvent).flatMap((line) => (line.kind === "event" ? [line.event] : []));
    expect(recordsOf(events, ALWAYS, decoded.value)).toEqual(recordsOf(events, NEVER, decoded.value));
  });

  it("of whatever happens", () => {
    fc.assert(
      fc.property(randomLife, (events) => {
        expect(recordsOf(events, ALWAYS)).toEqual(recordsOf(events, NEVER));
      }),
      { numRuns: 500 },
    );
  });
});

/** A process that binds a port for a moment. */
const moment = (index: number, t: number): TraceEvent[] => {
  const socket = facts({ sk: 1 + (index % 5), inode: 1000 + index, state: "BOUND" });
  const pid = 1000 + index;
  const { sk, inode } = socket;
  return [
    fork(t, 5, pid),
    bind({ t: t + 10, pid, socket }),
    close(t + 20, { pid, sk, inode }),
    destroy(t + 30, { pid, sk }),
    exit(t + 40, { pid }),
  ];
};

describe("memory", () => {
  it("holds no more sockets and processes than may still be referred to, the latest", () => {
    const table = new SocketTable();
    for (let index = 0; index < 20_000; index++) {
      const [, , , gone] = moment(index, index * 1000);
      for (const event of moment(index, index * 1000)) {
        if (event.type === "bind") table.call(event);
        if (event.type === "destroy") Object.assign(table.destroy(event) ?? {}, { releasedAt: gone?.t });
        if (event.type === "exit") table.processes.exit(event);
      }
    }
    table.forget(20_000_000, ({ id }) => id === "s3", new Set([1002]));
    expect(table.sockets).toHaveLength(4097);
    expect(table.sockets.map(({ id }) => id)).toEqual(["s3", ...Array.from({ length: 4096 }, (_, index) => `s${15_905 + index}`)]);
    expect([1001, 1002, 16_903, 16_904].map((pid) => table.processes.get(pid) !== undefined)).toEqual([false, true, false, true]);
    table.forget(20_000_000 + 200_000 * MS, () => false, new Set());
    expect(table.sockets).toEqual([]);
    expect(table.processes.get(20_999)).toBeUndefined();
  });

  it("of a forgotten socket holds what a timeline names, and not the processes through whose hands it went", () => {
    const table = new SocketTable();
    const socket = facts({ state: "BOUND" });
    table.processes.fork(fork(1, 5, 10));
    const forgotten = table.call(bind({ t: 2, pid: 10, socket }));
    table.processes.told(told(10, { t: 3 }));
    table.close(close(4, { pid: 10, sk: socket.sk, inode: socket.inode }));
    table.destroy(destroy(5, { pid: 10, sk: socket.sk }));
    forgotten.releasedAt = 5;
    table.forget(5 + 200_000 * MS, () => false, new Set());
    const process = { pid: 10, comm: "node", facts: null, forked: null, execs: [], signals: [], exitedAt: null, exit: null };
    expect(forgotten).toMatchObject({ id: "s1", steps: [], creator: null, lastClose: null, endedBy: null, opener: { process } });
  });

  it("is given back by ports that were busy: their first and last events are kept, and the others counted", () => {
    const events = Array.from({ length: 1000 }, (_, index) => moment(index, index * MS)).flat();
    const story = new Story(header(), { reports: () => true, history: 100 });
    for (const event of events) story.apply(event);
    const [timeline] = story.timelines();
    // Of each: bound, closed, released, exited.
    const { length = 0 } = timeline?.rows ?? [];
    expect(length).toBeLessThan(110);
    expect(timeline?.notKept?.events).toBe(4000 - length);
    expect((timeline?.notKept?.sockets ?? 0) + (timeline?.lanes.length ?? 0)).toBe(1000);
    expect(timeline?.rows[0]?.socket?.id).toBe("s1");
    expect(timeline?.rows.at(-1)?.process).toEqual({ pid: 1999, comm: "node" });
  });
});

describe("of a long history", () => {
  const server = facts({ sk: 100, inode: 100 });
  const events = [
    bind({ t: 1, pid: 10, socket: { ...server, state: "BOUND" } }),
    listen({ t: 2, pid: 10, socket: server }),
    ...Array.from({ length: 2000 }, (_, index) => close(10 + index, { pid: 10, sk: 100, inode: 100, references: 3 })),
    refused([server], { t: 5000, socket: facts({ sk: 3, inode: 300 }) }),
  ];

  it("what the sockets went through that are still there is kept, wherever it is", () => {
    const story = new Story(header(), { reports: () => true, history: 10 });
    for (const event of [...Array.from({ length: 50 }, (_, index) => moment(index, -10_000 + index * 100)).flat(), ...events])
      story.apply(event);
    story.finish();
    const [timeline] = story.timelines();
    expect(timeline?.rows.filter(({ socket }) => socket?.id === "s51").map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["bound", "listening", "copy-closed"]),
    );
    expect(timeline?.lanes.map(({ id }) => id)).toContain("s51");
  });

  it("the summary says how much was dropped, and the time without a port is that of all of it", () => {
    const dropped = recordsOf(events, { history: 10 }).at(-1);
    const whole = recordsOf(events, {}).at(-1);
    if (dropped?.type !== "summary" || whole?.type !== "summary") throw new Error("no summary");
    expect(dropped.ports[0]?.notKept).toEqual({ events: expect.any(Number), sockets: 0 });
    expect({ ...dropped.ports[0], notKept: undefined }).toEqual({ ...whole.ports[0], notKept: undefined });
  });
});

it("a pid that is used again is another process: its end is told of no port of the first", () => {
  const socket = facts({ state: "BOUND" });
  const events = [bind({ t: 1, pid: 10, socket }), exit(5, { pid: 10 }), fork(6, 5, 10), exit(9, { pid: 10, comm: "ls" })];
  const story = new Story(header(), { reports: () => true });
  for (const event of events) story.apply(event);
  expect(story.timelines()[0]?.rows.map(({ kind, t }) => [kind, t])).toEqual([
    ["bound", 1],
    ["exited", 5],
  ]);
});
