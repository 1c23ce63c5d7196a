import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventOf, TraceEvent } from "../../src/core/event.ts";
import { bind, close, destroy, end, exit, facts, holders, listen, MS, refused, seed, tell, timeWait, udp } from "../helpers/events.ts";

const server = facts();

/** A refused bind of a new socket, and who was found to hold what was in its way. */
function refusal(t: number, overrides: Partial<EventOf<"bind">> = {}, owners = [server]): TraceEvent[] {
  const call = refused(owners, { t, socket: facts({ sk: t, inode: t, state: "BOUND" }), ...overrides });
  return [call, holders(t + 1000, call)];
}
const passed = (t: number, overrides: Partial<EventOf<"bind">> = {}) =>
  bind({ t, socket: facts({ sk: t, inode: t, state: "BOUND" }), ...overrides });
const told = (t: number, pid: number, command: string): TraceEvent => ({
  ...{ type: "process", t, pid, comm: "node", command, program: "node", startedAt: null },
  ...{ ancestors: [], cgroup: null, nsPids: [pid], marks: [], state: "S" },
});
const attempts = (...events: TraceEvent[]) => tell([seed(server), ...events]).of("attempts");
/** How many were refused of which processes, and who got it. */
const outline = (...events: TraceEvent[]) =>
  attempts(...events).map(({ failures, binders, bound }) => [failures, binders.map(({ pid }) => pid), bound?.pid ?? null]);

describe("retries", () => {
  it("are one story with the success that ended them", () => {
    const before = [...refusal(10 * MS), ...refusal(20 * MS), ...refusal(35 * MS)];
    expect(attempts(...before, close(40 * MS), destroy(40 * MS), passed(50 * MS))).toEqual([
      {
        type: "attempts",
        operation: "bind",
        netns: server.netns,
        protocol: "tcp",
        address: "0.0.0.0",
        port: 8080,
        first: "2026-11-22T14:03:00.010000000Z",
        last: "2026-11-22T14:03:00.035000000Z",
        failures: 3,
        lastedNs: 40 * MS,
        binders: [{ pid: 20, comm: "node" }],
        blockers: ["s1"],
        unexplained: 0,
        bound: { socket: "s5", at: "2026-11-22T14:03:00.050000000Z", pid: 20, comm: "node" },
      },
    ]);
  });

  it("are told as soon as they have ended, and a success alone is no story", () => {
    const { during } = tell([passed(5 * MS, { pid: 30 }), ...refusal(10 * MS), passed(50 * MS), end(60 * MS)]);
    expect(during.map((records) => records.map(({ type }) => type))).toEqual([[], [], ["failure"], ["attempts"], []]);
  });

  it("name every socket that was in the way, and count the failures that nobody is blamed for", () => {
    const second = refusal(20 * MS, {}, [facts({ sk: 3, inode: 300 }), timeWait()]);
    expect(attempts(...refusal(10 * MS), ...second, ...refusal(30 * MS, {}, []), passed(40 * MS))).toMatchObject([
      { failures: 3, blockers: ["s1", "s3", "s4"], unexplained: 1 },
    ]);
  });

  it("begin anew after a success", () => {
    const again = [...refusal(30 * MS), ...refusal(31 * MS), passed(40 * MS)];
    expect(outline(...refusal(10 * MS), passed(20 * MS), ...again)).toEqual([
      [1, [20], 20],
      [2, [20], 20],
    ]);
  });

  it("without success are told at the end; one refusal alone is not", () => {
    const failing = [...refusal(10 * MS), ...refusal(20 * MS)];
    const { records } = tell([...failing, ...refusal(30 * MS, { comm: "other", pid: 40 })]);
    expect(records.slice(-2)).toMatchObject([{ type: "attempts", failures: 2, lastedNs: 10 * MS, bound: null }, { type: "summary" }]);
    expect(records.filter(({ type }) => type === "attempts")).toHaveLength(1);
  });

  it("count what is reported, nothing else", () => {
    const events = [...refusal(10 * MS, { pid: 99 }), ...refusal(20 * MS), passed(30 * MS)];
    expect(tell(events, { reports: ({ pid }) => pid !== 99 }).of("attempts")).toMatchObject([{ failures: 1, binders: [{ pid: 20 }] }]);
  });

  it("of UDP end with the bind", () => {
    const socket = udp({ sk: 2, inode: 200 });
    expect(attempts(...refusal(10 * MS, { socket }), passed(20 * MS, { socket: udp({ sk: 3, inode: 300 }) }))).toMatchObject([
      { protocol: "udp", failures: 1, bound: { socket: "s3" } },
    ]);
  });

  it("of any free port are one story too", () => {
    const any = { requested: { family: "ipv4" as const, address: "0.0.0.0", port: 0 } };
    expect(attempts(...refusal(10 * MS, any, []), passed(20 * MS, any))).toMatchObject([{ port: 0, failures: 1, bound: { pid: 20 } }]);
  });
});

describe("a success that is seen before the refusals have been reported", () => {
  const first = refused([server], { t: 10 * MS });
  const second = refused([server], { t: 20 * MS, tid: 21 });
  const other = refused([server], { t: 40 * MS, tid: 22 });

  it("is told after all those before it, and ends what came before it alone", () => {
    const { during } = tell([
      ...[first, second, passed(30 * MS), other],
      ...[holders(50 * MS, first), holders(60 * MS, second), holders(70 * MS, other)],
    ]);
    expect(during.map((records) => records.map(({ type }) => type))).toEqual([
      ...[[], [], [], []],
      ...[["failure"], ["failure"], ["failure", "attempts"]],
    ]);
    expect(during.at(-1)).toMatchObject([{}, { failures: 2, last: "2026-11-22T14:03:00.020000000Z", bound: { socket: "s3" } }]);
  });

  it("is told at the end where no search for holders ended", () => {
    expect(outline(first, passed(30 * MS))).toEqual([[1, [20], 20]]);
  });
});

