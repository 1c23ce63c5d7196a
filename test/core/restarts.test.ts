import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIsoTime } from "../../src/base/nanoseconds.ts";
import type { EventOf, SocketFacts, TraceEvent } from "../../src/core/event.ts";
import { Story } from "../../src/core/story.ts";
import {
  bind,
  close,
  connection,
  destroy,
  exit,
  facts,
  header,
  holders,
  listen,
  look,
  MS,
  NETNS,
  refused,
  release,
  seed,
  state,
  tell,
  timeWait,
  udp,
  WALL,
  walk,
} from "../helpers/events.ts";

const OLD = { pid: 10, tid: 10, comm: "node" };
const NEW = { pid: 30, tid: 30, comm: "node" };
const old = facts();
const next = facts({ sk: 3, inode: 300 });
const MINUTE = 60_000 * MS;

/** A process binds a socket and listens on it, 1 ms later. */
const serve = (t: number, socket: SocketFacts, who = OLD): TraceEvent[] => [
  bind({ ...who, t, socket: { ...socket, state: "BOUND" } }),
  state(t + MS - 20, { sk: socket.sk, inode: socket.inode, port: socket.port, netns: socket.netns }),
  listen({ ...who, t: t + MS, socket }),
];
/** The state that a listener ends with. */
const stopped = (t: number, { sk, inode }: SocketFacts = old) => state(t, { sk, inode, from: "LISTEN", to: "CLOSE" });
/** The last close of a listener, as the tracepoint set tells it. */
const closes = (t: number, socket: SocketFacts = old, who = OLD): TraceEvent[] => [
  close(t - 20, { ...who, sk: socket.sk, inode: socket.inode }),
  stopped(t, socket),
  destroy(t + 20, { ...who, sk: socket.sk }),
];
/** A process that had a listener ends. */
const ends = (t: number, socket: SocketFacts = old, who = OLD): TraceEvent[] => [
  exit(t - MS, { pid: who.pid, comm: who.comm }),
  stopped(t, socket),
  destroy(t + 20, { ...who, sk: socket.sk, exiting: true }),
];
const signal = (t: number, pid: number, number: number, by = { pid: 9, comm: "bash" }): TraceEvent => ({
  ...{ type: "signal", t, pid, signal: number, by },
});
const holding = (t: number, inode: number, ...pids: number[]): EventOf<"holders"> => ({
  ...{ type: "holders", t, failureAt: null, tid: null, late: false, complete: true },
  sockets: [{ inode, holders: pids.map((pid) => ({ pid, fd: 4, comm: "node", command: "", parent: 1, startedAt: null })) }],
});
const restarts = (...events: TraceEvent[]) => tell(events).of("restart");
/** The phases of the only restart, as [phase, ms, pid, detail]. */
function phasesOf(...events: TraceEvent[]) {
  const [record, ...more] = restarts(...events);
  expect(more).toEqual([]);
  return record?.phases.map(({ phase, at, pid, detail }) => [phase, (Number(at.slice(20, 29)) / MS) | 0, pid, detail]);
}

