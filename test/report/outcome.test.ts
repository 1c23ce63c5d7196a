import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AbsenceRecord, AttemptsRecord, RestartRecord, SummaryRecord } from "../../src/core/record.ts";
import { absenceLine, attemptsLine, restartBlock } from "../../src/report/outcome.ts";
import { type TextOptions, textWidth } from "../../src/report/text.ts";
import { TextReport } from "../../src/report/text-report.ts";
import { facts, header, MS, seed, tell, WALL } from "../helpers/events.ts";
import { hostile } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };
const SECOND = 1000 * MS;

const retried: AttemptsRecord = {
  ...{ type: "attempts", operation: "bind", netns: 1, protocol: "tcp", address: "0.0.0.0", port: 8080 },
  ...{ first: "2026-11-22T13:03:05.131000000Z", last: "2026-11-22T13:03:08.331000000Z", failures: 17, lastedNs: 3.4 * SECOND },
  binders: [{ pid: 9412, comm: "node" }],
  blockers: ["s1"],
  unexplained: 0,
  bound: { socket: "s9", at: "2026-11-22T13:03:08.531000000Z", pid: 9412, comm: "node" },
};
const line = (change: Partial<AttemptsRecord>, options: Partial<TextOptions> = {}) =>
  attemptsLine({ ...retried, ...change }, { ...PLAIN, width: 200, ...options });

describe("retries", () => {
  it("are one line at the width of a terminal", () => {
    expect(attemptsLine(retried, PLAIN)).toBe(
      [
        "✓ 14:03:08.531  node[9412] bound 0.0.0.0:8080 at the 18th attempt: 17 refused",
        "                over 3.40 s, all blocked by s1",
        "",
      ].join("\n"),
    );
  });

  it("that were one say how long ago it was", () => {
    expect(line({ failures: 1, blockers: ["s1", "s4"] })).toBe(
      "✓ 14:03:08.531  node[9412] bound 0.0.0.0:8080 at the 2nd attempt: 1 refused 3.40 s earlier, blocked by s1, s4\n",
    );
  });

  it("of other processes name them", () => {
    const binders = [9301, 9302, 9303, 9304, 9305, 9306].map((pid) => ({ pid, comm: "node" }));
    expect(line({ binders: binders.slice(0, 1) })).toContain(" at the 18th attempt: 17 refused (node[9301]) over 3.40 s, ");
    expect(line({ binders })).toContain(": 17 refused (node[9301], node[9302], node[9303], node[9304], 2 more) over ");
  });

  it("say of how many of them somebody is to blame", () => {
    expect(line({ unexplained: 2 })).toContain("17 refused over 3.40 s, 15 of them blocked by s1\n");
    expect(line({ unexplained: 17, blockers: [] })).toContain("17 refused over 3.40 s\n");
  });

  it("of listen, of another protocol", () => {
    expect(line({ operation: "listen", protocol: "mptcp", address: "::" })).toContain(
      " node[9412] listens on [::]:8080 (mptcp) at the 18th ",
    );
  });

  it("that failed to the end", () => {
    expect(line({ bound: null })).toBe(
      "✗ 14:03:08.331  node[9412] could not bind 0.0.0.0:8080: 17 attempts over 3.40 s, all refused, all blocked by s1\n",
    );
    expect(line({ bound: null, operation: "listen", blockers: [], unexplained: 17 })).toContain(
      " could not listen on 0.0.0.0:8080: 17 attempts over 3.40 s, all refused\n",
    );
  });

  it("in ASCII and in colour", () => {
    expect([line({}, { ascii: true })[0], line({ bound: null }, { ascii: true })[0]]).toEqual(["+", "x"]);
    expect([line({}, { color: true }).slice(0, 6), line({ bound: null }, { color: true }).slice(0, 6)]).toEqual([
      "\u001b[32m✓",
      "\u001b[31m✗",
    ]);
  });
});

