import { describe, expect, it } from "vitest";
import type { CallEvent, Header, SocketFacts, State, TraceEvent, WalkFacts } from "../../src/core/event.ts";
import {
  bind,
  connection,
  destroy,
  facts,
  failureOf,
  header,
  listen,
  look,
  MS,
  refused,
  seed,
  tell,
  timeWait,
  udp,
  udpWalk,
  walk,
} from "../helpers/events.ts";

const T = 10 * MS;
const ENTERED = T - 1000;

interface Situation {
  /** What this call has besides its owners. */
  call?: Partial<CallEvent>;
  walk?: Partial<WalkFacts>;
  /** When the owners had been seen before, null for never. */
  seenAt?: number | null;
}

/** What is said of a refused bind of 0.0.0.0:8080, when these sockets were in its walk. */
function verdict(owners: SocketFacts[], { call, walk, seenAt = 0 }: Situation = {}) {
  const refusal = refused(owners, { t: T, enteredAt: ENTERED, ...(call as object) });
  refusal.walk &&= { ...refusal.walk, ...walk };
  return failureOf(...(seenAt === null ? [] : [{ ...seed(...owners), t: seenAt }]), refusal);
}

describe("exact", () => {
  it("is a whole walk whose blamed owners were there before the call", () => {
    const found = verdict([facts()]);
    expect(found).toMatchObject({ rule: "listening", confidence: "exact", evidence: "bucket", ownersCounted: 1, walkComplete: true });
    expect(found.doubts).toEqual([]);
    expect(found.blockers).toMatchObject([{ socket: "s1", rule: "listening", decisive: true }]);
    expect(found.advice.find(({ code }) => code === "close-owner")?.wouldBind).toBe(true);
  });

  it("may rest on the bind of the owner, if that had returned", () => {
    const opened = (t: number) => bind({ t, pid: 10, socket: facts({ state: "BOUND" }) });
    expect(failureOf(opened(5 * MS), refused([facts()], { t: T }))).toMatchObject({ confidence: "exact" });
    expect(failureOf(opened(T - 500), refused([facts()], { t: T }))).toMatchObject({
      confidence: "inferred",
      blockers: [{ socket: "s1" }],
    });
  });

  it("does not ask how long an innocent owner has been there", () => {
    const innocent = facts({ sk: 9, inode: 900, address: "127.0.0.2" });
    const asked = { requested: { family: "ipv4" as const, address: "127.0.0.1", port: 8080 } };
    expect(failureOf(seed(facts()), refused([innocent, facts()], asked))).toMatchObject({
      confidence: "exact",
      blockers: [{ socket: "s1" }],
    });
  });

  it("leaves the decisive one open where several conflict", () => {
    const found = verdict([facts(), connection()]);
    expect(found).toMatchObject({ confidence: "exact", blockers: [{ decisive: false }, { decisive: false }] });
  });
});

describe("inferred", () => {
  it.each<[string, Situation]>([
    ["an owner of unknown age", { seenAt: null }],
    ["an owner that is known only since the call had begun", { seenAt: ENTERED + 1 }],
    ["lines of the walk that were lost", { walk: { lost: true } }],
    ["a list longer than the walk", { walk: { missed: 1 } }],
    ["owners that could not be printed", { walk: { possible: 2 } }],
    ["a second bucket of the port (VRF)", { walk: { buckets: 2 } }],
    ["a descriptor swapped by another thread", { call: { swapped: true } }],
  ])("because of %s", (_, situation) => {
    const found = verdict([facts()], situation);
    expect(found).toMatchObject({ confidence: "inferred", rule: "listening", evidence: "bucket", blockers: [{ decisive: false }] });
    expect(found.doubts).toHaveLength(1);
  });

  it("names each doubt", () => {
    expect(verdict([facts()], { seenAt: null, walk: { missed: 1 }, call: { swapped: true } }).doubts).toHaveLength(3);
  });

  it("from the table where the walk was lost", () => {
    expect(failureOf(seed(facts()), refused([], { walk: null }))).toMatchObject({
      rule: "listening",
      confidence: "inferred",
      evidence: "table",
      walkComplete: false,
      blockers: [{ socket: "s1", state: "LISTEN", decisive: false }],
    });
  });

  it("from the table where the blocker went during the call", () => {
    const refusal = refused([], { t: T, enteredAt: ENTERED });
    expect(failureOf(seed(facts()), destroy(T - 500), refusal)).toMatchObject({
      rule: "listening",
      confidence: "inferred",
      evidence: "table",
      blockers: [{ socket: "s1" }],
    });
  });
});