describe("a restart", () => {
  it("is told step by step when the new listener listens", () => {
    const before = [...serve(2 * MS, old), signal(10 * MS, 10, 15), ...closes(11 * MS), exit(30 * MS)];
    const { during } = tell([...before, ...serve(40 * MS, next, NEW)]);
    expect(during.slice(0, -1).flat()).toEqual([]);
    const at = (time: string) => ({ at: `2026-11-22T14:03:00.${time}Z`, precision: "exact", by: null });
    expect(during.at(-1)).toEqual([
      {
        ...{ type: "restart", netns: NETNS, protocol: "tcp", address: "0.0.0.0", port: 8080, from: ["s1"], to: "s2" },
        phases: [
          { ...at("010000000"), phase: "signalled", pid: 10, comm: "node", by: { pid: 9, comm: "bash" }, detail: "SIGTERM" },
          { ...at("011000000"), phase: "listener-closed", pid: 10, comm: "node", detail: "s1" },
          { ...at("011000020"), phase: "port-free", pid: null, comm: null, detail: "s1" },
          { ...at("030000000"), phase: "exited", pid: 10, comm: "node", detail: "code 0" },
          { ...at("040000000"), phase: "bound", pid: 30, comm: "node", detail: "s2" },
          { ...at("040999980"), phase: "listening", pid: 30, comm: "node", detail: "s2" },
        ],
        downtimeNs: 30 * MS - 20,
        slowest: { phase: "exited", ns: 19 * MS - 20 },
      },
    ]);
  });

  it("of a listener that was there before the trace knows its holders from the search at the start", () => {
    const before = [seed(old), holding(MS, 100, 10, 11), signal(10 * MS, 11, 2), exit(12 * MS, { pid: 11 }), ...ends(20 * MS)];
    expect(phasesOf(...before, ...serve(40 * MS, next, NEW))).toEqual([
      ["signalled", 10, 11, "SIGINT"],
      ["exited", 12, 11, "code 0"],
      ["exited", 19, 10, "code 0"],
      ["listener-closed", 20, 10, "s1"],
      ["port-free", 20, null, "s1"],
      ["bound", 40, 30, "s2"],
      ["listening", 40, 30, "s2"],
    ]);
  });

  it("knows holders that are found only at a refusal, after they were signalled", () => {
    const failure = refused([old], { t: 15 * MS });
    const before = [seed(old), signal(10 * MS, 10, 15), failure, holders(16 * MS, failure), ...closes(20 * MS)];
    expect(phasesOf(...before, ...serve(40 * MS, next, NEW))?.at(0)).toEqual(["signalled", 10, 10, "SIGTERM"]);
  });

  it("tells the first signal of each kind, and no signal or exit of a process that had nothing to do with it", () => {
    const sent = [
      signal(5 * MS, 10, 17),
      signal(10 * MS, 10, 15),
      signal(11 * MS, 10, 15),
      signal(12 * MS, 99, 15),
      signal(13 * MS, 10, 9),
    ];
    const before = [...serve(2 * MS, old), ...sent, exit(14 * MS, { pid: 99 }), ...ends(15 * MS)];
    expect(phasesOf(...before, ...serve(40 * MS, next, NEW))?.slice(0, 3)).toEqual([
      ["signalled", 10, 10, "SIGTERM"],
      ["signalled", 13, 10, "SIGKILL"],
      ["exited", 14, 10, "code 0"],
    ]);
  });

  it("leaves out what happened to its processes long before", () => {
    const gone = [holding(3 * MS, 100, 10, 11), signal(10 * MS, 10, 1), exit(11 * MS, { pid: 11 })];
    const before = [...serve(2 * MS, old), ...gone, ...ends(3 * MINUTE)];
    expect(phasesOf(...before, ...serve(3 * MINUTE + MS, next, NEW))?.map(([phase]) => phase)).toEqual([
      "exited",
      "listener-closed",
      "port-free",
      "bound",
      "listening",
    ]);
  });

  it("leaves out who had given the socket away", () => {
    const given = [...serve(2 * MS, old, { pid: 1, tid: 1, comm: "systemd" }), close(3 * MS, { pid: 1, references: 2 })];
    const before = [...given, holding(4 * MS, 100, 10), signal(10 * MS, 1, 15), exit(11 * MS, { pid: 1 }), ...closes(12 * MS)];
    expect(phasesOf(...before, ...serve(40 * MS, next, NEW))?.at(0)).toEqual(["listener-closed", 12, 10, "s1"]);
  });

  it("does not take a process for a holder that was born after the holder of that number was found", () => {
    const before = [seed(old), holding(MS, 100, 10), { type: "fork", t: 5 * MS, pid: 1, child: 10 } as const, signal(6 * MS, 10, 15)];
    expect(phasesOf(...before, stopped(12 * MS), ...serve(40 * MS, next, NEW))?.at(0)).toEqual(["listener-closed", 12, null, "s1"]);
  });

  it("does not say who stopped a listener that was not closed", () => {
    const shut = [stopped(11 * MS), ...closes(200 * MS).slice(0, 1), destroy(200 * MS)];
    expect(phasesOf(...serve(2 * MS, old), ...shut, ...serve(240 * MS, next, NEW))?.[0]).toEqual(["listener-closed", 11, null, "s1"]);
  });

  it("names the process in which a listener ended where its close was not seen", () => {
    const ended = [stopped(11 * MS), destroy(11 * MS + 20)];
    expect(phasesOf(...serve(2 * MS, old), ...ended, ...serve(40 * MS, next, NEW))?.[0]).toEqual(["listener-closed", 11, 10, "s1"]);
  });

  it("of many ends tells the first and the last", () => {
    const workers = [10, 11, 12].map((pid) => ({ pid, tid: pid, comm: "node" }));
    const sockets = workers.map(({ pid }) => facts({ sk: pid, inode: pid, reusePort: true }));
    const started = workers.flatMap((who, index) => serve(2 * MS + index, sockets[index] ?? old, who));
    const ended = workers.flatMap((who, index) => ends((10 + index) * MS, sockets[index], who));
    const events = [...started, ...ended, ...serve(40 * MS, next, NEW)].sort((a, b) => a.t - b.t);
    expect(restarts(...events)).toMatchObject([{ from: ["s1", "s2", "s3"], downtimeNs: 29 * MS - 20 }]);
    expect(phasesOf(...events)?.filter(([phase]) => phase === "exited" || phase === "listener-closed")).toEqual([
      ["exited", 9, 10, "code 0"],
      ["listener-closed", 10, 10, "s1"],
      ["exited", 11, 12, "code 0"],
      ["listener-closed", 12, 12, "s3"],
    ]);
  });

  it("within one process is one too", () => {
    const [record] = restarts(...serve(2 * MS, old), ...closes(10 * MS), ...serve(20 * MS, next));
    expect(record).toMatchObject({ from: ["s1"], to: "s2", downtimeNs: 11 * MS - 20 });
  });

  it("is told of a socket that stops listening and listens again, and of what comes after it", () => {
    const again = [stopped(10 * MS), state(20 * MS, { sk: 1, inode: 100 }), listen({ ...OLD, t: 20 * MS, socket: old })];
    expect(restarts(...serve(2 * MS, old), ...again, ...closes(30 * MS), ...serve(40 * MS, next, NEW))).toMatchObject([
      { from: ["s1"], to: "s1", downtimeNs: 10 * MS },
      { from: ["s1"], to: "s2", downtimeNs: 11 * MS - 20 },
    ]);
  });

  it("of MPTCP does not begin where the kernel says a second time that it listens", () => {
    const mptcp = facts({ protocol: "mptcp" });
    const [bound, listens, listened] = serve(2 * MS, mptcp) as [TraceEvent, TraceEvent, TraceEvent];
    const again = state(3 * MS - 10, { sk: 1, inode: 100, from: "LISTEN", to: "LISTEN" });
    expect(restarts(bound, listens, again, listened, ...closes(10 * MS, mptcp), ...serve(20 * MS, next, NEW))).toMatchObject([
      { protocol: "tcp", from: ["s1"], to: "s2", downtimeNs: 11 * MS - 20 },
    ]);
  });

  it("is not slow by what happened before the old listener began to go", () => {
    const early = bind({ ...NEW, t: 3 * MS, socket: { ...next, state: "BOUND" } });
    const [record] = restarts(...serve(2 * MS, old), early, ...closes(500 * MS), ...serve(510 * MS, next, NEW).slice(1));
    expect(record?.phases.map(({ phase }) => phase)).toEqual(["bound", "listener-closed", "port-free", "listening"]);
    expect(record?.slowest).toEqual({ phase: "listening", ns: 11 * MS - 40 });
  });

  it("is not told of ports that are not shown", () => {
    const story = new Story(header(), { reports: () => true, shows: ({ port }) => port !== 8080 });
    const events = [...serve(2 * MS, old), ...closes(10 * MS), ...serve(20 * MS, next, NEW)];
    expect(events.flatMap((event) => story.apply(event))).toEqual([]);
  });

  it("is told once, and each one by itself", () => {
    const third = facts({ sk: 4, inode: 400 });
    const events = [...serve(2 * MS, old), ...closes(10 * MS), ...serve(20 * MS, next, NEW), ...closes(30 * MS, next, NEW)];
    expect(restarts(...events, ...serve(40 * MS, third)).map(({ from, to }) => [from, to])).toEqual([
      [["s1"], "s2"],
      [["s2"], "s3"],
    ]);
  });

  it.each<[string, Partial<SocketFacts>]>([
    ["of another port", { port: 8081 }],
    ["in another network namespace", { netns: 1 }],
    ["at another address", { address: "127.0.0.2" }],
  ])("is none where the new listener is %s", (_, place) => {
    const first = facts({ address: "127.0.0.1" });
    const events = [
      ...serve(2 * MS, first),
      ...closes(10 * MS, first),
      ...serve(20 * MS, { ...next, address: "127.0.0.1", ...place }, NEW),
    ];
    expect(restarts(...events)).toEqual([]);
  });

  it("is none where a socket was only bound, or a listen refused", () => {
    const failed = listen({ ...NEW, t: 9 * MS, errno: "EADDRINUSE", socket: { ...next, state: "BOUND" }, walk: walk([old]) });
    const passing = [state(9 * MS - 30, { sk: 3, inode: 300 }), stopped(9 * MS - 20, next)];
    const waiting = [bind({ ...NEW, t: 8 * MS, socket: { ...next, state: "BOUND" } }), ...passing, failed];
    expect(
      restarts(...serve(2 * MS, old), ...waiting, ...closes(10 * MS, next, NEW), ...serve(20 * MS, facts({ sk: 4, inode: 400 }))),
    ).toEqual([]);
  });

  it("is none of UDP, which does not listen", () => {
    const bound = (t: number, sk: number) => bind({ t, socket: udp({ sk, inode: sk }) });
    expect(restarts(bound(MS, 1), close(2 * MS, { inode: 1 }), bound(3 * MS, 2))).toEqual([]);
  });
});

