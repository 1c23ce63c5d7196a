import { describe, expect, it } from "vitest";
import type { BlockerRecord, HoldersRecord } from "../../src/core/record.ts";
import type { Comparison } from "./chaos.ts";
import {
  blocker,
  type Case,
  comparison,
  failure,
  holder,
  listener,
  log,
  OPTIONS,
  process,
  refused,
  saying,
  step,
  withTruth,
  wrongOf,
} from "./chaos-fixture.ts";
import type { LogLine, TrueSocket } from "./chaos-log.ts";

const s1 = "s1 (0.0.0.0:8080 LISTEN 100)";

describe("the comparison with the log", () => {
  it("counts what agrees with it", () => {
    expect(comparison()).toEqual({
      failures: 1,
      right: 1,
      wrong: [],
      unknown: [],
      inferred: 0,
      kinds: { process: 1, inherited: 0, received: 0, "in flight": 0, TIME_WAIT: 0, orphan: 0, "not accepted": 0 },
      open: 0,
      vias: { created: 1, inherited: 1, received: 0, unknown: 0 },
      later: 0,
    });
  });

  it("counts what is left open as right", () => {
    const holders = [holder(10, "unknown"), holder(11, "unknown")];
    const { right, open, vias } = comparison(saying({ holders, nature: "unknown", creator: null, opener: null, references: null }));
    expect({ right, open, vias }).toEqual({ right: 1, open: 1, vias: { created: 0, inherited: 0, received: 0, unknown: 2 } });
  });

  it("counts a failure that nobody is blamed for, and why, as unknown", () => {
    const doubts = ["events may have been lost"];
    const { right, wrong, unknown } = comparison({ records: [failure([], { confidence: "unknown", rule: "no-owner-found", doubts })] });
    expect({ right, wrong, reasons: unknown.map(({ why }) => why) }).toEqual({ right: 0, wrong: [], reasons: [doubts] });
  });

  it("counts what was not reported as unknown, where events were lost", () => {
    const { right, wrong, unknown } = comparison({ records: [], lost: 1 });
    expect({ right, wrong, unknown: unknown.length }).toEqual({ right: 0, wrong: [], unknown: 1 });
  });

  it.each<[string, Case, string[]]>([
    ["a refusal that was not reported", { records: [] }, ["it was not reported"]],
    ["a report of no refusal", { lines: log }, ["there was no such refusal"]],
    ["a second report", { records: [failure(), failure()] }, ["there was no such refusal"]],
    ["another time", { records: [failure([blocker()], { at: "1200" })] }, ["it was not reported", "there was no such refusal"]],
    ["another port", { records: [failure([blocker()], { port: 8081 })] }, ["the failure: port is 8080, not 8081"]],
    [
      "another descriptor of the binder",
      { records: [failure([blocker()], { binder: { ...failure().binder, fd: 6 } })] },
      ["the binder: fd is 5, not 6"],
    ],
    [
      "another state",
      saying({ state: "BOUND", rule: "bound" }),
      ["s1 is not in the way by the rule bound", "none is in the way by listening", `${s1}: its state was LISTEN, not BOUND`],
    ],
    ["another address", saying({ address: "127.0.0.1" }), [`${s1}: address is "0.0.0.0", not "127.0.0.1"`]],
    ["a peer", saying({ peer: { address: "127.0.0.1", port: 9 } }), [`${s1}: its peer was null`]],
    ["another option", saying({ reuseAddr: true }), [`${s1}: reuseAddr is false, not true`]],
    ["another user", saying({ socketUid: 1 }), [`${s1}: socketUid is 0, not 1`]],
    [
      "a socket that is not there",
      saying({ inode: 101 }),
      ["0.0.0.0:8080 LISTEN 100 is in the way, and is not blamed", "s1 (inode 101, 0.0.0.0:8080) did not have the port"],
    ],
    ["another maker", saying({ creator: { pid: 11, comm: "", at: "105" } }), [`${s1}: made by 10, not 11`]],
    ["another binder", saying({ opener: { ...process, pid: 11 } }), [`${s1}: bound by 10, not 11`]],
    [
      "an end of who bound it",
      saying({ opener: { ...process, process: { ...process.process, exitedAt: "900", exitSignal: "SIGKILL" } } }),
      [`${s1}: that 10 ended by SIGKILL is not in the log`],
    ],
    ["another number of copies", saying({ references: 2 }), [`${s1}: 3 copies of its descriptor, not 2`]],
    [
      "a holder that it was not",
      saying({ holders: [holder(10, "created"), holder(11, "inherited"), holder(12, "unknown")] }),
      [`${s1}: 12 did not hold it through fd 4`],
    ],
    [
      "another descriptor of a holder",
      saying({ holders: [holder(10, "created"), holder(11, "inherited"), holder(11, "unknown", null, 5)] }),
      [`${s1}: 11 did not hold it through fd 5`],
    ],
    ["a holder that is left out", saying({ holders: [holder(10, "created")] }), [`${s1}: 11 held it through fd 4, too`]],
    [
      "another way to it",
      saying({ holders: [holder(10, "created"), holder(11, "received")] }),
      [`${s1}: fd 4 of 11 was inherited from 10, not received`],
    ],
    [
      "another sender",
      saying({ holders: [holder(10, "created"), holder(11, "inherited", 12)] }),
      [`${s1}: fd 4 of 11 was inherited from 10, not inherited from 12`],
    ],
    ["that it is under way when processes have it", saying({ nature: "in-flight" }), [`${s1}: its nature was process, not in-flight`]],
    ["that the kernel has it", saying({ nature: "kernel" }), [`${s1}: its nature was process, not kernel`]],
    [
      "a step that was not made",
      saying({ lineage: [step({ step: "listened" })] }),
      [`${s1}: that it was listened by 10  is not in the log`],
    ],
    ["a step of another process", saying({ lineage: [step({ pid: 11 })] }), [`${s1}: that it was bound by 11  is not in the log`]],
    ["a step at another time", saying({ lineage: [step({ at: "135" })] }), [`${s1}: that it was bound by 10  is not in the log`]],
    [
      "a fork of another child",
      saying({ lineage: [step({ step: "forked", at: "205", other: { pid: 12, comm: "" } })] }),
      [`${s1}: that it was forked by 10 (12)  is not in the log`],
    ],
    [
      "nobody, for certain",
      { records: [failure([])] },
      ["0.0.0.0:8080 LISTEN 100 is in the way, and is not blamed", "nobody is blamed, with the confidence exact"],
    ],
    [
      "another error",
      { lines: [...log, refused({ errno: "EINVAL" })], records: [failure([blocker()], { errno: "EINVAL" })] },
      [
        expect.stringMatching(/^the failure: rule is "not-a-conflict"/),
        expect.stringMatching(/^the failure: blockers is \[\]/),
      ] as unknown as string[],
    ],
  ])("finds what is wrong: %s", (_, one, why) => {
    expect(wrongOf(one)).toEqual(why);
  });

  it("knows how processes ended", () => {
    const end: LogLine = { type: "step", step: "exited", pid: 10, inode: null, during: [890, 910], detail: "code 1" };
    const ended = (exitCode: number) => saying({ opener: { ...process, process: { ...process.process, exitedAt: "900", exitCode } } });
    expect(wrongOf({ lines: [...log, end, refused()], ...ended(1) })).toEqual([]);
    expect(wrongOf({ lines: [...log, end, refused()], ...ended(2) })).toEqual([`${s1}: that 10 ended by code 2 is not in the log`]);
  });

  it("finds that an innocent one is blamed", () => {
    const lines = withTruth({ reuseAddr: true, states: ["BOUND"] });
    const sharing = lines.map((line) => (line.type === "refused" ? { ...line, binder: { ...OPTIONS, reuseAddr: true } } : line));
    const said = failure([blocker({ reuseAddr: true, state: "BOUND", rule: "bound" })], {
      binder: { ...failure().binder, reuseAddr: true },
    });
    expect(wrongOf({ lines: sharing, records: [{ ...said, rule: "bound" }] })).toEqual(["s1 is not in the way by the rule bound"]);
  });

  it("takes either state of a socket that changed during the call, and does not ask for one that was not there all the time", () => {
    const lines = withTruth({ states: ["LISTEN", "BOUND"] });
    expect(wrongOf({ lines })).toEqual([]);
    expect(wrongOf({ lines, records: [failure([blocker({ state: "BOUND", rule: "bound" })], { rule: "bound" })] })).toEqual([]);
    expect(wrongOf({ lines: withTruth({ certain: false }), records: [failure([])] })).toEqual([
      "nobody is blamed, with the confidence exact",
    ]);
  });
});

