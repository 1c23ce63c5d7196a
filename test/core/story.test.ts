import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventSchema, type TraceEvent } from "../../src/core/event.ts";
import {
  anyOf,
  bind,
  close,
  connection,
  destroy,
  end,
  exit,
  facts,
  failureOf,
  holders,
  kernelHeader,
  listen,
  look,
  MS,
  NETNS,
  option,
  refused,
  release,
  restart,
  seed,
  state,
  tell,
  timeWait,
  udp,
  udpWalk,
  walk,
} from "../helpers/events.ts";

describe("a failure", () => {
  const failure = refused([facts()], { t: 10 * MS });
  const found = holders(12 * MS, failure);

  it("is reported when its holders are known, not before", () => {
    const { during } = tell([seed(facts()), failure, found]);
    expect(during.map((records) => records.map(({ type }) => type))).toEqual([[], [], ["failure"]]);
  });

  it("is reported at the end when no search for holders ended", () => {
    const { during, of } = tell([failure]);
    expect(during.flat()).toEqual([]);
    expect(of("failure")).toMatchObject([{ blockers: [{ holders: [], holdersComplete: false }] }]);
  });

  it("tells binder, blocker and holders as the kernel had them", () => {
    expect(failureOf(seed(facts()), failure, found)).toMatchObject({
      id: "f1",
      enteredAt: "2026-11-22T14:03:00.009999000Z",
      at: "2026-11-22T14:03:00.010000000Z",
      operation: "bind",
      errno: "EADDRINUSE",
      address: "0.0.0.0",
      port: 8080,
      requestedPort: 8080,
      binder: { socket: "s2", pid: 20, fd: 18, inode: 200, processUid: 1000, socketUid: 1000, device: null, group: null },
      blockers: [
        {
          socket: "s1",
          state: "LISTEN",
          inode: 100,
          seenAt: "2026-11-22T14:03:00.000000000Z",
          holders: [{ pid: 10, fd: 18, comm: "node", via: "unknown", command: "node server.js" }],
          holdersComplete: true,
        },
      ],
      rule: "listening",
      confidence: "exact",
      repeats: 0,
    });
  });

  it("takes each socket as its own walk showed it, whatever became of it since", () => {
    const first = refused([connection()], { t: 10 * MS });
    const second = refused([timeWait()], { t: 11 * MS, tid: 21 });
    const inode = { sockets: [{ inode: 500, holders: found.sockets[0]?.holders ?? [] }] };
    const [reported] = tell([first, destroy(10 * MS + 5, { sk: 5 }), second, holders(12 * MS, first, inode)]).of("failure");
    expect(reported?.blockers).toMatchObject([{ state: "ESTABLISHED", inode: 500, holders: [{ pid: 10 }] }]);
  });

  it("shows the group that the binder is in already", () => {
    const socket = facts({ sk: 2, inode: 200, reusePort: true, group: { id: 7, size: 1 } });
    expect(failureOf(refused([facts({ reusePort: true })], { socket }))).toMatchObject({
      rule: "binder-already-in-group",
      binder: { group: { id: "g1", members: ["s2"], size: 1 } },
    });
  });

  it("counts as a repeat of the one before it when binder, address, blockers and rule are the same", () => {
    const again = (t: number, overrides = {}) =>
      refused([facts()], { t, socket: facts({ sk: t, inode: t, state: "BOUND" }), ...overrides });
    const { of } = tell([again(1), again(2), again(3), again(4, { comm: "other" }), again(5)]);
    expect(of("failure").map(({ repeats }) => repeats)).toEqual([0, 1, 2, 0, 0]);
  });

  it("is left out where it is not asked for, and its evidence is used all the same", () => {
    const other = refused([facts()], { t: 5 * MS, pid: 99 });
    const { of } = tell([other, failure], { reports: ({ pid }) => pid !== 99 });
    expect(of("failure")).toMatchObject([{ id: "f2", binder: { pid: 20 }, confidence: "exact" }]);
    expect(of("summary")).toMatchObject([{ failures: 1 }]);
  });
});