type Phase = RestartRecord["phases"][number];
const phase = (seconds: string, name: Phase["phase"], pid: number | null, detail: string, more: Partial<Phase> = {}): Phase => ({
  ...{ phase: name, at: `2026-11-22T13:03:${seconds}Z`, precision: "exact", pid, comm: pid === null ? null : "node", by: null, detail },
  ...more,
});
const SIGNALLED = phase("07.100000000", "signalled", 9210, "SIGTERM", { by: { pid: 9100, comm: "bash" } });
const CLOSED = phase("07.101100000", "listener-closed", 9210, "s1");
const CONNECTION = phase("08.000000000", "last-connection-gone", null, "s2");
const EXITED = phase("08.301000000", "exited", 9210, "code 0");
const FREE = phase("08.301000000", "port-free", null, "s1");
const BOUND = phase("08.311000000", "bound", 9412, "s9");
const LISTENING = phase("08.311090000", "listening", 9412, "s9");
const restarted: RestartRecord = {
  ...{ type: "restart", netns: 1, protocol: "tcp", address: "0.0.0.0", port: 8080, from: ["s1"], to: "s9" },
  phases: [SIGNALLED, CLOSED, CONNECTION, EXITED, FREE, BOUND, LISTENING],
  downtimeNs: 1.20999 * SECOND,
  slowest: { phase: "last-connection-gone", ns: 898_900_000 },
};
const block = (change: Partial<RestartRecord> = {}, options: Partial<TextOptions> = {}) =>
  restartBlock({ ...restarted, ...change }, { ...PLAIN, ...options });
/** The text of one phase. */
const told = (...phases: Phase[]) => block({ phases, slowest: null }).split("\n").at(-2)?.slice(30);

describe("a restart", () => {
  it("is a line a step, with the time that it took, and the slowest one marked", () => {
    expect(block()).toBe(
      [
        "restart of 0.0.0.0:8080: nobody listened for 1.21 s",
        "  14:03:07.100                SIGTERM to node[9210], from bash[9100]",
        "  14:03:07.101  + 1 ms        node[9210] closed the listener s1",
        "  14:03:08.000  + 899 ms      s2, the last known connection, was gone  ← slowest",
        "  14:03:08.301  + 301 ms      node[9210] exited (code 0)",
        "  14:03:08.301  + 0 µs        the port was free of s1",
        "  14:03:08.311  + 10 ms       node[9412] bound s9",
        "  14:03:08.311  + 90 µs       node[9412] listened on s9",
        "",
      ].join("\n"),
    );
  });

  it("has no columns where they do not fit, and no other characters than ASCII where they are not wanted", () => {
    expect(block({ phases: [SIGNALLED, CONNECTION, BOUND] }, { width: 40, ascii: true })).toBe(
      [
        "restart of 0.0.0.0:8080: nobody",
        "  listened for 1.21 s",
        "  14:03:07.100  SIGTERM to node[9210],",
        "                from bash[9100]",
        "  14:03:08.000  + 900 ms  s2, the last",
        "                known connection, was",
        "                gone",
        "  14:03:08.311  + 311 ms  node[9412]",
        "                bound s9",
        "",
      ].join("\n"),
    );
    expect(block({}, { ascii: true, width: 100 })).toContain("was gone  <- slowest\n");
  });

  it("says how the port was served meanwhile", () => {
    const head = (change: Partial<RestartRecord>) => block({ address: "::", ...change }).split("\n")[0];
    expect(head({ downtimeNs: null })).toBe("restart of [::]:8080: somebody listened all the time");
    expect(head({ to: null, downtimeNs: null })).toBe("[::]:8080: its listener went, and no other came");
    const again = [CLOSED, { ...LISTENING, pid: 9210 }];
    expect(head({ phases: again })).toBe("restart of [::]:8080 within node[9210]: nobody listened for 1.21 s");
    expect(
      head({
        phases: [
          { ...CLOSED, pid: null },
          { ...LISTENING, pid: null },
        ],
      }),
    ).toBe("restart of [::]:8080: nobody listened for 1.21 s");
  });

  it.each<[string, Phase[]]>([
    ["SIGKILL to node[9210], from the kernel", [{ ...SIGNALLED, detail: "SIGKILL", by: { pid: 0, comm: "swapper/0" } }]],
    ["s1 stopped listening", [{ ...CLOSED, pid: null, comm: null }]],
    ["the listener s1 went with node[9210]", [EXITED, { ...CLOSED, at: EXITED.at }]],
    ["node[9210] was ended by SIGKILL", [{ ...EXITED, detail: "SIGKILL" }]],
    ["the port was free of s2 (estimated)", [{ ...FREE, detail: "s2", precision: "estimated" }]],
    ["s9 was bound", [{ ...BOUND, pid: null, comm: null }]],
    ["s9 listened", [{ ...LISTENING, pid: null, comm: null }]],
  ])("%s", (text, phases) => {
    expect(told(...phases)).toBe(text);
  });
});