describe("the last connection", () => {
  const child = connection();
  const other = connection({ sk: 7, inode: 700, peer: { address: "192.0.2.7", port: 40001 } });
  const seen = [...serve(2 * MS, old), look(5 * MS, [old, child, other]), ...closes(10 * MS)];
  const gone = (t: number, { sk }: SocketFacts) => destroy(t, { sk, pid: 0, comm: "swapper/1" });
  const phase = (...events: TraceEvent[]) =>
    phasesOf(...events, ...serve(40 * MS, next, NEW))?.filter(([name]) => name === "last-connection-gone");

  it("is the one of those that are known which went last", () => {
    expect(phase(...seen, gone(20 * MS, other), gone(25 * MS, child))).toEqual([["last-connection-gone", 25, null, "s2"]]);
  });

  it("is not told while one is there, nor where the end of one was not seen", () => {
    expect(phase(...seen, gone(20 * MS, other))).toEqual([]);
    expect(phase(...seen, gone(20 * MS, other), look(30 * MS, [timeWait()]))).toEqual([]);
  });

  it("is not one that had gone before the story began, or that only its TIME_WAIT tells of", () => {
    const before = [
      ...serve(2 * MS, old),
      look(5 * MS, [old, child]),
      gone(6 * MS, child),
      look(7 * MS, [old, timeWait({ sk: 8, peer: { address: "192.0.2.7", port: 40002 } })]),
    ];
    expect(phase(...before, ...closes(10 * MS))).toEqual([]);
    expect(phase(...before, look(8 * MS, [old, other]), ...closes(10 * MS), gone(20 * MS, other))).toEqual([
      ["last-connection-gone", 20, null, "s4"],
    ]);
  });

  it("is not told where a TIME_WAIT turns up that may have been a connection until then", () => {
    expect(
      phase(
        ...seen,
        gone(20 * MS, other),
        gone(25 * MS, child),
        look(30 * MS, [timeWait({ sk: 8, peer: { address: "192.0.2.7", port: 40002 } })]),
      ),
    ).toEqual([]);
  });

  it("is told whatever is seen after the new listener came", () => {
    const call = refused([], { ...NEW, t: 15 * MS, socket: facts({ sk: 9, inode: 900, state: "BOUND" }) });
    const late = look(45 * MS, [next, timeWait({ sk: 8, peer: { address: "192.0.2.7", port: 40002 } })]);
    const events = [...seen, call, gone(20 * MS, other), gone(25 * MS, child), ...serve(40 * MS, next, NEW), late, holders(50 * MS, call)];
    expect(phasesOf(...events)?.filter(([name]) => name === "last-connection-gone")).toEqual([["last-connection-gone", 25, null, "s2"]]);
  });

  it("is not one of another address", () => {
    const narrow = facts({ address: "127.0.0.1" });
    const events = [...serve(2 * MS, narrow), look(5 * MS, [narrow, child]), ...closes(10 * MS, narrow), gone(20 * MS, child)];
    expect(phase(...events)).toEqual([]);
  });
});