describe("unknown", () => {
  const nobody = { rule: "no-owner-found", confidence: "unknown", blockers: [], advice: [] };

  it("when no owner conflicts, with the four reasons for which that happens", () => {
    const found = verdict([facts({ device: 3 })], { call: { socket: facts({ sk: 2, inode: 200, device: 2 }) } });
    expect(found).toMatchObject({ ...nobody, ownersCounted: 1, walkComplete: true });
    expect(found.doubts).toHaveLength(4);
  });

  it.each([{ missed: 1 }, { lost: true }])("and owners that were not seen are a reason more: %j", (walk) => {
    const found = verdict([], { walk });
    expect(found).toMatchObject({ ...nobody, walkComplete: false });
    expect(found.doubts).toHaveLength(5);
  });

  it("but a port without any bucket has been looked at in full", () => {
    const found = verdict([], { walk: { buckets: 0 } });
    expect(found).toMatchObject({ ...nobody, walkComplete: true });
    expect(found.doubts).toHaveLength(4);
  });

  it("when the walk was lost and nothing else is known", () => {
    expect(failureOf(refused([], { walk: null }))).toMatchObject({ ...nobody, evidence: "none", walkComplete: false });
  });

  it.each<[string, TraceEvent[]]>([
    ["let go before the call", [seed(facts()), destroy(5 * MS)]],
    ["is still there but was not in the whole walk", [seed(facts())]],
    ["came only during the call", [look(T - 500, [facts()])]],
  ])("rather than a socket that %s", (_, before) => {
    expect(failureOf(...before, refused([], { t: T, enteredAt: ENTERED }))).toMatchObject(nobody);
  });

  it.each<[string, TraceEvent[]]>([
    ["that came only during the call", [look(T - 500, [facts()])]],
    ["that a whole look has missed since, though its end was not seen", [seed(facts()), look(5 * MS, [])]],
    [
      "whose connection ended two minutes ago, longer than any TIME_WAIT",
      [{ ...seed(connection()), t: T - 200_000 * MS }, destroy(T - 120_000 * MS, { sk: 5 })],
    ],
  ])("rather than to remember a socket %s", (_, before) => {
    expect(failureOf(...before, refused([], { t: T, enteredAt: ENTERED, walk: null }))).toMatchObject(nobody);
  });

  it("rather than a socket whose bind began after the refusal", () => {
    const refusal = refused([facts()], { t: T });
    const late = bind({ t: T + 500, enteredAt: T + 100, pid: 10, socket: facts({ state: "BOUND" }) });
    expect(failureOf(refusal, late)).toMatchObject(nobody);
  });

  const bound = facts({ state: "BOUND" });

  it("rather than a bound socket that nothing but this look shows: its bind may be under way", () => {
    const found = verdict([bound], { seenAt: null });
    expect(found).toMatchObject(nobody);
    expect(found.doubts[0]).toContain("s1 has the port, but its bind was not seen");
  });

  it.each<[string, TraceEvent, Partial<Header>]>([
    ["it was there at the seed", refused([bound], { t: T, enteredAt: ENTERED }), {}],
    ["there was no seed", refused([bound], { t: T }), { filters: { ports: [] } }],
    ["it listens, so its bind is over", refused([facts()], { t: T }), {}],
    ["UDP gets ports in other ways too", refused([udp()], { t: T, socket: udp({ sk: 2, inode: 200 }), walk: udpWalk([udp()]) }), {}],
    ["the look was under the lock", { ...refused([bound], { t: T }), walk: walk([bound], { locked: true }) }, {}],
  ])("but not if %s", (why, refusal, overrides) => {
    const before = why.includes("at the seed") ? [seed(bound)] : [];
    const found = tell([...before, refusal], { header: header(overrides) }).of("failure")[0];
    expect(found?.blockers).toMatchObject([{ socket: "s1" }]);
  });

  it("and a look shows a socket when it has come to its end, which is later than the refusal", () => {
    const shown = { ...refused([bound], { t: 5 * MS }), walk: walk([bound], { at: T }) };
    const confidence = (enteredAt: number) =>
      tell([shown, refused([bound], { t: T + 1000, enteredAt, tid: 99 })]).of("failure")[1]?.confidence;
    expect([T - 1, T].map(confidence)).toEqual(["inferred", "exact"]);
  });

  it("rather than the binder itself, when its listen is refused", () => {
    const refusal = listen({ t: T, enteredAt: ENTERED, errno: "EADDRINUSE" });
    expect(failureOf(bind({ t: 5 * MS }), { ...refusal, walk: null })).toMatchObject(nobody);
  });
});

