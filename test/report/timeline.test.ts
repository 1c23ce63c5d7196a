import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import type { PortTimeline, Row } from "../../src/core/timeline.ts";
import { type TextOptions, textWidth } from "../../src/report/text.ts";
import { timelineText } from "../../src/report/timeline.ts";
import {
  bind,
  close,
  connection,
  destroy,
  exit,
  facts,
  header,
  look,
  MS,
  NETNS,
  option,
  refused,
  restart,
  seed,
  state,
  tell,
  timeWait,
} from "../helpers/events.ts";
import { hostile, visible } from "./hostile.ts";
import { row, socketNamed } from "./timelines.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };

function text(events: readonly TraceEvent[], options: Partial<TextOptions> = {}): string {
  const [timeline] = tell(events).story.timelines();
  if (!timeline) throw new Error("nothing happened");
  return timelineText(timeline, new Map(), header(), { ...PLAIN, ...options });
}
/** The events in words: what is below the chart. */
const events = (said: string) => said.trimEnd().split("\n\n").at(-1)?.split("\n") ?? [];
/** What is said of the last event. */
const lastRow = (...told: TraceEvent[]) =>
  events(text(told, { width: 200 }))
    .at(-1)
    ?.slice(14);

const old = facts({ reuseAddr: true });
const next = facts({ sk: 2, inode: 200, state: "BOUND" });
const story = [
  seed(old),
  refused([old], { t: 10 * MS, socket: next }),
  destroy(20 * MS),
  bind({ t: 30 * MS, socket: next }),
  state(31 * MS, { from: "CLOSE", to: "LISTEN" }),
];