describe("that nothing was refused", () => {
  const absence: AbsenceRecord = {
    ...{ type: "absence", code: "none-attempted", certain: false },
    message: "no bind of port 8080 was seen; this hook set does not see 32-bit or io_uring binds",
  };
  const summary: SummaryRecord = { type: "summary", failures: 0, explained: 0, lost: 3, ports: [] };

  it("is the last line of the report", () => {
    const report = new TextReport(PLAIN);
    expect(report.write(absence) + report.write(summary)).toBe("");
    expect(report.end(header(), [])).toBe(absenceLine(absence, PLAIN));
    expect(absenceLine(absence, PLAIN)).toBe(
      "\nbindtrace: no bind of port 8080 was seen; this hook set does not see 32-bit or\nio_uring binds\n",
    );
  });

  it("is said in a few words where there is no more to say", () => {
    const report = new TextReport(PLAIN);
    report.write(summary);
    expect(report.end(header(), [])).toBe("\nbindtrace: no bind was refused; 3 events were lost\n");
  });
});

it("stands between the others in the report", () => {
  const report = new TextReport(PLAIN);
  expect([report.write(retried), report.write(restarted)]).toEqual([attemptsLine(retried, PLAIN), restartBlock(restarted, PLAIN)]);
});

it("the end of a blocker is told once, for so many as are remembered", () => {
  const report = new TextReport(PLAIN);
  const told = (index: number) =>
    report.write({
      ...{ type: "release", failure: "f1", socket: `s${index}`, at: "2026-11-22T13:03:08.331000000Z", afterNs: SECOND, via: "close" },
      ...{ precision: "exact", by: null, exitCode: null, exitSignal: null, closedAt: null },
    }) !== "";
  expect([1, 1, 2, 1].map(told)).toEqual([true, false, true, false]);
  for (let index = 0; index < 16_384; index++) told(3 + index);
  expect([told(16_386), told(1)]).toEqual([false, true]);
});

it("the chart names the holders of so many blockers as are remembered", () => {
  const report = new TextReport(PLAIN);
  const told = (index: number) =>
    report.write({
      ...{ type: "holders", failure: "f1", socket: `s${index}`, complete: true, scannedAt: WALL, nature: "process" },
      holders: [{ pid: 77, comm: "worker", fd: 3, via: "unknown", command: "worker", from: null, process: null }],
    });
  const { story } = tell([seed(facts())]);
  told(1);
  expect(report.end(header(), story.timelines())).toContain("worker[77]");
  for (let index = 0; index < 16_384; index++) told(2 + index);
  expect(report.end(header(), story.timelines())).not.toContain("worker[77]");
});

it("no line is one that a process chose by its name, and the steps fit the width", () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 40, max: 200 }), fc.boolean(), (comm, width, ascii) => {
      const options = { ...PLAIN, width, ascii };
      const who = { pid: 7, comm };
      const phases = restarted.phases.map((one) => ({ ...one, pid: 7, comm, by: who }));
      const steps = restartBlock({ ...restarted, phases }, options).split("\n");
      const lines = [...attemptsLine({ ...retried, binders: [who], bound: null }, options).split("\n"), ...steps];
      for (const line of lines) expect(line).not.toMatch(ascii ? /[^ -~]/ : /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      for (const line of lines.filter((one) => one !== "")) expect(line).toMatch(/^( {2}|[✗x] |restart of )/);
      for (const line of steps) expect(textWidth(line)).toBeLessThanOrEqual(width);
    }),
  );
});