describe("the port is free", () => {
  const failure = (t: number, owners: SocketFacts[]) => {
    const call = refused(owners, { ...NEW, t, socket: facts({ sk: 9, inode: 900, state: "BOUND" }) });
    return [call, holders(t + 10, call)];
  };
  const free = (...events: TraceEvent[]) =>
    restarts(...events, ...serve(400 * MS, next, NEW))[0]?.phases.filter(({ phase }) => phase === "port-free");

  it("when the last blocker of a refused bind has let go", () => {
    const child = connection();
    const events = [
      ...serve(2 * MS, old),
      ...closes(10 * MS),
      ...failure(20 * MS, [child]),
      destroy(30 * MS, { sk: 5 }),
      look(35 * MS, []),
    ];
    expect(free(...events)).toMatchObject([{ at: "2026-11-22T14:03:00.030000000Z", detail: "s2", precision: "exact" }]);
  });

  it("about then, where it was TIME_WAIT", () => {
    const rest = timeWait({ expiresAt: 100 * MS });
    const events = [...serve(2 * MS, old), ...closes(10 * MS), ...failure(20 * MS, [rest]), look(150 * MS, [])];
    expect(free(...events)).toMatchObject([{ at: "2026-11-22T14:03:00.100000000Z", detail: "s2", precision: "estimated" }]);
  });

  it("at an instant that is not told where a blocker was not seen to let go", () => {
    expect(free(...serve(2 * MS, old), ...closes(10 * MS), ...failure(20 * MS, [connection()]))).toEqual([]);
  });

  it("whatever blocked a bind before the story began", () => {
    const events = [...serve(2 * MS, old), ...failure(5 * MS, [old, connection()]), ...closes(10 * MS)];
    expect(free(...events)).toMatchObject([{ detail: "s1" }]);
  });

  it("as the kernel hook set tells it", () => {
    const events = [
      ...serve(2 * MS, old),
      close(10 * MS, { fd: null }),
      stopped(10 * MS + 10),
      release(12 * MS),
      ...serve(40 * MS, next, NEW),
    ];
    const told = tell(events, { header: header({ hooks: "kernel", attach: "fentry" }) }).of("restart");
    expect(told[0]?.phases.map(({ phase }) => phase)).toEqual(["listener-closed", "port-free", "bound", "listening"]);
  });
});