describe("holders found late", () => {
  const failure = refused([facts(), timeWait()], { t: 10 * MS });
  const early = holders(60 * MS, failure, { complete: false, sockets: [] });
  const late = holders(90 * MS, failure, { late: true });

  it("are a record of their own for each blocker that a process can hold", () => {
    const { during } = tell([failure, early, late]);
    expect(during[1]).toMatchObject([{ type: "failure", blockers: [{ holders: [], holdersComplete: false }, {}] }]);
    expect(during[2]).toMatchObject([
      {
        type: "holders",
        failure: "f1",
        socket: "s1",
        holders: [{ pid: 10, fd: 18 }],
        complete: true,
        scannedAt: "2026-11-22T14:03:00.090000000Z",
      },
    ]);
  });

  it("are not told for a failure that is not", () => {
    expect(tell([failure, early, late], { reports: () => false }).during.flat()).toEqual([]);
  });

  it("of an unknown failure are nothing", () => {
    expect(tell([holders(5, failure)]).during).toEqual([[]]);
  });
});

describe("via", () => {
  const opened = bind({ t: 5 * MS, pid: 10, socket: facts({ state: "BOUND" }) });
  const failure = refused([facts()], { t: 100 * MS });
  const heldBy = (pid: number, startedAt: number | null, parent = 1) =>
    holders(101 * MS, failure, { sockets: [{ inode: 100, holders: [{ pid, fd: 4, comm: "node", command: "", parent, startedAt }] }] });
  const fork: TraceEvent = { type: "fork", t: 50 * MS, pid: 10, child: 11 };

  it.each<[string, TraceEvent[], ReturnType<typeof heldBy>, string]>([
    ["of the process that bound it", [opened], heldBy(10, 0), "created"],
    ["of its child", [opened, fork], heldBy(11, 50 * MS), "inherited"],
    ["of its child that /proc alone knows", [opened], heldBy(11, 50 * MS, 10), "inherited"],
    ["of a stranger that is older than the bind", [opened], heldBy(12, -60_000 * MS), "received"],
    ["of a stranger that is younger", [opened], heldBy(12, 50 * MS), "unknown"],
    ["of a socket that was bound before the trace", [seed(facts())], heldBy(10, 0), "unknown"],
  ])("%s", (_, before, found, via) => {
    expect(failureOf(...before, failure, found).blockers[0]?.holders).toMatchObject([{ via }]);
  });
});

describe("the port is released", () => {
  const failure = refused([facts()], { t: 10 * MS });
  const told = [seed(facts()), failure, holders(12 * MS, failure)];
  const releases = (...after: TraceEvent[]) => tell([...told, ...after]).of("release");

  it("by the close of the last copy", () => {
    expect(releases(close(20 * MS), destroy(20 * MS + 5))).toEqual([
      {
        type: "release",
        failure: "f1",
        socket: "s1",
        at: "2026-11-22T14:03:00.020000005Z",
        afterNs: 10 * MS + 5,
        via: "close",
        precision: "exact",
        by: { pid: 10, comm: "node" },
        exitCode: null,
        exitSignal: null,
        closedAt: "2026-11-22T14:03:00.020000000Z",
      },
    ]);
  });

  it("by the exit of its last holder", () => {
    expect(releases(destroy(20 * MS, { exiting: true }), exit(20 * MS))).toMatchObject([
      { via: "exit", by: { pid: 10 }, precision: "exact" },
    ]);
  });

  it("by something that was not seen", () => {
    expect(releases(close(20 * MS, { pid: 11, references: 2 }), destroy(21 * MS))).toMatchObject([{ via: "unknown" }]);
  });

  it("not by the close of one copy of several, nor by a state", () => {
    expect(releases(close(20 * MS, { references: 2 }), state(21 * MS, { sk: 1, inode: 100, from: "LISTEN", to: "CLOSE" }))).toEqual([]);
  });

  it("before the failure was reported: then right after it", () => {
    const { during } = tell([seed(facts()), failure, destroy(11 * MS), holders(12 * MS, failure)]);
    expect(during.map((records) => records.map(({ type }) => type))).toEqual([[], [], [], ["failure", "release"]]);
  });

  it("by one blocker after the other, each told once", () => {
    const two = [facts(), facts({ sk: 3, inode: 300 })];
    const both = refused(two, { t: 10 * MS });
    const after = [destroy(20 * MS), destroy(30 * MS, { sk: 3 })];
    expect(
      tell([seed(...two), both, holders(12 * MS, both), ...after])
        .of("release")
        .map(({ socket }) => socket),
    ).toEqual(["s1", "s2"]);
  });

  it("once for each failure that it blocked", () => {
    const second = refused([facts()], { t: 15 * MS });
    const records = tell([...told, second, holders(16 * MS, second), destroy(20 * MS), destroy(21 * MS)]).of("release");
    expect(records.map(({ failure: id }) => id)).toEqual(["f1", "f2"]);
  });
});

