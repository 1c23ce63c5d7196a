import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SocketFacts, TraceEvent } from "../../src/core/event.ts";
import type { HolderRecord, ProcessRecord } from "../../src/core/process-record.ts";
import type { FailureRecord, ReleaseRecord } from "../../src/core/record.ts";
import { failureBlock, holdersLine, releaseLine } from "../../src/report/failure.ts";
import { type TextOptions, textWidth } from "../../src/report/text.ts";
import { bind, connection, exit, facts, failureOf, header, holders, listen, MS, refused, seed, tell, timeWait } from "../helpers/events.ts";
import { hostile, visible } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };

const SHELL: ProcessRecord = {
  ...{ pid: 9, comm: "sh", command: null, program: null, startedAt: null, parents: [], nsPids: [] },
  ...{ exitedAt: null, exitCode: null, exitSignal: null, unit: null, container: null, pod: null },
};

/** The record of a refused bind of an old listener, and variations of it. */
function record(...owners: SocketFacts[]): FailureRecord {
  const refusal = refused(owners, { t: 10 * MS });
  return failureOf(seed(...owners), refusal, holders(12 * MS, refusal));
}
const blocked = record(facts({ reuseAddr: true }));
const block = (value: FailureRecord, options: Partial<TextOptions> = {}) => failureBlock(value, { ...PLAIN, ...options });
const blocker = (value: FailureRecord) => {
  const [first] = value.blockers;
  if (!first) throw new Error("no blocker");
  return first;
};
const withBlocker = (change: Partial<FailureRecord["blockers"][number]>): FailureRecord => ({
  ...blocked,
  blockers: [{ ...blocker(blocked), ...change }],
});

describe("the block", () => {
  it("says who was refused what, by whom, by which rule, and what would help", () => {
    expect(block(blocked)).toBe(
      [
        "✗ 15:03:00.010  node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)",
        "  blocked by  s1  0.0.0.0:8080  LISTEN  there since before 15:03:00.000",
        "              held by node[10] through fd 18: node server.js",
        "  rule        a socket that listens has the port, and the two have not both",
        "              opted into sharing it (SO_REUSEPORT)",
        '  note        libuv keeps this error until listen: Node says "listen EADDRINUSE"',
        '              ("bind EADDRINUSE" in a worker for which a cluster primary binds)',
        "  would help  closing the blocking socket in every process that holds it ·",
        "              SO_REUSEPORT on both, created by the same user",
        "  no help     SO_REUSEADDR on the new socket",
        "",
      ].join("\n"),
    );
  });

  it("says how sure it is, unless that is exact", () => {
    expect(block(blocked)).not.toMatch(/certainty/);
    expect(block({ ...blocked, confidence: "inferred", doubts: ["one thing", "another"] })).toContain(
      "  certainty   inferred: one thing; another\n",
    );
  });

  it("says why another error came", () => {
    const denied = failureOf(bind({ errno: "EACCES", requested: { family: "ipv4", address: "0.0.0.0", port: 80 } }));
    expect(block(denied)).toMatch(/0\.0\.0\.0:80 {2}\(EACCES\)\n {2}rule +this is no conflict over the port: the port is below/);
  });

  it("names protocol, family and operation where they are not the usual ones", () => {
    const socket = facts({ sk: 2, inode: 200, family: "ipv6", address: "::", protocol: "mptcp" });
    expect(block(failureOf(listen({ errno: "EADDRINUSE", socket })))).toContain(
      "node[20] could not listen on [::]:8080 (mptcp)  (EADDRINUSE)",
    );
  });

  it("is one line for the same failure again", () => {
    expect(block({ ...blocked, repeats: 2 })).toMatch(/^✗ 15:03:00\.010 {2}node\[20\] could not bind 0\.0\.0\.0:8080 {2}\(3rd .*s1.*\)\n$/);
  });

  it("names both users of a reuseport pair", () => {
    const other = record(facts({ reusePort: true, uid: 1001 }));
    const refusal = refused([facts({ reusePort: true, uid: 1001 })], { socket: facts({ sk: 2, inode: 200, reusePort: true }) });
    expect(other.rule).toBe("binder-lacks-reuseport");
    expect(block(failureOf(seed(facts({ reusePort: true, uid: 1001 })), refusal)).replace(/\s+/g, " ")).toContain(
      "created by different users, and the kernel shares within one user only (uid 1000 and uid 1001)",
    );
  });

  it("does not speak of different users where one user created both, and the kernel took an orphan for root's", () => {
    const orphan = connection({ inode: null, state: "FIN_WAIT1", reusePort: true });
    const refusal = refused([orphan], { socket: facts({ sk: 2, inode: 200, reusePort: true }) });
    const kernel = { ...header().kernel, orphanUidIsZero: true };
    const [failure] = tell([seed(orphan), refusal], { header: header({ kernel }) }).of("failure");
    expect(failure?.rule).toBe("reuseport-other-user");
    expect(block(failure as FailureRecord).replace(/\s+/g, " ")).not.toContain("created by different users");
  });

  it("shows few of many blockers, and counts the rest", () => {
    const many = { ...blocked, blockers: Array.from({ length: 50 }, () => blocker(blocked)) };
    expect(block(many).match(/blocked by/g)?.length).toBeLessThan(10);
    expect(block(many)).toMatch(/and 4\d more sockets/);
  });
});

