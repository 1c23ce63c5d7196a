import { describe, expect, it } from "vitest";
import type { SocketFacts, TraceEvent } from "../../src/core/event.ts";
import type { GroupHistoryRecord } from "../../src/core/record.ts";
import { groupLines } from "../../src/report/groups.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { TextReport } from "../../src/report/text-report.ts";
import { destroy, facts, header, listen, look, MS, seed, tell } from "../helpers/events.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };
const at = (second: number) => `2026-11-22T14:03:${String(second).padStart(2, "0")}.000000000Z`;
const stay = (socket: string, from: number, to: number | null, uid: number | null = 0, address = "0.0.0.0") => ({
  ...{ socket, uid, address, joinedAt: at(from) },
  leftAt: to === null ? null : at(to),
});
/** A group of those who stayed. */
function group(history: GroupHistoryRecord["history"], overrides: Partial<GroupHistoryRecord> = {}): GroupHistoryRecord {
  const members = history.filter(({ leftAt }) => leftAt === null).map(({ socket }) => socket);
  return { id: "g1", members, size: members.length, largest: 2, program: null, history, ...overrides };
}
const lines = (groups: GroupHistoryRecord[], options: Partial<TextOptions> = {}) =>
  groupLines({ groups, port: 8080 }, { ...PLAIN, ...options });
const flat = (...groups: GroupHistoryRecord[]) => lines(groups).replace(/\s+/g, " ").trim();

describe("the groups of a port", () => {
  it("are named with their members, and with those that have left", () => {
    const history = [stay("s1", 0, null), stay("s2", 0, null), stay("s3", 1, 9)];
    expect(lines([group(history, { program: false })])).toBe(
      [
        "  g1          uid 0, 0.0.0.0:8080: s1, s2, s3 (15:03:01.000 to 15:03:09.000); no",
        "              BPF program when last looked at",
        "",
      ].join("\n"),
    );
  });

  it.each<[string, GroupHistoryRecord, string]>([
    ["that ended", group([stay("s1", 0, 1)]), "uid 0, 0.0.0.0:8080: s1 (15:03:00.000 to 15:03:01.000)"],
    [
      "with a program",
      group([stay("s1", 0, null)], { program: true }),
      "uid 0, 0.0.0.0:8080: s1; a BPF program chose among them when last looked at",
    ],
    ["with more members than were seen", group([stay("s1", 0, null)], { size: 5 }), "uid 0, 0.0.0.0:8080: s1; the kernel counted 5"],
    ["with fewer members than are known", group([stay("s1", 0, null), stay("s2", 0, null)], { size: 1 }), "uid 0, 0.0.0.0:8080: s1, s2"],
    ["of IPv6", group([stay("s1", 0, null, 7, "::1")]), "uid 7, [::1]:8080: s1"],
    ["of a user that is not known", group([stay("s1", 0, null, null)]), "0.0.0.0:8080: s1"],
    [
      "whose members were given to another user",
      group([stay("s1", 0, null), stay("s2", 0, null, 9)]),
      "uid 0 and uid 9, 0.0.0.0:8080: s1, s2",
    ],
    [
      "with many members",
      group(Array.from({ length: 30 }, (_, index) => stay(`s${index}`, 0, null))),
      "uid 0, 0.0.0.0:8080: s0, s1, s2, s3, s4, s5, s6, s7, 22 more",
    ],
  ])("%s", (_, one, text) => {
    expect(flat(one)).toBe(`g1 ${text}`);
  });

  it("are counted where there are many", () => {
    const many = Array.from({ length: 20 }, (_, index) => group([stay("s1", 0, null)], { id: `g${index + 1}` }));
    expect(flat(...many)).toMatch(/g8 uid 0, 0\.0\.0\.0:8080: s1 and 12 more groups$/);
  });

  it("are not spoken of where each always was of one socket", () => {
    expect(lines([])).toBe("");
    expect(lines([group([stay("s1", 0, null)], { largest: 1 })])).toBe("");
  });

  it.each([40, 80, 200])("stay within %d columns", (width) => {
    const history = Array.from({ length: 8 }, (_, index) => stay(`s${index + 1}`, index, index % 2 ? null : 20));
    for (const line of lines([group(history)], { width }).split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  });
});

describe("the report", () => {
  const member = (sk: number, overrides: Partial<SocketFacts> = {}) =>
    facts({ sk, inode: sk * 100, reusePort: true, group: { id: 0, size: 2 }, ...overrides });
  const report = (...events: TraceEvent[]) => {
    const { story, records } = tell(events);
    const text = new TextReport(PLAIN);
    for (const record of records) text.write(record);
    return text.end(header(), story.timelines());
  };

  it("tells who joined and left among the events, and the group below them", () => {
    const other = facts({ sk: 9, inode: 900, port: 9090 });
    const events = [
      seed(member(1), member(2)),
      destroy(10 * MS, { sk: 2 }),
      listen({ t: 20 * MS, socket: member(3) }),
      look(30 * MS, [member(1), member(4)]),
      listen({ t: 40 * MS, socket: other }),
    ];
    expect(report(...events)).toBe(
      [
        "",
        "8080/tcp in network namespace 4026531840",
        "                         15:03:00.000     15:03:00.010              15:03:00.030",
        "                         ┬─────10 ms──────┬─────10 ms──────┬─────10 ms──────┬",
        "s1 0.0.0.0:8080          ?━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        "s2 0.0.0.0:8080          ?━━━━━━━━━━━━━━━━┥",
        "s3 0.0.0.0:8080 node[20]                                   ┝················?",
        "s4 0.0.0.0:8080                                                             ?━━━",
        "  ━ listening   · maybe still there   ? begin or end not seen",
        "",
        "15:03:00.000  s1 0.0.0.0:8080 was there: LISTEN, in g1",
        "15:03:00.000  s2 0.0.0.0:8080 was there: LISTEN, in g1",
        "15:03:00.010  s2 let the port go",
        "15:03:00.010  s2 left g1 (1 left)",
        "15:03:00.020  node[20] listens on s3",
        "15:03:00.020  s3 joined g1 (2 members)",
        "15:03:00.030  s4 0.0.0.0:8080 was there: LISTEN, in g1",
        "15:03:00.030  s3 was not there any more",
        "15:03:00.030  s3 left g1 (2 left)",
        "  g1          uid 1000, 0.0.0.0:8080: s1, s4, s2 (15:03:00.000 to 15:03:00.010),",
        "              s3 (15:03:00.020 to 15:03:00.030)",
        "",
        "9090/tcp in network namespace 4026531840",
        "                         15:03:00.040",
        "                         ┬",
        "s5 0.0.0.0:9090 node[20] ┝━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        "  ━ listening",
        "",
        "15:03:00.040  node[20] listens on s5",
        "",
        "bindtrace: every listen of port 8080 that was seen passed (1 seen); this hook",
        "set does not see 32-bit or io_uring binds; the trace ended early",
        "",
      ].join("\n"),
    );
  });
});