describe("a port", () => {
  it("has its chart, and below it every event in words", () => {
    expect(text(story)).toBe(
      [
        "8080/tcp in network namespace 4026531840",
        "                         15:03:00.000     15:03:00.010              15:03:00.030",
        "                         ┬─────10 ms──────┬─────10 ms──────┬─────10 ms──────┬",
        "s1 0.0.0.0:8080          ?━━━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━━━┥",
        "✗  node[20] refused                       ✗",
        "s2 0.0.0.0:8080 node[20]                                                    ├───",
        "  ━ listening   ─ bound   ✗ refused   ◆ blocked it   ? begin or end not seen",
        "",
        "15:03:00.000  s1 0.0.0.0:8080 was there: LISTEN",
        "15:03:00.010  ✗ node[20] refused (f1), blocked by s1",
        "15:03:00.020  s1 let the port go",
        "15:03:00.030  node[20] bound s2 to 0.0.0.0:8080",
        "",
      ].join("\n"),
    );
  });

  it("has them in ASCII too, and in UTC", () => {
    const said = text(story, { ascii: true, offsetMinutes: 0 });
    expect(events(said)).toEqual([
      "14:03:00.000  s1 0.0.0.0:8080 was there: LISTEN",
      "14:03:00.010  x node[20] refused (f1), blocked by s1",
      "14:03:00.020  s1 let the port go",
      "14:03:00.030  node[20] bound s2 to 0.0.0.0:8080",
    ]);
    expect(said).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("has its events in the order of time, also where an end was learnt late", () => {
    const late = [seed(connection()), destroy(10 * MS, { sk: 5 }), bind({ t: 20 * MS, socket: next }), look(30 * MS, [next])];
    const times = events(text(late)).map((line) => line.slice(0, 12));
    expect(times).toHaveLength(4);
    expect(times).toEqual([...times].sort());
  });

  it("has no chart where nobody was seen to have it", () => {
    const any = facts({ sk: 2, inode: 200, port: 0, state: "BOUND" });
    expect(text([refused([], { socket: any })])).toBe(
      ["any free port/tcp in network namespace 4026531840", "15:03:00.010  ✗ node[20] refused (f1)", ""].join("\n"),
    );
  });
});

describe("events that say the same", () => {
  const [listener, binder] = [socketNamed("s1"), socketNamed("s2")];
  const clients = Array.from({ length: 40 }, (_, index) => socketNamed(`s${index + 3}`, { facts: connection(), opener: null }));
  const say = (rows: Row[]) => {
    const lanes = [...new Set(rows.flatMap(({ kind, socket }) => (socket && kind !== "refused" ? [socket] : [])))];
    const timeline: PortTimeline = { netns: NETNS, protocol: "tcp", port: 8080, rows, lanes, reported: true };
    return events(timelineText(timeline, new Map(), header(), PLAIN));
  };
  const there = row(0, "there", listener, { state: "LISTEN" });
  const refusals = (count: number, pid: (index: number) => number, comm = "node") =>
    Array.from({ length: count }, (_, index) =>
      row((100 + 200 * index) * MS, "refused", binder, {
        ...{ state: "BOUND", process: { pid: pid(index), comm }, blockers: [listener], detail: `f${index + 1}` },
      }),
    );
  const exits = (rows: readonly Row[]) => rows.map(({ t, process }) => row(t + MS, "exited", null, { process, detail: "code 1" }));

  it("are told one by one while they are few", () => {
    expect(say([there, ...refusals(5, () => 20)])).toHaveLength(6);
  });

  it("are told by the first and the last refusal, where they are many", () => {
    expect(say([there, ...refusals(18, () => 20)])).toEqual([
      "15:03:00.000  s1 0.0.0.0:8080 was there: LISTEN",
      "15:03:00.100  ✗ node[20] refused (f1), blocked by s1",
      "15:03:00.300  … 16 more refusals over 3.00 s",
      "15:03:03.500  ✗ node[20] refused (f18), blocked by s1",
    ]);
  });

  it("may be those of one program that is started again each time", () => {
    const rows = refusals(6, (index) => 20 + index);
    expect(say([there, ...rows, ...exits(rows)])).toEqual([
      "15:03:00.000  s1 0.0.0.0:8080 was there: LISTEN",
      "15:03:00.100  ✗ node[20] refused (f1), blocked by s1",
      "15:03:00.300  … 4 more refusals over 600 ms, and 5 exits of the processes",
      "15:03:01.100  ✗ node[25] refused (f6), blocked by s1",
      "15:03:01.101  node[25] exited (code 1)",
    ]);
  });

  it("are another story when another program is refused, something else blocks, or another process exits", () => {
    const two = refusals(8, () => 20).map((one, index) => (index === 4 ? { ...one, process: { pid: 30, comm: "nginx" } } : one));
    expect(say([there, ...two])).toHaveLength(9);
    const other = refusals(8, () => 20).map((one, index) => (index === 4 ? { ...one, blockers: [] } : one));
    expect(say([there, ...other])).toHaveLength(9);
    const between = row(900 * MS + 1, "exited", null, { process: { pid: 7, comm: "sh" }, detail: "code 0" });
    expect(say([there, ...refusals(8, () => 20), between])).toHaveLength(10);
  });

  it("of connections that blocked nothing are counted", () => {
    const rows = clients.flatMap((one, index) => [
      row((index + 10) * MS, "there", one, { state: "ESTABLISHED" }),
      row((index + 11) * MS, "gone", one, { state: "CLOSE" }),
    ]);
    expect(say([there, ...rows, row(900 * MS, "released", listener, { state: "LISTEN" })]).slice(-2)).toEqual([
      "15:03:00.014  … 36 more connections (72 events over 36 ms)",
      "15:03:00.900  s1 let the port go",
    ]);
  });

  it("of sockets that share a lane are told by the first and the last", () => {
    const rows = clients.map((one, index) => row(index, "there", one, { state: "ESTABLISHED" }));
    const refusal = row(50, "refused", binder, { state: "BOUND", process: { pid: 20, comm: "node" }, blockers: clients, detail: "f1" });
    expect(say([...rows, refusal])).toEqual([
      "15:03:00.000  s3 192.0.2.1:8080 to 192.0.2.7:40000 was there: ESTABLISHED",
      "15:03:00.000  … 38 more like this over 0 µs",
      "15:03:00.000  s42 192.0.2.1:8080 to 192.0.2.7:40000 was there: ESTABLISHED",
      "15:03:00.000  ✗ node[20] refused (f1), blocked by s3, s4, s5, s6, 36 more",
    ]);
  });

  it("or not: of very many events the first and the last are told", () => {
    const rows = Array.from({ length: 1000 }, (_, index) => row(index * MS, "option", listener, { process: { pid: index, comm: "node" } }));
    const told = say([there, ...rows]);
    expect(told).toHaveLength(201);
    expect(told[50]).toBe("… 801 lines left out");
    expect(told.at(-1)).toBe("15:03:00.999  node[999] set  on s1");
  });
});

describe("an event", () => {
  it.each<[TraceEvent[], string]>([
    [[seed(connection())], "s1 192.0.2.1:8080 to 192.0.2.7:40000 was there: ESTABLISHED"],
    [[bind({ socket: next })], "node[20] bound s1 to 0.0.0.0:8080"],
    [[seed(facts()), close(MS, { references: 1 })], "node[10] closed s1"],
    [[seed(facts()), close(MS, { references: 3 })], "node[10] closed a copy of s1 (2 left)"],
    [[seed(facts()), option(MS, { errno: "EPERM" })], "node[10] set SO_REUSEADDR: EPERM on s1"],
    [[seed(facts()), state(MS, { sk: 1, inode: 100, from: "LISTEN", to: "CLOSE" })], "s1 stopped listening"],
    [[seed(connection()), state(MS, { sk: 5, inode: 500, from: "ESTABLISHED", to: "FIN_WAIT1" })], "s1 is in FIN_WAIT1"],
    [[seed(connection()), destroy(MS, { sk: 5 })], "s1 ended (node[10])"],
    [[seed(facts()), look(MS, [])], "s1 was not there any more"],
    [[seed(connection()), destroy(MS, { sk: 5 }), look(2 * MS, [timeWait()])], "s1 is in TIME_WAIT"],
    [[bind({ socket: next }), exit(20 * MS, { pid: 20, code: 3 })], "node[20] exited (code 3)"],
    [[bind({ socket: next }), exit(20 * MS, { pid: 20, signal: 15 })], "node[20] exited (signal 15)"],
  ])("%#: %j", (told, said) => {
    expect(lastRow(...told)).toBe(said);
  });
});

describe("whatever the processes call themselves", () => {
  const said = hostile.map((comm) => {
    const renamed = JSON.stringify(restart(), (key, value) => (key === "comm" ? comm : value));
    return JSON.parse(renamed) as TraceEvent[];
  });

  it("no line holds a control character", () => {
    fc.assert(
      fc.property(said, fc.boolean(), fc.boolean(), fc.integer({ min: 40, max: 160 }), (told, color, ascii, width) => {
        for (const line of visible(text(told, { color, ascii, width })).split("\n")) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });

  it("with ASCII there is nothing else", () => {
    fc.assert(
      fc.property(said, fc.integer({ min: 40, max: 160 }), (told, width) => {
        expect(text(told, { ascii: true, width })).toMatch(/^[\n\x20-\x7e]*$/);
      }),
    );
  });
});

describe("the width", () => {
  it("holds every line", () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 160 }), fc.boolean(), (width, ascii) => {
        const lines = text(restart(), { width, ascii }).split("\n");
        expect(lines.filter((line) => textWidth(line) > width)).toEqual([]);
      }),
    );
  });

  it.each([80, 60])("of %d cuts off nothing of a long IPv6 address", (width) => {
    const address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    const peer = { address: "2001:db8:1111:2222:3333:4444:5555:6666", port: 65535 };
    const said = text([seed(connection({ family: "ipv6", address, peer }))], { width, ascii: true });
    const told = events(said).join("").replace(/\s+/g, "");
    expect(told).toContain(`[${address}]:8080to[${peer.address}]:65535wasthere`);
    expect(said).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("cuts off nothing of a name in letters of two columns", () => {
    const wide = "𠀀𠀀𠀀𠀀";
    const renamed = JSON.parse(JSON.stringify(restart(), (key, value) => (key === "comm" ? wide : value))) as TraceEvent[];
    for (let width = 40; width <= 100; width++) {
      const said = text(renamed, { width });
      expect([width, said.match(/…|\p{Cs}/u), said.split("\n").filter((line) => textWidth(line) > width)]).toEqual([width, null, []]);
    }
  });

  it("holds the name of the thousandth socket", () => {
    const bound = (id: number, port: number) => bind({ t: id, socket: facts({ sk: id, inode: id, port, state: "BOUND" }) });
    const told = [...Array.from({ length: 1000 }, (_, index) => bound(index + 1, 1)), bound(1001, 8080)];
    const last = tell(told).story.timelines().at(-1);
    expect(last && timelineText(last, new Map(), header(), PLAIN).split("\n")[3]).toMatch(/^s1001 0\.0\.0\.0:8080 node\[20\] ├─+$/);
  });
});
