import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FailureRecord, SummaryRecord } from "../../src/core/record.ts";
import { PerfettoReport } from "../../src/report/perfetto.ts";
import {
  bind,
  connection,
  destroy,
  exit,
  facts,
  header,
  holders,
  listen,
  look,
  MS,
  refused,
  restart,
  seed,
  timeWait,
} from "../helpers/events.ts";
import { exported, exportSample, linesOf, SAMPLES } from "../helpers/samples.ts";
import { hostile } from "./hostile.ts";
import { imported, type Slice } from "./trace-event-format.ts";

const old = facts({ reuseAddr: true });

describe.each(SAMPLES)("the trace of sample %s", (name) => {
  const records = linesOf(name, "report.jsonl").map((line) => JSON.parse(line));
  const failures: FailureRecord[] = records.filter(({ type }) => type === "failure");
  const summary: SummaryRecord = records.find(({ type }) => type === "summary");

  it("opens whole: with a slice for each socket, and an arrow from each refused call to each of its blockers", async () => {
    const { problems, slices, flows } = imported(await exportSample(name, new PerfettoReport()));
    expect(problems).toEqual([]);
    const arrows = failures.flatMap(({ id, blockers }) => blockers.map(({ socket }) => `${id} ${socket}`));
    expect(flows.map(({ from, to }) => `${from.track} ${to.track}`).sort()).toEqual(arrows.sort());
    expect(flows.filter(({ from, to }) => from.ts !== to.ts)).toEqual([]);
    const shown = new Set(slices.filter(({ cat, depth }) => cat === "socket" && depth === 0).map(({ track }) => track));
    const sockets = summary.ports.flatMap((port) => port.sockets.map(({ socket }) => socket));
    expect(sockets.filter((socket) => !shown.has(socket))).toEqual([]);
  });
});

/** `port/track name from-to`, in milliseconds since the first event. */
const told = ({ pid, track, depth, name, ts, end }: Slice) =>
  `${" ".repeat(depth)}${pid}/${track} ${name} ${ts / 1000}${end === ts ? "" : `-${end === null ? "" : end / 1000}`}`;

const tracksOf = async (events: Parameters<typeof exported>[1]) => {
  const { problems, slices, flows } = imported(await exported(header(), events, new PerfettoReport()));
  expect(problems).toEqual([]);
  return { slices: slices.map(told), flows: flows.map(({ from, to }) => `${from.name} -> ${to.name}`) };
};