describe("a refused listen", () => {
  const bound = facts({ sk: 2, inode: 200, state: "BOUND" });
  const failed = listen({ t: 11 * MS, errno: "EADDRINUSE", socket: bound, walk: seed(server).walk });

  it("is not made good by a bind, but by a listen", () => {
    const before = [bind({ t: 10 * MS, socket: bound }), failed, holders(12 * MS, failed), bind({ t: 20 * MS, socket: bound })];
    expect(attempts(...before)).toEqual([]);
    expect(attempts(...before, listen({ t: 21 * MS, socket: facts({ sk: 2, inode: 200 }) }))).toMatchObject([
      { operation: "listen", failures: 1, lastedNs: 10 * MS, bound: { socket: "s2" } },
    ]);
  });
});

describe("one program", () => {
  const other = (pid: number, comm = "node") => ({ pid, tid: pid, comm });
  const fork = (t: number, pid: number, child: number): TraceEvent => ({ type: "fork", t, pid, child });

  it("may try again as another process of the same name", () => {
    expect(outline(...refusal(10 * MS), ...refusal(20 * MS, other(21)), exit(25 * MS, { pid: 22 }), passed(600 * MS, other(22)))).toEqual([
      [2, [20, 21], 22],
    ]);
  });

  it("may try again under another name where one of the two descends from the other", () => {
    expect(outline(fork(1, 20, 21), ...refusal(10 * MS), passed(20 * MS, other(21, "worker")))).toEqual([[1, [20], 21]]);
    expect(outline(fork(1, 20, 21), ...refusal(10 * MS, other(21, "worker")), passed(20 * MS))).toEqual([[1, [21], 20]]);
  });

  it("is not all that descends from process 1", () => {
    expect(outline(fork(1, 1, 21), ...refusal(10 * MS, other(1, "systemd")), passed(20 * MS, other(21)))).toEqual([]);
  });

  it("is not another one that asks for the same address", () => {
    expect(outline(...refusal(10 * MS), passed(20 * MS, other(21, "nginx")))).toEqual([]);
  });

  it.each<[string, string, number | null]>([
    ["the same", "node server.js", 21],
    ["another", "node other.js", null],
  ])("that runs %s command under the same name", (_, command, pid) => {
    const before = [...refusal(10 * MS), told(11 * MS, 20, "node server.js")];
    const { during, of } = tell([...before, passed(20 * MS, other(21)), told(22 * MS, 21, command)]);
    expect(during.slice(3).map((records) => records.length)).toEqual([0, pid === null ? 0 : 1]);
    expect(of("attempts").map(({ bound }) => bound?.pid)).toEqual(pid === null ? [] : [pid]);
  });

  it("is known by the command that it was executed with, whatever it calls itself since", () => {
    const renamed = { ...told(11 * MS, 20, "node server"), execCommand: "node server.js" };
    const events = [...refusal(10 * MS), renamed, passed(20 * MS, other(21)), told(22 * MS, 21, "node server.js")];
    expect(
      tell(events)
        .of("attempts")
        .map(({ bound }) => bound?.pid),
    ).toEqual([21]);
  });

  it("is known by its name when nothing is heard of its command", () => {
    const before = [...refusal(10 * MS), told(11 * MS, 20, "node server.js"), passed(20 * MS, other(21))];
    expect(tell([...before, end(521 * MS)]).during.at(-1)).toMatchObject([{ type: "attempts", bound: { pid: 21 } }]);
    expect(tell([...before, exit(30 * MS, { pid: 21 })]).during.at(-1)).toMatchObject([{ type: "attempts", bound: { pid: 21 } }]);
  });
});

describe.each<[string, object, object]>([
  ["address", { address: "127.0.0.1" }, {}],
  ["port", { port: 8081 }, {}],
  ["network namespace", { netns: 1 }, {}],
  ["protocol", { protocol: "udp" }, {}],
])("another %s", (_, place) => {
  it("is another story", () => {
    expect(outline(...refusal(10 * MS), passed(20 * MS, { socket: facts({ sk: 3, inode: 300, state: "BOUND", ...place }) }))).toEqual([]);
  });
});

it("MPTCP shares the ports of TCP", () => {
  const socket = facts({ sk: 3, inode: 300, state: "BOUND", protocol: "mptcp" });
  expect(outline(...refusal(10 * MS), passed(20 * MS, { socket }))).toEqual([[1, [20], 20]]);
});

it("every failure is in one story at most, and in one that a success ended if there is one", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (passes) => {
      const events = passes.flatMap((passes, index) => (passes ? [passed((index + 1) * MS)] : refusal((index + 1) * MS)));
      const stories = attempts(...events);
      const runs =
        passes
          .map((passes) => (passes ? "+" : "-"))
          .join("")
          .match(/-+\+?/g) ?? [];
      expect(stories.map(({ failures, bound }) => `${"-".repeat(failures)}${bound ? "+" : ""}`)).toEqual(runs.filter((run) => run !== "-"));
    }),
  );
});