describe("a blocker", () => {
  it.each<[string, Partial<FailureRecord["blockers"][number]>, RegExp]>([
    [
      "with its peer",
      { peer: { address: "192.0.2.7", port: 40000 }, state: "ESTABLISHED" },
      /0\.0\.0\.0:8080 → 192\.0\.2\.7:40000 {2}ESTABLISHED/,
    ],
    ["of MPTCP", { protocol: "mptcp" }, /0\.0\.0\.0:8080 {2}mptcp {2}LISTEN/],
    ["in what its TIME_WAIT is in truth", { state: "TIME_WAIT", substate: "FIN_WAIT2" }, /TIME_WAIT \(FIN_WAIT2\)/],
    ["in TIME_WAIT without a timer", { state: "TIME_WAIT", expiresAt: null }, /no process holds it\n/],
    [
      "in TIME_WAIT with one",
      { state: "TIME_WAIT", expiresAt: "2026-11-22T14:03:30.010000000Z" },
      /free at about 15:03:30\.010, 30\.00 s later/,
    ],
    ["that no process holds", { holders: [] }, /no process holds it\n/],
    ["whose holders are not known yet", { holders: [], holdersComplete: false }, /holder not found\n/],
    ["whose other holders are not known yet", { holdersComplete: false }, /held by node\[10\].*, maybe others too\n/],
  ])("%s", (_, change, text) => {
    expect(block(withBlocker(change))).toMatch(text);
  });

  const holder: HolderRecord = { pid: 10, comm: "node", fd: 18, via: "unknown", command: "", from: null, process: null };
  it.each<[HolderRecord["via"], string]>([
    ["unknown", "held by node[10] through fd 18\n"],
    ["created", "held by node[10] through fd 18\n"],
    ["inherited", "held by node[10] through inherited fd 18\n"],
    ["received", "held by node[10] through received fd 18\n"],
  ])("held through a descriptor that was %s", (via, text) => {
    expect(block(withBlocker({ holders: [{ ...holder, via }] }))).toContain(text);
  });

  it("with many holders names a few and counts the rest", () => {
    expect(block(withBlocker({ holders: Array.from({ length: 30 }, () => holder) }))).toMatch(/, 2\d more\n/);
  });

  it("with a long command line shows its beginning", () => {
    const text = block(withBlocker({ holders: [{ ...holder, command: `node ${"x".repeat(500)}` }] }), { width: 200 });
    expect(text).toMatch(/: node x{20,60}…\n/);
  });

  it("whose process has exited says when", () => {
    const opener = { pid: 9, comm: "sh", fd: 3, exitedAt: "2026-11-22T14:02:59.798000000Z", process: SHELL };
    expect(block(withBlocker({ opener, boundAt: "2026-11-22T14:02:00.000000000Z" })).replace(/\s+/g, " ")).toContain(
      "since 15:02:00.000, bound by sh[9], which exited 212 ms earlier",
    );
  });

  it("whose process exited only after the refusal does not say that it had", () => {
    const opened = bind({ t: MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const refusal = refused([facts()], { t: 10 * MS });
    const failure = failureOf(opened, refusal, exit(30 * MS), holders(40 * MS, refusal));
    expect(block(failure)).not.toMatch(/exited[^\n]*\s+earlier/);
  });

  it("whose process exited within the same millisecond says so to the microsecond", () => {
    const opener = { pid: 9, comm: "sh", fd: 3, exitedAt: "2026-11-22T14:03:00.009700000Z", process: SHELL };
    expect(block(withBlocker({ opener, boundAt: "2026-11-22T14:02:00.000000000Z" })).replace(/\s+/g, " ")).toContain(
      "exited 300 µs earlier",
    );
  });
});

it("draws with ASCII when asked to", () => {
  const text = block(withBlocker({ peer: { address: "192.0.2.7", port: 40000 }, state: "ESTABLISHED" }), { ascii: true });
  expect(text).toMatch(/^x 15:03:00\.010 {2}node/);
  expect(text).toContain("0.0.0.0:8080 -> 192.0.2.7:40000");
});

describe("what comes after the block", () => {
  const release: ReleaseRecord = {
    type: "release",
    failure: "f1",
    socket: "s1",
    at: "2026-11-22T14:03:08.522000000Z",
    afterNs: 1_210_000_000,
    via: "exit",
    precision: "exact",
    by: { pid: 10, comm: "node" },
    exitCode: null,
    exitSignal: null,
    closedAt: null,
  };
  it.each<[string, Partial<ReleaseRecord>, string]>([
    ["by exit", {}, "s1 at 15:03:08.522, 1.21 s after the refusal, when node[10] exited"],
    ["by close", { via: "close" }, "s1 at 15:03:08.522, 1.21 s after the refusal, when node[10] closed it"],
    [
      "later than the close",
      { via: "close", closedAt: "2026-11-22T14:03:07.022000000Z" },
      "s1 at 15:03:08.522, 1.21 s after the refusal, 1.50 s after node[10] had closed its last descriptor",
    ],
    [
      "right after the close",
      { via: "close", closedAt: "2026-11-22T14:03:08.521100000Z" },
      "s1 at 15:03:08.522, 1.21 s after the refusal, when node[10] closed it",
    ],
    ["by a signal", { exitSignal: "SIGKILL" }, "s1 at 15:03:08.522, 1.21 s after the refusal, when node[10] was ended by SIGKILL"],
    ["by exec", { via: "exec" }, "s1 at 15:03:08.522, 1.21 s after the refusal, when node[10] became another program (CLOEXEC)"],
    [
      "with its namespace",
      { via: "namespace-gone", by: null },
      "s1 at 15:03:08.522, 1.21 s after the refusal, when its network namespace had no process any more",
    ],
    ["by nobody known", { via: "unknown", by: null }, "s1 at 15:03:08.522, 1.21 s after the refusal"],
    ["by the exit of nobody known", { by: null }, "s1 at 15:03:08.522, 1.21 s after the refusal, when its last holder exited"],
    [
      "by time",
      { via: "time-wait-expired", precision: "estimated", by: null },
      "s1 at about 15:03:08.522, about 1.21 s after the refusal, when its TIME_WAIT ended",
    ],
  ])("a release %s", (_, change, text) => {
    expect(releaseLine({ ...release, ...change }, { ...PLAIN, width: 200 })).toBe(`  released    ${text}\n`);
  });

  it("holders found late", () => {
    const late = {
      type: "holders" as const,
      failure: "f1",
      socket: "s1",
      complete: true,
      scannedAt: blocked.at,
      nature: "process" as const,
    };
    expect(holdersLine({ ...late, holders: blocker(blocked).holders }, PLAIN)).toBe(
      "  holders     s1 held by node[10] through fd 18: node server.js\n",
    );
    expect(holdersLine({ ...late, holders: [] }, PLAIN)).toBe("  holders     s1 no process holds it\n");
  });

  it("is ASCII when asked for, even within a millisecond", () => {
    expect(releaseLine({ ...release, afterNs: 840_000 }, { ...PLAIN, ascii: true })).toMatch(/^[\n\x20-\x7e]*$/);
  });
});

describe("whatever the processes call themselves", () => {
  const samples: TraceEvent[][] = [facts({ reuseAddr: true }), connection(), timeWait()].map((owner) => {
    const opened = bind({ t: MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const refusal = refused([owner], { t: 10 * MS });
    const found = { inode: owner.inode ?? 100, holders: [{ pid: 10, fd: 18, comm: "", command: "", parent: 1, startedAt: null }] };
    return [opened, seed(owner), exit(5 * MS), refusal, holders(12 * MS, refusal, { sockets: [found] })];
  });
  const said = fc.tuple(fc.constantFrom(...samples), hostile, hostile).map(([events, comm, command]) => {
    const renamed = JSON.stringify(events, (key, value) => (key === "comm" ? comm : key === "command" ? command : value));
    return failureOf(...(JSON.parse(renamed) as TraceEvent[]));
  });
  const options = fc.record({ color: fc.boolean(), ascii: fc.boolean(), width: fc.integer({ min: 40, max: 160 }) });

  it("no line holds a control character, and no line is theirs", () => {
    fc.assert(
      fc.property(said, options, (failure, chosen) => {
        const lines = visible(block(failure, chosen)).split("\n");
        expect(lines.pop()).toBe("");
        for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}/);
      }),
      { numRuns: 500 },
    );
  });

  it("without colour no line holds a colour code, and with ASCII nothing else", () => {
    fc.assert(
      fc.property(said, fc.boolean(), (failure, ascii) => {
        const text = block(failure, { ascii });
        expect(text).not.toContain("\u001b");
        if (ascii) expect(text).toMatch(/^[\n\x20-\x7e]*$/);
      }),
    );
  });

  it("every line fits the width, unless it is one word", () => {
    fc.assert(
      fc.property(said, options, fc.constantFrom(0, 3), (failure, chosen, repeats) => {
        const lines = visible(block({ ...failure, repeats }, chosen)).split("\n");
        const tooLong = lines.filter((line) => textWidth(line) > chosen.width && line.slice(14).trim().includes(" "));
        expect(tooLong).toEqual([]);
      }),
    );
  });

  it("the same failure again with many blockers fits the width", () => {
    const many = { ...blocked, repeats: 3, blockers: Array.from({ length: 60 }, () => blocker(blocked)) };
    for (const line of block(many).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("no line ends in a space", () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 120 }), (width) => {
        expect(block(record(connection(), facts(), timeWait()), { width })).not.toMatch(/ \n/);
      }),
    );
  });
});

