import { describe, expect, it } from "vitest";
import type { EventOf, TraceEvent } from "../../src/core/event.ts";
import type { StepRecord } from "../../src/core/process-record.ts";
import { bind, close, connection, exit, facts, failureOf, holders, listen, look, MS, refused, seed, state } from "../helpers/events.ts";

const server = facts();
const MASTER = { pid: 10, comm: "master" };
const WORKER = { pid: 11, comm: "worker" };
const bound = (overrides = {}) => bind({ ...MASTER, t: 2 * MS, socket: facts({ state: "BOUND" }), ...overrides });
const listened = listen({ ...MASTER, t: 3 * MS, socket: server });
const refusal = refused([server], { t: 50 * MS });
const held = (...pids: number[]) =>
  holders(51 * MS, refusal, {
    sockets: [{ inode: 100, holders: pids.map((pid) => ({ pid, fd: 18, comm: "worker", command: "", parent: 1, startedAt: null })) }],
  });
const fork = (t: number, pid: number, child: number): TraceEvent => ({ type: "fork", t, pid, child });
const pass = (t: number, how: EventOf<"pass">["how"], who = MASTER, fd: number | null = 4): TraceEvent => ({
  ...{ type: "pass", t, ...who, tid: who.pid, fd, how },
  ...{ sk: 1, inode: 100, netns: server.netns, port: 8080 },
});
const signal = (t: number, pid: number, number: number): TraceEvent => ({
  ...{ type: "signal", t, pid, signal: number, by: { pid: 30, comm: "bash" } },
});

/** The story of the blocker, as [step, pid, other, detail]. */
function storyOf(...events: TraceEvent[]) {
  const [blocker] = failureOf(...events).blockers;
  return blocker?.lineage.map(({ step, pid, other, detail }: StepRecord) => [step, pid, other?.pid ?? null, detail]);
}

describe("the lineage of a blocker", () => {
  it("begins with who made, bound and listened", () => {
    const created = { t: MS, pid: 9, comm: "systemd" };
    expect(storyOf(bound({ created }), listened, refusal, held(10))).toEqual([
      ["created", 9, null, ""],
      ["bound", 10, null, ""],
      ["listened", 10, null, ""],
    ]);
  });

  it("goes through forks to the one that has it, and tells the end of the one that had it", () => {
    const events = [fork(10 * MS, 10, 11), fork(11 * MS, 11, 12), signal(12 * MS, 10, 9), exit(13 * MS, { ...MASTER, signal: 9 })];
    expect(storyOf(bound(), listened, ...events, refusal, held(12))).toEqual([
      ["bound", 10, null, ""],
      ["listened", 10, null, ""],
      ["forked", 10, 11, ""],
      ["forked", 11, 12, ""],
      ["signalled", 10, 30, "SIGKILL"],
      ["exited", 10, null, "SIGKILL"],
    ]);
  });

  it("leaves out forks that lead to nobody who has it", () => {
    expect(storyOf(bound(), listened, fork(10 * MS, 10, 11), refusal, held(10))).toEqual([
      ["bound", 10, null, ""],
      ["listened", 10, null, ""],
    ]);
  });

  it("leaves out what came before the socket or after the refusal", () => {
    const [before, after] = [signal(MS, 10, 1), signal(60 * MS, 10, 15)];
    const known = bind({ ...MASTER, t: MS / 2, socket: facts({ sk: 7, inode: 700, port: 8081, state: "BOUND" }) });
    expect(storyOf(known, before, bound(), listened, refusal, after, held(10))).toEqual([
      ["bound", 10, null, ""],
      ["listened", 10, null, ""],
    ]);
  });

  it("tells of every descriptor that came and went", () => {
    const events = [
      pass(10 * MS, "dup"),
      pass(11 * MS, "send"),
      pass(12 * MS, "receive", WORKER, null),
      close(13 * MS, { ...MASTER, references: 3 }),
      { type: "exec" as const, t: 14 * MS, pid: 11, comm: "cat" },
    ];
    expect(storyOf(bound(), listened, ...events, refusal, held(11))).toEqual([
      ["bound", 10, null, ""],
      ["listened", 10, null, ""],
      ["duplicated", 10, null, "dup"],
      ["sent", 10, null, "send"],
      ["received", 11, null, "receive"],
      ["copy-closed", 10, null, "2"],
      ["execed", 11, null, "cat"],
    ]);
  });

  it("of a socket from before the trace has what became of those that hold it", () => {
    const before = holders(MS, refusal, { failureAt: null, tid: null });
    expect(storyOf(seed(server), before, signal(40 * MS, 10, 15), refusal, held(10))).toEqual([["signalled", 10, 30, "SIGTERM"]]);
  });

  it("leaves out the middle of a long story", () => {
    const copies = Array.from({ length: 100 }, (_, index) => close((10 + index / 10) * MS, { ...MASTER, references: 200 - index }));
    const story = storyOf(bound(), listened, ...copies, refusal, held(10)) ?? [];
    expect(story).toHaveLength(32);
    expect([story[0]?.[0], story.at(-1)?.[3]]).toEqual(["bound", "100"]);
  });
});