describe("the picture", () => {
  it("has a track for each socket with its bars, the refusals, and the gap between two servers", async () => {
    expect(await tracksOf(restart())).toEqual({
      flows: [
        "f1 node[20] EADDRINUSE -> blocked f1 node[20]",
        "f2 node[31] EADDRINUSE -> blocked f2 node[31]",
        "f2 node[31] EADDRINUSE -> blocked f2 node[31]",
      ],
      slices: [
        "1/s1 s1 0.0.0.0:8080 0-20.000005",
        " 1/s1 listening 0-20.000005",
        "1/f1 refused 9.999-10",
        " 1/f1 f1 node[20] EADDRINUSE 10",
        "  1/s1 blocked f1 node[20] 10",
        "  1/s1 set SO_REUSEADDR 14",
        "  1/s1 copy closed 20",
        "1/gap nobody listens 20.000005-31.000005",
        "1/s3 s3 0.0.0.0:8080 30-70",
        " 1/s3 bound 30-31.000005",
        " 1/s3 listening 31.000005-70",
        "1/s4 s4 192.0.2.1:8080 to 192.0.2.7:40000 40-60000",
        " 1/s4 connected 40-61",
        "1/f2 refused 49.999-50",
        " 1/f2 f2 node[31] EADDRINUSE 50",
        "  1/s3 blocked f2 node[31] 50",
        "  1/s4 blocked f2 node[31] 50",
        " 1/s4 TIME_WAIT 61-60000",
        "  1/s4 ended 61",
      ],
    });
  });

  it("holds the verdict, the rule and the holders where the refused call is clicked", async () => {
    const failure = refused([old], { t: 10 * MS });
    const text = await exported(header(), [seed(old), failure, holders(12 * MS, failure), destroy(20 * MS)], new PerfettoReport());
    const verdict = JSON.parse(text).traceEvents.find(({ ph, cat }: { ph: string; cat?: string }) => ph === "n" && cat === "refusal");
    expect(verdict.name).toBe("f1 node[20] EADDRINUSE");
    expect(verdict.args).toEqual({
      binder: {
        comm: "node",
        command: null,
        pid: 20,
        reuseAddr: false,
        reusePort: false,
        socket: "s2",
        uid: 1000,
      },
      blockers: [
        {
          address: "0.0.0.0:8080",
          decisive: true,
          holders: ["node[10] fd 18: node server.js"],
          holdersComplete: true,
          nature: "process",
          releasedAfterNs: 10000000,
          releasedVia: "unknown",
          reuseAddr: true,
          reusePort: false,
          rule: "listening",
          socket: "s1",
          state: "LISTEN",
          uid: 1000,
        },
      ],
      call: "bind 0.0.0.0:8080 (tcp)",
      confidence: "exact",
      doubts: [],
      errno: "EADDRINUSE",
      evidence: "bucket",
      failure: "f1",
      notes: [
        'libuv keeps this error until listen: Node says "listen EADDRINUSE" ("bind EADDRINUSE" in a worker for which a cluster primary binds)',
      ],
      repeats: 0,
      rule: "listening",
      why: "a socket that listens has the port, and the two have not both opted into sharing it (SO_REUSEPORT)",
      wouldHelp: ["closing the blocking socket in every process that holds it", "SO_REUSEPORT on both, created by the same user"],
    });
  });

  it("says of what was there before, and of what is there at the end, that it is only seen from then and until then", async () => {
    const text = await exported(header(), [seed(old), bind({ t: 30 * MS })], new PerfettoReport());
    const notes = JSON.parse(text).traceEvents.flatMap(({ args }: { args?: object }) =>
      args && "since" in args ? ["since"] : args && "until" in args ? ["until"] : [],
    );
    expect(notes).toEqual(["since", "until", "until"]);
  });

  it("keeps the nanoseconds, and instants before the trace was armed", async () => {
    const text = await exported(header(), [bind({ t: -1_234_567 }), destroy(7_000_000_000_123, { sk: 2, pid: 20 })], new PerfettoReport());
    const { traceEvents, otherData } = JSON.parse(text);
    const times = traceEvents.flatMap(({ ts }: { ts?: number }) => (ts === undefined ? [] : [ts]));
    expect([Math.min(...times), Math.max(...times)]).toEqual([0, 7_000_001_234.69]);
    expect(otherData.zero).toBe("2026-11-22T14:02:59.998765433Z");
  });

  it("is whole whatever names processes have, and whatever happens at one instant", async () => {
    const step = fc.constantFrom(
      (t: number, comm: string) => refused([old, connection({ reuseAddr: true })], { t, comm }),
      (t: number, comm: string) => refused([timeWait()], { t, comm, enteredAt: t }),
      (t: number, comm: string) => exit(t, { pid: 20, comm }),
      (t: number, comm: string) => bind({ t, comm }),
      (t: number, comm: string) => listen({ t, comm }),
      (t: number) => destroy(t),
      (t: number) => destroy(t, { sk: 2, pid: 20 }),
      (t: number) => look(t, []),
    );
    const times = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 3 }), hostile), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(times, async (steps) => {
        const until = (index: number) => steps.slice(0, index + 1).reduce((sum, [, later]) => sum + later, 0);
        const events = steps.map(([make, , comm], index) => make(until(index), comm));
        const text = await exported(header(), [seed(old), ...events], new PerfettoReport());
        expect(imported(text).problems).toEqual([]);
        expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