it.each<[string, TraceEvent]>([
  ["an error", bind({ errno: "E\u001b[31m\u202e\nX" })],
  ["an address that was asked for", bind({ errno: "EACCES", requested: { family: "ipv6", address: "\u001b[31m\nX", port: 80 } })],
  ["the address of a blocker", refused([facts({ address: "\u001b[31m\nX" })])],
  ["the peer of a blocker", refused([connection({ peer: { address: "\u001b[31m\nX", port: 1 } })])],
])("a trace from elsewhere cannot control the terminal by %s", (_, event) => {
  const lines = block(failureOf(event)).trimEnd().split("\n");
  for (const line of lines) expect(line).not.toMatch(/\p{Cc}/u);
  for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}/);
});

describe("behind a blocker that no process has", () => {
  it.each<[Partial<FailureRecord["blockers"][number]>, string]>([
    [{ nature: "in-flight" }, "it is under way over a unix socket (SCM_RIGHTS), or a system call still uses it"],
    [{ nature: "kernel" }, "it is a socket of the kernel itself"],
    [{ nature: "orphan", state: "LAST_ACK" }, "its process has closed it; the kernel waits for the other end's last answer"],
    [{ nature: "orphan", state: "ESTABLISHED" }, "no process has accepted it yet: it goes with its listener"],
    [{ nature: "orphan", state: "FIN_WAIT2" }, "net.ipv4.tcp_fin_timeout at most"],
  ])("%j", (change, text) => {
    expect(block(withBlocker({ ...change, holders: [] })).replace(/\s+/g, " ")).toContain(text);
  });
});

describe("where a holder runs", () => {
  const holder = { pid: 10, comm: "node", fd: 18, via: "received" as const, command: "", from: { pid: 7, comm: "main" } };
  const ID = "0123456789abcdef".repeat(4);
  it.each<[Partial<ProcessRecord>, string]>([
    [{ unit: "nginx.service" }, "(unit nginx.service)"],
    [{ unit: "session-3.scope" }, ""],
    [{ container: ID, nsPids: [10, 1] }, "(container 0123456789ab, pid 1 in it)"],
    [{ container: ID, pod: "a-b", unit: "kubelet.service" }, "(pod a-b, container 0123456789ab)"],
  ])("%j", (process, text) => {
    const shown = block(withBlocker({ holders: [{ ...holder, process: { ...SHELL, ...process } }] }), { width: 200 });
    expect(shown).toContain(`held by node[10] through received fd 18 from main[7]${text ? ` ${text}` : ""}\n`);
  });
});