describe("how a holder came to it", () => {
  const via = (...events: TraceEvent[]) =>
    failureOf(...events).blockers[0]?.holders.map(({ pid, via, from }) => [pid, via, from?.pid ?? null]);
  const young = (pid: number, startedAt: number | null, parent = 1) =>
    holders(51 * MS, refusal, {
      sockets: [{ inode: 100, holders: [{ pid, fd: 5, comm: "worker", command: "", parent, startedAt }] }],
    });

  it.each<[string, TraceEvent[], TraceEvent, unknown[]]>([
    ["it bound it", [], young(10, 0), [10, "created", null]],
    ["a fork of who bound it", [fork(10 * MS, 10, 11)], young(11, 30 * MS), [11, "inherited", null]],
    ["by /proc a child of who bound it", [], young(11, 30 * MS, 10), [11, "inherited", null]],
    ["it is older than the bind", [], young(11, -20 * MS), [11, "received", null]],
    ["it is older, and somebody sent it", [pass(9 * MS, "send")], young(11, -20 * MS), [11, "received", 10]],
    ["it was seen to receive it", [pass(9 * MS, "send"), pass(10 * MS, "receive", WORKER, null)], young(11, 30 * MS), [11, "received", 10]],
    ["it is younger, and of nobody known", [], young(11, 30 * MS), [11, "unknown", null]],
    ["it did not exist by any clock", [], young(11, null), [11, "unknown", null]],
  ])("%s", (_, events, search, expected) => {
    expect(via(bound(), listened, ...events, refusal, search)).toEqual([expected]);
  });

  const creation = (t: number, pid: number) => ({ created: { t, pid, comm: "maker" } });
  const forkedWith = (t: number, child: number) => [fork(t, 10, child)];
  const exec = (t: number, pid: number): TraceEvent => ({ type: "exec", t, pid, comm: "cat" });
  const holding = (pid: number, fd: number, startedAt: number) =>
    holders(51 * MS, refusal, { sockets: [{ inode: 100, holders: [{ pid, fd, comm: "worker", command: "", parent: 1, startedAt }] }] });
  const sent = pass(20 * MS, "send", MASTER, 18);
  const closed = (t: number, pid: number) => close(t, { pid, tid: pid, comm: "worker", fd: 18, references: 3 });

  it.each<[string, TraceEvent[], TraceEvent, unknown[]]>([
    ["bound by it, but made by another", [bound(creation(MS, 9))], holding(10, 18, 0), [10, "unknown", null]],
    ["made by it, but bound by another", [bound(creation(MS, 9))], holding(9, 18, 0), [9, "created", null]],
    ["older than the bind, younger than the socket", [bound(creation(-90 * MS, 9))], holding(11, 18, -50 * MS), [11, "unknown", null]],
    ["older than the socket", [bound(creation(-20 * MS, 10))], holding(11, 18, -50 * MS), [11, "received", null]],
    [
      "forked right before the socket was made",
      [fork(-21 * MS, 9, 11), bound(creation(-20 * MS, 10))],
      holding(11, 18, -20 * MS),
      [11, "received", null],
    ],
    [
      "forked with that descriptor, though it was sent, too",
      [bound(), ...forkedWith(10 * MS, 11), sent],
      holding(11, 18, 10 * MS),
      [11, "inherited", null],
    ],
    ["forked, but with another descriptor", [bound(), ...forkedWith(10 * MS, 11), sent], holding(11, 5, 10 * MS), [11, "unknown", null]],
    [
      "forked when its parent had closed it",
      [bound(), closed(9 * MS, 10), ...forkedWith(10 * MS, 11), sent],
      holding(11, 18, 10 * MS),
      [11, "unknown", null],
    ],
    [
      "forked, and closed since",
      [bound(), ...forkedWith(10 * MS, 11), closed(15 * MS, 11), sent],
      holding(11, 18, 10 * MS),
      [11, "unknown", null],
    ],
    [
      "forked, and another program since",
      [bound(), ...forkedWith(10 * MS, 11), exec(15 * MS, 11)],
      holding(11, 18, 10 * MS),
      [11, "inherited", null],
    ],
    [
      "forked, another program since, and it was sent",
      [bound(), ...forkedWith(10 * MS, 11), exec(15 * MS, 11), sent],
      holding(11, 18, 10 * MS),
      [11, "unknown", null],
    ],
    [
      "forked by a child",
      [bound(), ...forkedWith(10 * MS, 11), fork(12 * MS, 11, 12), sent],
      holding(12, 18, 12 * MS),
      [12, "inherited", null],
    ],
    [
      "another than the taken one",
      [bound(), sent, pass(21 * MS, "pidfd_getfd", WORKER, 7)],
      holding(11, 5, 10 * MS),
      [11, "unknown", null],
    ],
    ["taken", [bound(), sent, pass(21 * MS, "pidfd_getfd", WORKER, 5)], holding(11, 5, -50 * MS), [11, "received", null]],
    [
      "sent by one of two",
      [bound(), sent, pass(21 * MS, "send", { pid: 12, comm: "other" }, 5)],
      holding(11, 5, -50 * MS),
      [11, "received", null],
    ],
    ["sent, maybe before its bind", [bound(creation(-20 * MS, 10)), sent], holding(11, 5, -50 * MS), [11, "received", null]],
    ["sent, and bound at once", [bound(creation(MS, 10)), sent], holding(11, 5, -50 * MS), [11, "received", 10]],
    ["sent, but bound by another than made it", [bound(creation(MS, 9)), sent], holding(11, 5, -50 * MS), [11, "received", null]],
  ])("%s", (_, events, search, expected) => {
    expect(via(...events, refusal, search)).toEqual([expected]);
  });

  it("was sent before it was received, by another one", () => {
    const events = [pass(9 * MS, "send", WORKER), pass(10 * MS, "receive", WORKER, null), pass(12 * MS, "send")];
    expect(via(bound(), listened, ...events, refusal, young(11, 0))).toEqual([[11, "received", null]]);
  });

  it("that was gone when it was looked for has what the seed's search had found of it", () => {
    const nobody = holders(60 * MS, refusal, { sockets: [{ inode: 100, holders: [] }] });
    const ended = { type: "destroy" as const, t: 55 * MS, ...MASTER, tid: 10, sk: 1, netns: server.netns, port: 8080, exiting: true };
    const [blocker] = failureOf(seed(server), holders(MS, refusal, { failureAt: null, tid: null }), refusal, ended, nobody).blockers;
    expect(blocker?.holders).toMatchObject([{ pid: 10, fd: 18, command: "node server.js" }]);
  });
});