describe("a connection", () => {
  const child = connection({ reuseAddr: true });
  const failure = refused([child], { t: 10 * MS });
  const told = [seed(child), failure, holders(12 * MS, failure), destroy(20 * MS, { sk: 5, pid: 0, comm: "swapper/1" })];

  it("may go on in TIME_WAIT, so its end alone releases nothing", () => {
    expect(tell(told).of("release")).toEqual([]);
  });

  it("releases the port at its end when the next look finds nothing of it", () => {
    expect(tell([...told, look(25 * MS, [])]).of("release")).toMatchObject([{ socket: "s1", afterNs: 10 * MS, precision: "exact" }]);
  });

  it.each([
    ["another network namespace", { netns: 1 }],
    ["another port", { port: 8081 }],
    ["a look that lost lines", { lost: true }],
    ["a look that was cut", { missed: 1 }],
    ["a look that did not print all", { visited: 9 }],
  ])("is not released by a look at %s", (_, overrides) => {
    const other = look(25 * MS, []);
    expect(tell([...told, { ...other, walk: { ...other.walk, ...overrides } }]).of("release")).toEqual([]);
  });

  it("releases the port when its TIME_WAIT ends", () => {
    const { of, rows } = tell([...told, look(25 * MS, [timeWait()]), look(60_500 * MS, [])]);
    expect(of("release")).toMatchObject([
      { socket: "s1", via: "time-wait-expired", precision: "estimated", by: null, at: "2026-11-22T14:04:00.000000000Z" },
    ]);
    expect(rows.map(({ kind }) => kind)).toEqual(["there", "refused", "gone", "state", "released"]);
  });

  it("in TIME_WAIT is said once, not at every look", () => {
    const { rows } = tell([...told, look(25 * MS, [timeWait()]), look(35 * MS, [timeWait()])]);
    expect(rows.filter(({ kind }) => kind === "state")).toHaveLength(1);
  });

  it("in TIME_WAIT is released by the look that misses it when its timer is not known", () => {
    const records = tell([...told, look(25 * MS, [timeWait({ expiresAt: null })]), look(70_000 * MS, [])]).of("release");
    expect(records).toMatchObject([{ at: "2026-11-22T14:04:10.000000000Z", precision: "estimated" }]);
  });
});