describe("a holder that comes or goes after the refusal", () => {
  const lost: LogLine = { type: "lost", inode: 100, pid: 11, fd: 4, during: [1200, 1210] };
  const gained: LogLine = { type: "gained", inode: 100, pid: 12, fd: 4, via: "inherited", sender: 10, during: [1200, 1210] };
  const lines = (line: LogLine) => [...log, refused(), line];

  it.each<[string, Case, string[]]>([
    ["may be named, though it went before the search ended", { lines: lines(lost) }, []],
    ["may be left out when it went before the search ended", { lines: lines(lost), ...saying({ holders: [holder(10, "created")] }) }, []],
    [
      "may not be left out when it went later",
      { lines: lines(lost), searched: 1150, ...saying({ holders: [holder(10, "created")] }) },
      [`${s1}: 11 held it through fd 4, too`],
    ],
    ["may be left out when others may be missing", saying({ holders: [holder(10, "created")], holdersComplete: false }), []],
    [
      "may not be named when it went before the call",
      { lines: [...log, { ...lost, during: [900, 910] }, refused()] },
      [`${s1}: 11 did not hold it through fd 4`],
    ],
    ["may be left out when it came after the call", { lines: lines(gained) }, []],
    [
      "may not be named when it came after the search",
      {
        lines: lines(gained),
        searched: 1150,
        ...saying({ holders: [holder(10, "created"), holder(11, "inherited"), holder(12, "inherited")] }),
      },
      [`${s1}: 12 did not hold it through fd 4`],
    ],
  ])("%s", (_, one, why) => {
    expect(wrongOf(one)).toEqual(why);
  });

  it("is counted where it is named, though it came after the call", () => {
    const holders = [holder(10, "created"), holder(11, "inherited"), holder(12, "inherited")];
    expect(comparison({ lines: lines(gained), ...saying({ holders }) })).toMatchObject({ right: 1, later: 1 });
  });

  it("is taken from the later record", () => {
    const late: HoldersRecord = {
      ...{ type: "holders", failure: "f1", socket: "s1", complete: true, scannedAt: "1400", nature: "process" },
      holders: [holder(10, "created"), holder(11, "inherited")],
    };
    const early = failure([blocker({ holders: [], holdersComplete: false, nature: "unknown" })]);
    expect(wrongOf({ records: [early, late] })).toEqual([]);
    expect(wrongOf({ records: [early, { ...late, holders: [holder(10, "created")] }] })).toEqual([`${s1}: 11 held it through fd 4, too`]);
  });
});