describe("nobody waits for a new listener", () => {
  const two = facts({ sk: 2, inode: 200, reusePort: true });
  const one = { ...old, reusePort: true };
  const fresh = { ...next, reusePort: true };
  const twin = { pid: 11, tid: 11, comm: "node" };
  const both = [...serve(2 * MS, one), ...serve(5 * MS, two, twin)];

  it("where another one of the group listens throughout", () => {
    expect(restarts(...both, ...closes(10 * MS, one), ...serve(20 * MS, fresh, NEW))).toMatchObject([
      { from: ["s1"], to: "s3", downtimeNs: null },
    ]);
  });

  it("where it listened before the old one stopped, which had been told to go", () => {
    const [record, ...more] = restarts(
      ...serve(2 * MS, one),
      signal(9 * MS, 10, 15),
      ...serve(10 * MS, fresh, NEW),
      ...closes(20 * MS, one),
    );
    expect(more).toEqual([]);
    expect(record).toMatchObject({ from: ["s1"], to: "s2", downtimeNs: null, slowest: { phase: "listener-closed", ns: 9 * MS + 20 } });
    expect(record?.phases.map(({ phase }) => phase)).toEqual(["signalled", "bound", "listening", "listener-closed", "port-free"]);
  });

  it("but a new listener that has gone by then was not the next one", () => {
    const came = [...serve(10 * MS, fresh, NEW), ...closes(15 * MS, fresh, NEW)];
    expect(restarts(...serve(2 * MS, one), signal(9 * MS, 10, 15), ...came, ...closes(20 * MS, one))).toEqual([]);
  });

  it("and no restart is told where one of several goes that came together", () => {
    expect(restarts(...both, signal(9 * MS, 10, 15), ...closes(10 * MS, one), ...closes(11 * MS, two, twin))).toEqual([]);
  });

  it("and one that went long before another came has nothing to do with it", () => {
    expect(restarts(...both, ...closes(10 * MS, one), ...serve(3 * MINUTE, fresh, NEW))).toEqual([]);
  });

  it("but not for one that is not there any more, though its end was not seen", () => {
    const events = [...both, look(8 * MS, [one]), ...closes(10 * MS, one), ...serve(20 * MS, fresh, NEW)];
    expect(restarts(...events)).toMatchObject([{ from: ["s1"], to: "s3", downtimeNs: 11 * MS - 20 }]);
  });

  it("and nothing is told where a listener came between them whose beginning was not seen", () => {
    const unseen = look(15 * MS, [facts({ sk: 8, inode: 800, reusePort: true })]);
    expect(restarts(...serve(2 * MS, one), ...closes(10 * MS, one), unseen, ...serve(20 * MS, fresh, NEW))).toEqual([]);
  });
});