describe("a trace of the kernel hook set", () => {
  const told = (events: TraceEvent[], missingProbes: string[] = []) => tell(events, { header: kernelHeader(missingProbes) });
  const listener = refused([facts()], { t: 10 * MS });
  const blocked = [seed(facts()), listener, holders(12 * MS, listener)];

  it("releases the port at the moment that the kernel told, by whom it told", () => {
    const events = [...blocked, close(20 * MS, { fd: null }), release(20 * MS + 5), destroy(20 * MS + 9)];
    expect(told(events).of("release")).toEqual([
      {
        type: "release",
        failure: "f1",
        socket: "s1",
        at: "2026-11-22T14:03:00.020000005Z",
        afterNs: 10 * MS + 5,
        via: "close",
        precision: "exact",
        by: { pid: 10, comm: "node" },
        exitCode: null,
        exitSignal: null,
        closedAt: "2026-11-22T14:03:00.020000000Z",
      },
    ]);
  });

  it("releases the port by an exit", () => {
    const by = { pid: 11, tid: 11, comm: "worker", exiting: true };
    expect(told([...blocked, release(20 * MS, { by })]).of("release")).toMatchObject([{ via: "exit", by: { pid: 11, comm: "worker" } }]);
  });

  it("does not take the end of the socket for the release of its port", () => {
    expect(told([...blocked, destroy(20 * MS)]).of("release")).toEqual([]);
  });

  it("takes the end of the socket for it where the release cannot be probed", () => {
    expect(told([...blocked, destroy(20 * MS)], ["inet_put_port"]).of("release")).toMatchObject([{ precision: "exact" }]);
  });

  describe("in which a connection is in the way", () => {
    const failure = refused([connection()], { t: 10 * MS });
    const ended = [seed(connection()), failure, holders(12 * MS, failure), release(20 * MS, { sk: 5, by: null })];

    it("does not take its end for the release, for it may go on in TIME_WAIT", () => {
      const { of, rows } = told([...ended, destroy(20 * MS + 5, { sk: 5 })]);
      expect(of("release")).toEqual([]);
      expect(rows.map(({ kind }) => kind)).toEqual(["there", "refused", "gone"]);
    });

    it("releases it at that end when the next look finds nothing of it", () => {
      expect(told([...ended, look(25 * MS, [])]).of("release")).toMatchObject([{ afterNs: 10 * MS, precision: "exact" }]);
    });

    it("releases it at the moment when TIME_WAIT ends", () => {
      const events = [...ended, look(25 * MS, [timeWait()]), release(60_300 * MS, { sk: 6, by: null }), look(61_000 * MS, [])];
      expect(told(events).of("release")).toMatchObject([
        { socket: "s1", via: "time-wait-expired", precision: "exact", by: null, at: "2026-11-22T14:04:00.300000000Z" },
      ]);
    });
  });

  // A listener that never was bound, or a UDP socket, gives its port back when it is disconnected, and may take it again.
  describe("in which a socket lets the port go and takes it again", () => {
    const again = [listen({ t: 5 * MS, socket: facts() }), release(20 * MS), listen({ t: 30 * MS, socket: facts() })];

    it("the port is not taken to be free of it any more", () => {
      const failure = refused([], { t: 40 * MS, walk: walk([facts()], { locked: true }) });
      expect(told([...again, failure, holders(41 * MS, failure)]).of("release")).toEqual([]);
      expect(told([...again, failure, holders(41 * MS, failure), release(50 * MS)]).of("release")).toMatchObject([{ afterNs: 10 * MS }]);
    });

    it("it is remembered where the walk was lost", () => {
      const failure = refused([], { t: 40 * MS, walk: null, search: { port: 8080, refused: true } });
      expect(told([...again, failure]).of("failure")).toMatchObject([{ rule: "listening", evidence: "table" }]);
    });
  });

  it("names what could not be probed", () => {
    expect(told([], ["inet_put_port"]).of("session")).toMatchObject([{ hooks: "kernel", missingProbes: ["inet_put_port"] }]);
  });
});