describe("a socket without a process", () => {
  const peer = { address: "127.0.0.1", port: 9 };
  const gone: Partial<TrueSocket> = {
    inode: null,
    name: ["127.0.0.1", 8080],
    peer: ["127.0.0.1", 9],
    creator: null,
    opener: null,
    holders: [],
    inFlight: 0,
  };
  const nobody: Partial<BlockerRecord> = {
    address: "127.0.0.1",
    peer,
    inode: null,
    opener: null,
    creator: null,
    references: null,
    holders: [],
    lineage: [],
  };
  const binderSays = (record: Partial<BlockerRecord>) => [failure([blocker({ ...nobody, ...record })], { rule: record.rule ?? "bound" })];
  const remains = { states: ["TIME_WAIT" as const], substate: "FIN_WAIT2" as const, uid: null };
  const asRemains = {
    state: "TIME_WAIT",
    substate: "FIN_WAIT2",
    rule: "time-wait-binder-lacks-reuseaddr",
    socketUid: null,
    nature: "time-wait",
  } as const;

  it.each<[string, Partial<TrueSocket>, Partial<BlockerRecord>, keyof Comparison["kinds"]]>([
    ["in TIME_WAIT", remains, asRemains, "TIME_WAIT"],
    ["that was closed", { states: ["FIN_WAIT1"] }, { state: "FIN_WAIT1", rule: "bound", inode: 100, nature: "orphan" }, "orphan"],
    [
      "that nobody has accepted",
      { states: ["ESTABLISHED"], formerInode: null },
      { state: "ESTABLISHED", rule: "bound", nature: "orphan" },
      "not accepted",
    ],
  ])("%s is found by its connection", (_, truth, record, kind) => {
    const { kinds, wrong } = comparison({ lines: withTruth({ ...gone, ...truth }), records: binderSays(record) });
    expect({ wrong, count: kinds[kind] }).toEqual({ wrong: [], count: 1 });
  });

  it("that is under way is none of a process", () => {
    const lines = [...log.filter(({ type }) => type !== "gained"), refused({ sockets: [{ ...listener, holders: [] }] })];
    const said: Partial<BlockerRecord> = { holders: [], references: 1, nature: "in-flight" };
    expect(comparison({ lines, ...saying(said) })).toMatchObject({ wrong: [], kinds: { "in flight": 1 } });
    expect(wrongOf({ lines, ...saying({ ...said, nature: "process" }) })).toEqual([`${s1}: its nature was in-flight, not process`]);
  });

  it.each<[string, Partial<BlockerRecord>, string]>([
    ["a holder", { holders: [holder(10, "unknown")] }, "10 did not hold it through fd 4"],
    ["another remainder", { substate: "TIME_WAIT" }, "its state was FIN_WAIT2, not TIME_WAIT"],
    ["that it is a process", { nature: "process" }, "its nature was time-wait, not process"],
    ["who bound another one", { opener: process }, "not bound by 10, nor by anybody"],
  ])("is not said to have %s", (_, record, why) => {
    const lines = withTruth({ ...gone, ...remains });
    expect(wrongOf({ lines, records: binderSays({ ...asRemains, ...record }) })).toEqual([
      `s1 (127.0.0.1:8080 to 127.0.0.1:9 TIME_WAIT formerly 100): ${why}`,
    ]);
  });
});