describe("no new listener comes", () => {
  const child = connection();
  const failure = (t: number) => {
    const call = refused([child], { ...NEW, t, socket: facts({ sk: 9, inode: 900, state: "BOUND" }) });
    return [call, holders(t + 10, call)];
  };
  const went = [...serve(2 * MS, old), ...closes(10 * MS)];

  it("is told at the end when a bind was refused after the old one had begun to go", () => {
    const { records } = tell([...went, ...failure(20 * MS)]);
    expect(records.slice(-2)).toMatchObject([
      { type: "restart", from: ["s1"], to: null, downtimeNs: null, slowest: null },
      { type: "summary" },
    ]);
  });

  it("is nothing when none was, or only before, or at another address", () => {
    const elsewhere = refused([], { t: 20 * MS, socket: facts({ sk: 9, inode: 900, family: "ipv6", address: "::1", state: "BOUND" }) });
    expect(restarts(...went)).toEqual([]);
    expect(restarts(...serve(2 * MS, old), ...failure(5 * MS), ...closes(10 * MS))).toEqual([]);
    expect(restarts(...went, elsewhere)).toEqual([]);
    expect(restarts(...went, refused([], { t: 20 * MS, socket: udp({ sk: 9, inode: 900 }) }))).toEqual([]);
  });

  it("is nothing while another one listens", () => {
    expect(
      restarts(...serve(2 * MS, old), ...serve(3 * MS, facts({ sk: 2, inode: 200 })), ...closes(10 * MS), ...failure(20 * MS)),
    ).toEqual([]);
  });
});

it("is told after the refusals before it, with what is known of them", () => {
  const child = connection();
  const call = refused([child], { ...NEW, t: 20 * MS, socket: facts({ sk: 9, inode: 900, state: "BOUND" }) });
  const before = [...serve(2 * MS, old), ...closes(10 * MS), call, destroy(30 * MS, { sk: 5 }), look(35 * MS, [])];
  const { during } = tell([...before, ...serve(40 * MS, next, NEW), holders(50 * MS, call)]);
  expect(during.slice(0, -1).flat()).toEqual([]);
  expect(during.at(-1)?.map(({ type }) => type)).toEqual(["failure", "release", "attempts", "restart"]);
  const [record] = during.at(-1)?.filter((said) => said.type === "restart") ?? [];
  expect(record?.phases.find(({ phase }) => phase === "port-free")?.detail).toBe("s2");
});