describe("a UDP socket that is in the way", () => {
  const owner = udp();
  const failure = refused([], { t: 10 * MS, socket: udp({ sk: 2, inode: 200 }), walk: udpWalk([owner]) });
  const blocked = [{ ...seed(), walk: udpWalk([owner]) }, failure, holders(12 * MS, failure)];
  const udpLook = (t: number, owners: (typeof owner)[], overrides = {}) => ({ ...look(t, []), walk: udpWalk(owners, overrides) });
  const releases = (after: TraceEvent[], options: Parameters<typeof tell>[1] = {}) => tell([...blocked, ...after], options).of("release");

  it("releases the port with the close of its last copy", () => {
    expect(releases([close(20 * MS)])).toMatchObject([
      { socket: "s1", afterNs: 10 * MS, via: "close", precision: "exact", by: { pid: 10, comm: "node" } },
    ]);
  });

  it("does not release it with a copy before the last", () => {
    expect(releases([close(20 * MS, { references: 2 })])).toEqual([]);
  });

  it("releases it when the kernel says so, where it does", () => {
    const options = { header: kernelHeader() };
    expect(releases([close(20 * MS)], options)).toEqual([]);
    expect(releases([close(20 * MS), release(20 * MS + 5)], options)).toMatchObject([
      { afterNs: 10 * MS + 5, via: "close", precision: "exact" },
    ]);
    expect(releases([close(20 * MS)], { header: kernelHeader(["udp_lib_unhash"]) })).toMatchObject([
      { afterNs: 10 * MS, precision: "exact" },
    ]);
  });

  it("releases it when it has a peer too, for UDP has no TIME_WAIT", () => {
    const peer = { address: "192.0.2.7", port: 53 };
    const connected = refused([], { t: 10 * MS, socket: udp({ sk: 2, inode: 200 }), walk: udpWalk([udp({ peer })]) });
    const events = [connected, holders(12 * MS, connected), release(20 * MS)];
    expect(tell(events, { header: kernelHeader() }).of("release")).toMatchObject([{ socket: "s1", precision: "exact" }]);
  });

  it("has released it by the look that misses it, at a moment that is estimated", () => {
    expect(releases([udpLook(25 * MS, [])])).toMatchObject([
      { socket: "s1", at: "2026-11-22T14:03:00.025000000Z", precision: "estimated" },
    ]);
  });

  it("that exited with its opener is told so by the look that misses it", () => {
    const opened = bind({ t: 5 * MS, pid: 10, socket: owner });
    const events = [opened, failure, holders(12 * MS, failure), exit(20 * MS), udpLook(25 * MS, [])];
    expect(tell(events).of("release")).toMatchObject([{ via: "exit", precision: "estimated", by: null }]);
  });

  it("that was sent may have gone with another one", () => {
    const opened = bind({ t: 5 * MS, pid: 10, socket: owner });
    const sent = { type: "pass" as const, t: 11 * MS, pid: 10, tid: 10, comm: "node", fd: 18, how: "send" as const };
    const events = [opened, failure, { ...sent, sk: 1, inode: 100, netns: owner.netns, port: 8080 }, exit(20 * MS), udpLook(25 * MS, [])];
    expect(tell([...events, holders(26 * MS, failure)]).of("release")).toMatchObject([{ via: "unknown", by: null }]);
  });

  it("that outlived its opener is not told to have ended with it", () => {
    const opened = bind({ t: 5 * MS, pid: 9, socket: owner });
    const events = [opened, exit(6 * MS, { pid: 9 }), failure, holders(12 * MS, failure), udpLook(25 * MS, [])];
    expect(tell(events).of("release")).toMatchObject([{ via: "unknown", precision: "estimated", by: null }]);
  });

  it.each<[string, TraceEvent]>([
    ["shows it", udpLook(25 * MS, [owner])],
    ["is at TCP's owners of that port", look(25 * MS, [])],
    ["is at another port", udpLook(25 * MS, [], { port: 8081 })],
    ["is in another network namespace", udpLook(25 * MS, [], { netns: 1 })],
    ["was cut", udpLook(25 * MS, [], { missed: 1 })],
  ])("is not released by a look that %s", (_, event) => {
    expect(releases([event])).toEqual([]);
  });

  it("is missed by no look at UDP's owners when it is of TCP", () => {
    const destroyed = destroy(20 * MS, { sk: 5 });
    const first = refused([connection()], { t: 10 * MS });
    const events = [seed(connection()), first, holders(12 * MS, first), destroyed, udpLook(25 * MS, [])];
    expect(tell(events).of("release")).toEqual([]);
  });
});

describe("a call whose address a cgroup program rewrote", () => {
  const socket = facts({ sk: 2, inode: 200, address: "127.0.0.9", port: 8081, state: "BOUND" });
  const requested = { family: "ipv4" as const, address: "0.0.0.0", port: 8080 };
  const owner = facts({ address: "127.0.0.9", port: 8081 });
  const refusal = refused([], {
    socket,
    requested,
    search: { port: 8081, refused: true },
    walk: walk([owner], { port: 8081, locked: true }),
  });

  it("tells the port that it was about and the one that was asked for", () => {
    expect(failureOf(refusal)).toMatchObject({
      address: "127.0.0.9",
      port: 8081,
      requestedPort: 8080,
      rule: "listening",
      confidence: "exact",
    });
  });

  it("stands in the timeline of the port that it was about", () => {
    expect(
      tell([refusal])
        .story.timelines()
        .map(({ port }) => port),
    ).toEqual([8081]);
  });

  it("that listens without bind asked for any port", () => {
    const autobind = listen({ errno: "EADDRINUSE", socket: facts({ sk: 2, inode: 200, port: 0 }), search: { port: 0, refused: true } });
    expect(failureOf(autobind)).toMatchObject({ operation: "listen", port: 0, requestedPort: 0, rule: "ports-exhausted" });
  });
});

it("has no descriptor of a call that was not seen itself", () => {
  expect(failureOf(refused([facts()], { fd: null, operation: "unknown", search: { port: 8080, refused: true } }))).toMatchObject({
    operation: "unknown",
    binder: { fd: null },
  });
});