it.each([
  ["EACCES", 8080, "not-a-conflict", "exact"],
  ["EADDRNOTAVAIL", 0, "not-a-conflict", "exact"],
  ["EADDRINUSE", 0, "ports-exhausted", "inferred"],
])("%s on port %d is %s", (errno, port, rule, confidence) => {
  const socket = facts({ sk: 2, inode: 200, port });
  for (const call of [bind({ errno, socket }), listen({ errno, socket })]) {
    expect(failureOf(seed(facts()), call)).toMatchObject({ rule, confidence, errno, evidence: "none", blockers: [], advice: [] });
  }
});

it("names blockers in the order LISTEN, bound, connected, TIME_WAIT, else as the bucket has them", () => {
  const inState = (sk: number, state: State) => facts({ sk, inode: sk * 100, state });
  const found = verdict([
    timeWait({ sk: 11 }),
    connection({ sk: 12, inode: 1200, peer: { address: "192.0.2.8", port: 1 } }),
    inState(13, "BOUND"),
    connection({ sk: 14, inode: 1400, state: "CLOSE_WAIT", peer: { address: "192.0.2.8", port: 2 } }),
    inState(15, "LISTEN"),
  ]);
  expect(found.blockers.map(({ state }) => state)).toEqual(["LISTEN", "BOUND", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT"]);
  expect(found.rule).toBe("listening");
});

describe("on a kernel with a fault by which it overlooks owners", () => {
  const wildcard = facts({ sk: 3, inode: 300, family: "ipv6", address: "::ffff:0.0.0.0" });
  const named = facts({ sk: 4, inode: 400, family: "ipv6", address: "::ffff:127.0.0.1" });
  const asked = { requested: { family: "ipv6" as const, address: "::ffff:127.0.0.1", port: 8080 } };
  const blockedOn = (version: string, ...owners: SocketFacts[]) => {
    const refusal = refused(owners, { ...asked, t: T, socket: facts({ sk: 2, inode: 200, family: "ipv6" }) });
    const kernel = { ...header().kernel, version };
    const [failure] = tell([seed(...owners), refusal], { header: header({ kernel }) }).of("failure");
    return failure?.blockers.map(({ address }) => address);
  };

  it("blames those that it sees, and the others only where there is nobody else", () => {
    expect(blockedOn("6.1.180", wildcard, named)).toEqual([named.address]);
    expect(blockedOn("6.1.180", wildcard)).toEqual([wildcard.address]);
    expect(blockedOn("6.1.100", wildcard, named)).toEqual([wildcard.address, named.address]);
  });
});

it("takes the address that was asked for, since the kernel has zeroed that of a refused socket", () => {
  const call = { requested: { family: "ipv4" as const, address: "127.0.0.1", port: 8080 }, socket: facts({ sk: 2, inode: 200 }) };
  expect(verdict([facts({ address: "127.0.0.2" })], { call }).blockers).toEqual([]);
});

it("keeps a plain IPv6 address apart from IPv4", () => {
  const socket = facts({ sk: 2, inode: 200, family: "ipv6", address: "::" });
  const call = { requested: { family: "ipv6" as const, address: "::1", port: 8080 }, socket };
  expect(verdict([facts()], { call }).blockers).toEqual([]);
});

it("takes a connection without a process as an orphan, whose user depends on the kernel", () => {
  const orphan = connection({ inode: null, state: "FIN_WAIT1", reusePort: true });
  const refusal = refused([orphan], { socket: facts({ sk: 2, inode: 200, reusePort: true }) });
  const ruleOn = (orphanUidIsZero: boolean) =>
    tell([seed(orphan), refusal], { header: header({ kernel: { ...header().kernel, orphanUidIsZero } }) }).of("failure")[0]?.rule;
  expect([true, false].map(ruleOn)).toEqual(["reuseport-other-user", "no-owner-found"]);
});

/** What the kernel hook set knows of a refused search for port 8080. */
const REFUSED = { search: { port: 8080, refused: true } };

describe("the kernel's search for the port", () => {
  const explained = (call: Partial<CallEvent>, owners = [facts()]) => verdict(owners, { call });

  it.each<[string, Partial<CallEvent>]>([
    ["there was none", { search: null }],
    ["it found the port", { search: { port: 8080, refused: false } }],
    ["it found some port", { search: { port: 0, refused: false } }],
  ])("says that EADDRINUSE came from somebody else when %s", (_, call) => {
    expect(explained(call)).toMatchObject({
      rule: "not-a-conflict",
      confidence: "exact",
      evidence: "none",
      blockers: [],
      doubts: [],
      advice: [],
    });
  });

  it.each<[string, Partial<CallEvent>]>([
    ["was refused", REFUSED],
    ["has no known end", { search: { port: 8080, refused: null } }],
    ["was not seen", {}],
  ])("that %s leaves the owners to be asked", (_, call) => {
    expect(explained(call)).toMatchObject({ rule: "listening", blockers: [{ socket: "s1" }] });
  });

  it.each([
    [{ search: { port: 0, refused: true } }, "exact", 0],
    [{ search: { port: 0, refused: null } }, "inferred", 1],
    [{}, "inferred", 1],
  ] as const)("for any port is exhausted: %j, %s", (call, confidence, doubts) => {
    const found = failureOf(bind({ errno: "EADDRINUSE", socket: facts({ sk: 2, inode: 200, port: 0 }), ...call }));
    expect(found).toMatchObject({ rule: "ports-exhausted", confidence, port: 0 });
    expect(found.doubts).toHaveLength(doubts);
  });

  it("for any port is exhausted under the name that connect gives it", () => {
    const call = { errno: "EAGAIN", operation: "connect" as const, search: { port: 0, refused: true } };
    const found = failureOf(bind({ socket: facts({ sk: 2, inode: 200, port: 0 }), ...call }));
    expect(found).toMatchObject({ rule: "ports-exhausted", confidence: "exact", operation: "connect", errno: "EAGAIN" });
  });

  it("is asked about the address that it was made with, not the one that the process gave", () => {
    const socket = facts({ sk: 2, inode: 200, address: "127.0.0.1", state: "BOUND" });
    const requested = { family: "ipv4" as const, address: "127.0.0.2", port: 8080 };
    expect(explained({ ...REFUSED, socket, requested }, [facts({ address: "127.0.0.1" })])).toMatchObject({ rule: "listening" });
    expect(explained({ ...REFUSED, socket, requested }, [facts({ address: "127.0.0.2" })])).toMatchObject({ rule: "no-owner-found" });
  });

  it("knows its socket, whatever is behind the descriptor by now", () => {
    expect(explained({ ...REFUSED, swapped: true })).toMatchObject({ confidence: "exact", doubts: [] });
  });
});

describe("a walk under the lock", () => {
  const LOCKED = { walk: { locked: true }, seenAt: null };

  it("is exact about owners of unknown age", () => {
    expect(verdict([facts()], LOCKED)).toMatchObject({ confidence: "exact", doubts: [], blockers: [{ decisive: true }] });
  });

  it("blames even an owner whose bind is told later", () => {
    const refusal = refused([], { t: T, walk: walk([facts()], { locked: true }) });
    const late = bind({ t: T + 500, enteredAt: T + 100, pid: 10, socket: facts({ state: "BOUND" }) });
    expect(failureOf(refusal, late)).toMatchObject({ rule: "listening", blockers: [{ socket: "s1" }] });
  });

  it("needs no socket that let go during the call", () => {
    const refusal = refused([], { t: T, enteredAt: ENTERED, walk: walk([], { locked: true }) });
    expect(failureOf(seed(facts()), destroy(T - 500), refusal)).toMatchObject({ rule: "no-owner-found", blockers: [] });
  });

  it("is inferred all the same when lines of it were lost", () => {
    expect(verdict([facts()], { walk: { locked: true, lost: true } })).toMatchObject({ confidence: "inferred", walkComplete: false });
  });
});

describe("the owner at which the kernel stopped", () => {
  const listener = facts();
  const child = connection();
  const innocent = facts({ sk: 9, inode: 900, address: "127.0.0.2" });
  const onLoopback = { requested: { family: "ipv4" as const, address: "127.0.0.1", port: 8080 } };

  it("is named first and alone is decisive, whatever state it is in", () => {
    const found = verdict([listener, child], { walk: { locked: true, decisive: child.sk } });
    expect(found.blockers).toMatchObject([
      { state: "ESTABLISHED", decisive: true },
      { state: "LISTEN", decisive: false },
    ]);
    expect(found).toMatchObject({ rule: "bound", confidence: "exact", doubts: [] });
  });

  it("is decisive though the walk did not come to the others", () => {
    const found = verdict([listener], { walk: { locked: true, decisive: listener.sk, missed: 1 } });
    expect(found).toMatchObject({ confidence: "inferred", blockers: [{ decisive: true }] });
  });

  it("is blamed even where the rule does not say why, but this is inferred and said", () => {
    const found = verdict([innocent], { call: onLoopback, walk: { locked: true, decisive: innocent.sk } });
    expect(found).toMatchObject({
      rule: "listening",
      confidence: "inferred",
      evidence: "bucket",
      blockers: [{ socket: "s1", decisive: true }],
    });
    expect(found.doubts).toEqual(["the kernel stopped at s1, which by the rules known to this version could share the port"]);
  });

  it("makes nobody else guilty", () => {
    const found = verdict([innocent, listener], { call: onLoopback, walk: { locked: true, decisive: listener.sk } });
    expect(found).toMatchObject({ confidence: "exact", doubts: [], blockers: [{ socket: "s2", decisive: true }] });
  });

  it("that was not told leaves the decisive one open where several conflict", () => {
    const found = verdict([listener, child], { walk: { locked: true } });
    expect(found.blockers.map(({ decisive }) => decisive)).toEqual([false, false]);
  });
});

describe("why nobody is blamed", () => {
  const GONE = "the blocker may have gone between the refusal and the look at the bucket";
  const MEMORY = "the kernel may have had no memory for the bucket";
  const PROGRAM = "a cgroup or LSM program may have returned the error";
  const LOST = "events may have been lost";
  const UNKNOWN_END = { search: { port: 8080, refused: null } };
  it.each<[string, Situation, string[]]>([
    ["without the lock and without the search", {}, [GONE, MEMORY, PROGRAM, LOST]],
    ["without the lock", { call: REFUSED }, [GONE, MEMORY, LOST]],
    ["under the lock, with a search of unknown end", { call: UNKNOWN_END, walk: { locked: true } }, [MEMORY, PROGRAM, LOST]],
    ["under the lock", { call: REFUSED, walk: { locked: true } }, [MEMORY, LOST]],
  ])("%s", (_, situation, reasons) => {
    expect(verdict([], situation).doubts).toEqual(reasons);
  });
});

describe("UDP", () => {
  const binder = { socket: udp({ sk: 2, inode: 200 }) };
  const refusedUdp = (owner: SocketFacts, call = {}) => refused([], { t: T, walk: udpWalk([owner]), ...binder, ...call });

  it("is explained by its own owners", () => {
    const failure = failureOf({ ...seed(), walk: udpWalk([udp()]) }, refusedUdp(udp()));
    expect(failure).toMatchObject({ protocol: "udp", rule: "bound", confidence: "exact", blockers: [{ protocol: "udp", state: "BOUND" }] });
  });

  it("remembers no owner of TCP at the same port, nor TCP one of UDP", () => {
    expect(failureOf(seed(facts()), refusedUdp(udp(), { walk: null }))).toMatchObject({ rule: "no-owner-found" });
    expect(failureOf({ ...seed(), walk: udpWalk([udp()]) }, refused([], { walk: null }))).toMatchObject({ rule: "no-owner-found" });
  });
});