it("is told as things stood when the new listener came, whatever was seen before it could be told", () => {
  const child = connection();
  const shared = (sk: number) => facts({ sk, inode: sk, reusePort: true });
  const call = refused([], { ...NEW, t: 15 * MS, socket: facts({ sk: 9, inode: 900, state: "BOUND" }) });
  const third = { pid: 31, tid: 31, comm: "node" };
  const before = [...serve(2 * MS, shared(1)), look(5 * MS, [shared(1), child]), stopped(10 * MS, shared(1)), call];
  const after = [signal(41 * MS, 10, 9), exit(42 * MS), destroy(43 * MS, { sk: 5 }), destroy(44 * MS, { exiting: true })];
  const { during } = tell([
    ...[...before, ...serve(20 * MS, shared(3), NEW), ...serve(30 * MS, shared(4), third)],
    ...[...after, look(45 * MS, [timeWait({ sk: 8, peer: { address: "192.0.2.7", port: 40002 } })]), ...closes(46 * MS, shared(3), NEW)],
    holders(50 * MS, call),
  ]);
  const [record, ...more] = during.at(-1)?.filter((said) => said.type === "restart") ?? [];
  expect(more).toEqual([]);
  expect(record).toMatchObject({ from: ["s1"], to: "s4", downtimeNs: 11 * MS - 20, slowest: { phase: "bound", ns: 10 * MS } });
  expect(record?.phases.map(({ phase, pid }) => [phase, pid])).toEqual([
    ["listener-closed", null],
    ["bound", 30],
    ["listening", 30],
  ]);
});

it("of two steps of the same length the first is the slowest", () => {
  const sent = [signal(10 * MS, 10, 1), signal(20 * MS, 10, 15)];
  const { of } = tell([...serve(2 * MS, old), ...sent, exit(30 * MS, { signal: 9 }), stopped(30 * MS), ...serve(31 * MS, next, NEW)]);
  expect(of("restart")[0]?.slowest).toEqual({ phase: "signalled", ns: 10 * MS });
});

it("is not told of a listener whose network namespace everybody has left: whether it still listens is not known", () => {
  const events = [...serve(2 * MS, old), { type: "namespace-gone", t: 10 * MS, netns: NETNS } as const, ...serve(20 * MS, next, NEW)];
  expect(restarts(...events)).toEqual([]);
});

it("phases stand in the order of time, the slowest is the longest gap, and nobody listened for as long as the events say", () => {
  const gap = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(gap, gap, gap, gap), { minLength: 1, maxLength: 8 }), (cycles) => {
      let t = 0;
      const pass = (ms: number) => {
        t += ms * MS;
        return t;
      };
      const down: number[] = [];
      const events = cycles.flatMap(([up, drain, end, away], index) => {
        const socket = facts({ sk: 100 + index, inode: 100 + index });
        const who = { pid: 100 + index, tid: 100 + index, comm: "node" };
        const started = serve(pass(away), socket, who);
        const signalled = signal(pass(up), who.pid, 15);
        const closed = closes(pass(drain), socket, who);
        down.push(t);
        return [...started, signalled, ...closed, exit(pass(end), { pid: who.pid })];
      });
      const told = restarts(...events);
      const starts = events.filter(({ type }) => type === "listen").map((event) => event.t - 20);
      expect(told.map(({ downtimeNs }) => downtimeNs)).toEqual(starts.slice(1).map((start, index) => start - (down[index] ?? 0)));
      for (const { phases, slowest } of told) {
        const times = phases.map(({ at }) => Number((parseIsoTime(at) ?? 0n) - (parseIsoTime(WALL) ?? 0n)));
        expect(times).toEqual([...times].sort((x, y) => x - y));
        expect(slowest?.ns).toBe(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0))));
      }
    }),
  );
});