describe("TIME_WAIT", () => {
  it("that must have begun before the call is an exact blocker", () => {
    const confidence = (expiresAt: number) => failureOf(refused([timeWait({ expiresAt })], { t: 10 * MS })).confidence;
    expect([confidence(60_000 * MS), confidence(60_020 * MS)]).toEqual(["exact", "inferred"]);
  });
});

describe("the end of what was in the way", () => {
  const releases = (owner: ReturnType<typeof facts>, ...after: TraceEvent[]) => {
    const failure = refused([owner], { t: 10 * MS });
    return tell([seed(owner), failure, holders(12 * MS, failure), ...after]).of("release");
  };

  it.each([
    ["was cut short where it comes long before its timer (tcp_max_tw_buckets, a namespace, ss -K)", 20_000, "time-wait-cut-short"],
    ["is that of its timer within what the kernel's ticks leave open", 59_950, "time-wait-expired"],
  ])("of TIME_WAIT %s", (_, ms, via) => {
    const owner = timeWait({ expiresAt: 60_000 * MS });
    expect(releases(owner, look(ms * MS, []))).toMatchObject([{ socket: "s1", via, by: null }]);
  });

  it("of TIME_WAIT is that of its network namespace, which a socket that somebody has would keep alive", () => {
    const gone = { type: "namespace-gone" as const, t: 30 * MS, netns: NETNS };
    expect(releases(timeWait(), gone)).toMatchObject([{ via: "namespace-gone", precision: "estimated", afterNs: 20 * MS, by: null }]);
    expect(releases(timeWait(), { ...gone, netns: 1 })).toEqual([]);
    expect(releases(facts(), gone)).toEqual([]);
  });
});

