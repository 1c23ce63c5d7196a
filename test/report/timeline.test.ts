import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { timelineTable } from "../../src/report/timeline.ts";
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
  option,
  refused,
  restart,
  seed,
  state,
  tell,
  timeWait,
} from "../helpers/events.ts";
import { hostile, visible } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };

function table(events: readonly TraceEvent[], options: Partial<TextOptions> = {}): string {
  const [timeline] = tell(events).story.timelines();
  if (!timeline) throw new Error("nothing happened");
  return timelineTable(timeline, header(), { ...PLAIN, ...options });
}
/** What is said of the last event. */
const lastRow = (...events: TraceEvent[]) =>
  table(events, { width: 200 }).trimEnd().split("\n").at(-2)?.slice(14).replace(/\s+/g, " ").trim();

const old = facts({ reuseAddr: true });
const next = facts({ sk: 2, inode: 200, state: "BOUND" });
const story = [
  seed(old),
  refused([old], { t: 10 * MS, socket: next }),
  destroy(20 * MS),
  bind({ t: 30 * MS, socket: next }),
  state(31 * MS, { from: "CLOSE", to: "LISTEN" }),
];

describe("the table", () => {
  it("shows which bar lay across the refused bind", () => {
    expect(table(story)).toBe(
      [
        "8080/tcp in network namespace 4026531840",
        "time          s1   s2   event",
        "15:03:00.000  ┬         s1 0.0.0.0:8080 was there: LISTEN",
        "15:03:00.010  ◀         ✗ node[20] refused (f1)",
        "15:03:00.020  ┴         s1 let the port go",
        "15:03:00.030       ┬    node[20] bound 0.0.0.0:8080",
        "  ┃ listening   │ bound   ╎ connected   ┊ TIME_WAIT   ◀ blocked the refused call",
        "",
      ].join("\n"),
    );
  });

  it("does so in ASCII too, and in UTC", () => {
    expect(table(story, { ascii: true, offsetMinutes: 0 }).split("\n").slice(2, 5)).toEqual([
      "14:03:00.000  +         s1 0.0.0.0:8080 was there: LISTEN",
      "14:03:00.010  <         x node[20] refused (f1)",
      "14:03:00.020  +         s1 let the port go",
    ]);
  });

  it("is in the order of time, also where an end was learnt late", () => {
    const events = [seed(connection()), destroy(10 * MS, { sk: 5 }), bind({ t: 20 * MS, socket: next }), look(30 * MS, [next])];
    const times = table(events)
      .split("\n")
      .flatMap((line) => /^[\d:.]{12}/.exec(line)?.[0] ?? []);
    expect(times).toHaveLength(4);
    expect(times).toEqual([...times].sort());
  });

  it("has no lane for sockets beyond the width, and says how many", () => {
    const many = Array.from({ length: 30 }, (_, index) => facts({ sk: index + 1, inode: index + 1, reusePort: true }));
    const text = table([seed(...many)]);
    expect(text).toMatch(/\(2\d more sockets have no lane at this width\)/);
    expect(text).toContain("s30 0.0.0.0:8080 was there");
  });
});

describe("a row", () => {
  it.each<[TraceEvent[], string]>([
    [[seed(connection())], "┬ s1 192.0.2.1:8080 to 192.0.2.7:40000 was there: ESTABLISHED"],
    [[bind({ socket: next })], "┬ node[20] bound 0.0.0.0:8080"],
    [[seed(facts()), close(MS, { references: 1 })], "┃ node[10] closed s1"],
    [[seed(facts()), close(MS, { references: 3 })], "┃ node[10] closed a copy of s1 (2 left)"],
    [[seed(facts()), option(MS, { errno: "EPERM" })], "┃ node[10] set SO_REUSEADDR: EPERM on s1"],
    [[seed(facts()), state(MS, { sk: 1, inode: 100, from: "LISTEN", to: "CLOSE" })], "┼ s1 stopped listening"],
    [[seed(connection()), state(MS, { sk: 5, inode: 500, from: "ESTABLISHED", to: "FIN_WAIT1" })], "╎ s1 is in FIN_WAIT1"],
    [[seed(connection()), destroy(MS, { sk: 5 })], "╎ s1 ended (node[10])"],
    [[seed(connection()), destroy(MS, { sk: 5 }), look(2 * MS, [timeWait()])], "┼ s1 is in TIME_WAIT"],
    [[bind({ socket: next }), exit(20 * MS, { pid: 20, code: 3 })], "│ node[20] exited (code 3)"],
    [[bind({ socket: next }), exit(20 * MS, { pid: 20, signal: 15 })], "│ node[20] exited (signal 15)"],
  ])("%#: %j", (events, text) => {
    expect(lastRow(...events)).toBe(text);
  });
});

describe("whatever the processes call themselves", () => {
  const said = hostile.map((comm) => {
    const renamed = JSON.stringify(restart(), (key, value) => (key === "comm" ? comm : value));
    return JSON.parse(renamed) as TraceEvent[];
  });

  it("no line holds a control character", () => {
    fc.assert(
      fc.property(said, fc.boolean(), fc.boolean(), fc.integer({ min: 40, max: 160 }), (events, color, ascii, width) => {
        for (const line of visible(table(events, { color, ascii, width })).split("\n")) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });

  it("with ASCII there is nothing else", () => {
    fc.assert(
      fc.property(said, fc.integer({ min: 40, max: 160 }), (events, width) => {
        expect(table(events, { ascii: true, width })).toMatch(/^[\n\x20-\x7e]*$/);
      }),
    );
  });
});

describe("the width", () => {
  it("holds every line", () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 160 }), fc.boolean(), (width, ascii) => {
        const tooLong = table(restart(), { width, ascii })
          .split("\n")
          .filter((line) => line.length > width);
        expect(tooLong).toEqual([]);
      }),
    );
  });

  it("holds the note on sockets without a lane", () => {
    const many = Array.from({ length: 30 }, (_, index) => facts({ sk: index + 1, inode: index + 1, reusePort: true }));
    for (const line of table([seed(...many)]).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([80, 60])("of %d cuts off nothing of a long IPv6 address", (width) => {
    const address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    const peer = { address: "2001:db8:1111:2222:3333:4444:5555:6666", port: 65535 };
    const text = table([seed(connection({ family: "ipv6", address, peer }))], { width, ascii: true });
    expect(text.replace(/\s+/g, "")).toContain(`[${address}]:8080`);
    expect(text.replace(/\s+/g, "")).toContain(`[${peer.address}]:65535`);
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("cuts off nothing of a name in letters of two columns", () => {
    const wide = "𠀀𠀀𠀀𠀀";
    const renamed = JSON.parse(JSON.stringify(restart(), (key, value) => (key === "comm" ? wide : value))) as TraceEvent[];
    for (let width = 40; width <= 100; width++) {
      expect([width, table(renamed, { width }).match(/…|\p{Cs}/u)]).toEqual([width, null]);
    }
  });

  it("holds the name of the thousandth socket", () => {
    const bound = (id: number, port: number) => bind({ t: id, socket: facts({ sk: id, inode: id, port, state: "BOUND" }) });
    const events = [...Array.from({ length: 1000 }, (_, index) => bound(index + 1, 1)), bound(1001, 8080)];
    const last = tell(events).story.timelines().at(-1);
    expect(last && timelineTable(last, header(), PLAIN).split("\n")[1]).toMatch(/^time +s1001 +event$/);
  });
});