describe("who stands behind it", () => {
  const natureOf = (overrides: Parameters<typeof facts>[0], found = false) => {
    const failure = refused([facts(overrides)], { t: 50 * MS });
    const searched = holders(51 * MS, failure, found ? {} : { sockets: [{ inode: 100, holders: [] }] });
    return failureOf(seed(facts(overrides)), failure, searched).blockers[0]?.nature;
  };
  const peer = { address: "192.0.2.7", port: 40000 };

  it.each<[string, Parameters<typeof facts>[0], boolean, string]>([
    ["a process", { references: 1 }, true, "process"],
    ["nobody, but the file of a connection is referred to", { references: 1, peer, state: "CLOSE_WAIT" }, false, "in-flight"],
    ["nobody, of a connection that may have been closed since", { references: 1, peer, state: "FIN_WAIT2" }, false, "unknown"],
    ["nobody, but its file is referred to", { references: 1 }, false, "in-flight"],
    ["the kernel: it has no file", { references: null }, false, "kernel"],
    ["nobody any more, for all that is told of UDP", { references: 1, protocol: "udp", state: "BOUND" }, false, "unknown"],
    ["a trace that did not tell of its file", {}, false, "unknown"],
    ["a subflow, whose file is another's", { references: null, subflow: 9 }, false, "unknown"],
    ["a connection without inode", { inode: null, peer, state: "FIN_WAIT1" }, false, "orphan"],
    ["a listener without inode, which is being closed", { inode: null, references: null }, false, "unknown"],
    ["TIME_WAIT", { inode: null, peer, state: "TIME_WAIT" }, false, "time-wait"],
  ])("%s", (_, overrides, found, nature) => {
    expect(natureOf(overrides, found)).toBe(nature);
  });

  it("is not said of a connection that was being closed when its holders were looked for", () => {
    const owner = connection({ references: 1 });
    const failure = refused([owner], { t: 50 * MS });
    const closing = state(51 * MS, { sk: 5, inode: 500, from: "ESTABLISHED", to: "FIN_WAIT1" });
    const nobody = holders(52 * MS, failure, { sockets: [{ inode: 500, holders: [] }] });
    expect(failureOf(seed(owner), failure, closing, nobody).blockers).toMatchObject([{ holders: [], nature: "unknown" }]);
  });

  it("is nobody for a connection that ended with the listener which had not accepted it", () => {
    const waiting = connection({ inode: null, references: null });
    const failure = refused([waiting], { t: 50 * MS });
    const ended = { type: "destroy" as const, t: 51 * MS, ...MASTER, tid: 10, sk: 5, netns: server.netns, port: 8080, exiting: true };
    const searched = holders(52 * MS, failure, { sockets: [] });
    expect(failureOf(seed(waiting), failure, ended, searched).blockers).toMatchObject([{ holders: [], nature: "orphan" }]);
    const accepted = look(51 * MS, [connection()]);
    expect(failureOf(seed(waiting), failure, accepted, searched).blockers).toMatchObject([{ inode: null, holders: [], nature: "orphan" }]);
  });

  it.each([
    [1, true],
    [2, false],
  ])("is the last of %d holders where it was gone by then", (references, complete) => {
    const owner = facts({ references });
    const failure = refused([owner], { t: 50 * MS });
    const ended = { type: "destroy" as const, t: 51 * MS, ...MASTER, tid: 10, sk: 1, netns: server.netns, port: 8080, exiting: true };
    const nobody = holders(52 * MS, failure, { sockets: [{ inode: 100, holders: [] }] });
    const [blocker] = failureOf(seed(owner), failure, ended, nobody).blockers;
    expect(blocker).toMatchObject({ holders: [{ pid: 10 }], holdersComplete: complete });
  });

  it("is not the one with whose end a socket went that it may not have received yet", () => {
    const owner = facts({ references: 1 });
    const failure = refused([owner], { t: 50 * MS });
    const ended = { type: "destroy" as const, t: 51 * MS, ...WORKER, tid: 11, sk: 1, netns: server.netns, port: 8080, exiting: true };
    const nobody = holders(52 * MS, failure, { sockets: [{ inode: 100, holders: [] }] });
    const [blocker] = failureOf(seed(owner), pass(49 * MS, "send"), failure, ended, nobody).blockers;
    expect(blocker).toMatchObject({ holders: [], holdersComplete: false, nature: "unknown" });
  });

  it("is not said of a socket that was gone when its holders were looked for", () => {
    const owner = facts({ references: 1 });
    const failure = refused([owner], { t: 50 * MS });
    const execed = { type: "destroy" as const, t: 51 * MS, ...WORKER, tid: 11, sk: 1, netns: server.netns, port: 8080, exiting: false };
    const nobody = holders(52 * MS, failure, { sockets: [{ inode: 100, holders: [] }] });
    expect(failureOf(seed(owner), failure, execed, nobody).blockers).toMatchObject([{ holders: [], nature: "unknown" }]);
  });
});