describe("the timeline", () => {
  it("tells a restart in the order in which it happened", () => {
    expect(tell(restart()).rows.map(({ kind }) => kind)).toEqual([
      "there",
      "refused",
      "option",
      "copy-closed",
      "released",
      "exited",
      "bound",
      "listening",
      "there",
      "refused",
      "state",
      "gone",
      "state",
      "released",
      "exited",
      "released",
    ]);
  });

  it("tells once that a look did not find a socket any more whose end was not seen", () => {
    const rows = tell([seed(facts()), look(5 * MS, []), look(6 * MS, [])]).rows;
    expect(rows.map(({ kind, t }) => [kind, t])).toEqual([
      ["there", 0],
      ["missing", 5 * MS],
    ]);
  });

  it("names the opener's exit", () => {
    const opened = bind({ t: 5 * MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const { rows } = tell([opened, exit(9 * MS, { signal: 9 }), exit(9 * MS, { pid: 99 })]);
    expect(rows).toMatchObject([{ kind: "bound" }, { kind: "exited", detail: "signal 9", process: { pid: 10 } }]);
  });

  it("keeps ports, protocols and network namespaces apart; MPTCP shares the ports of TCP", () => {
    const on = (t: number, overrides: object) => bind({ t, socket: facts({ sk: t, inode: t, state: "BOUND", ...overrides }) });
    const { story } = tell([on(1, {}), on(2, { protocol: "mptcp" }), on(3, { protocol: "udp" }), on(4, { netns: 7 }), on(5, { port: 81 })]);
    expect(story.timelines().map(({ netns, protocol, port, lanes }) => [netns, protocol, port, lanes.length])).toEqual([
      [4026531840, "tcp", 8080, 2],
      [4026531840, "udp", 8080, 1],
      [7, "tcp", 8080, 1],
      [4026531840, "tcp", 81, 1],
    ]);
  });

  it("gives a refused binder no lane, and puts it where the port was asked for", () => {
    const { story } = tell([refused([facts()])]);
    expect(story.timelines()).toMatchObject([{ port: 8080, lanes: [{ id: "s1" }], rows: [{ kind: "there" }, { kind: "refused" }] }]);
  });

  it("does not say of a refused listen that the socket stopped listening", () => {
    const bound = bind({ t: 5 * MS });
    const passing = [state(8 * MS, { from: "CLOSE", to: "LISTEN" }), state(8 * MS + 1, { from: "LISTEN", to: "CLOSE" })];
    const refusal = listen({ t: 9 * MS, enteredAt: 7 * MS, errno: "EADDRINUSE", walk: look(0, [facts()]).walk });
    expect(tell([seed(facts()), bound, ...passing, refusal]).rows.map(({ kind }) => kind)).toEqual(["there", "bound", "refused"]);
  });
});

describe("the summary", () => {
  it("counts failures, explained ones and losses, and lists ports", () => {
    const { of } = tell(restart());
    expect(of("summary")).toMatchObject([
      {
        failures: 2,
        explained: 2,
        lost: 3,
        ports: [{ port: 8080, protocol: "tcp", sockets: [{ socket: "s1" }, { socket: "s3" }, { socket: "s4" }] }],
      },
    ]);
  });

  it("counts a failure without a blocker as not explained", () => {
    expect(tell([refused([])]).of("summary")).toMatchObject([{ failures: 1, explained: 0 }]);
  });

  it("counts an inferred blocker as explained", () => {
    expect(failureOf(refused([facts()])).confidence).toBe("inferred");
    expect(tell([refused([facts()])]).of("summary")).toMatchObject([{ failures: 1, explained: 1 }]);
  });

  it("takes the greater of the losses that were seen and those that the end tells", () => {
    const lost: TraceEvent = { type: "lost", t: 1, cpu: 0, count: 4 };
    expect(tell([lost, lost, end(9, { lost: 5 })]).of("summary")).toMatchObject([{ lost: 8 }]);
    expect(tell([lost, end(9, { lost: 5 })]).of("summary")).toMatchObject([{ lost: 5 }]);
  });

  it("says for how long the port could not be had", () => {
    const again = bind({ t: 40 * MS, socket: facts({ sk: 3, inode: 300, state: "BOUND" }) });
    expect(tell([refused([facts()], { t: 10 * MS }), again]).of("summary")).toMatchObject([{ ports: [{ unavailableNs: 30 * MS }] }]);
  });

  it("lists each group once", () => {
    const member = (sk: number) => facts({ sk, inode: sk, reusePort: true, group: { id: 0, size: 2 } });
    expect(tell([seed(member(1), member(2))]).of("summary")).toMatchObject([
      { ports: [{ groups: [{ id: "g1", members: ["s1", "s2"], size: 2 }] }] },
    ]);
  });
});

it("begins with the session", () => {
  expect(tell([]).records[0]).toEqual({
    type: "session",
    schema: 1,
    kernel: "6.18.44",
    hooks: "tracepoint",
    attach: "tracepoint",
    bpftrace: "0.17.0",
    ports: [[8080, 8080]],
    armedAt: "2026-11-22T14:03:00.000000000Z",
    missingProbes: [],
  });
});

describe("the fold", () => {
  const events = restart();
  const anyEvent = anyOf(eventSchema) as fc.Arbitrary<TraceEvent>;

  it("says the same however a trace arrives, and keeps nothing of one trace for another", () => {
    const whole = tell(events).during;
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(2)), (turns) => {
        const stories = Array.from({ length: 3 }, () => ({ story: tell([]).story, said: [] as unknown[] }));
        while (stories.some(({ said }) => said.length < events.length)) {
          const { story, said } = stories[turns.next().value as number] as (typeof stories)[number];
          const event = events[said.length];
          if (event) said.push(story.apply(event));
        }
        for (const { said } of stories) expect(said).toEqual(whole);
      }),
    );
  });

  it("does not change the events", () => {
    const before = structuredClone(events);
    tell(events);
    expect(events).toEqual(before);
  });

  it("takes a trace in any order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: 1 }), (shuffled) => {
        expect(tell(shuffled).of("summary")).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  it("takes whatever the contract allows", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), (random) => {
        expect(tell(random).of("summary")).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  it("reports each refused call once, in any order", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        expect(
          tell(shuffled)
            .of("failure")
            .map(({ binder }) => binder.pid)
            .sort(),
        ).toEqual([20, 31]);
      }),
    );
  });
});

it("tells an option as it is set, and when setting it failed", () => {
  const { rows } = tell([seed(facts()), option(1), option(2, { errno: "EPERM" })]);
  expect(rows.map(({ detail }) => detail)).toEqual(["", "SO_REUSEADDR", "SO_REUSEADDR: EPERM"]);
});
