import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { Overview } from "../../src/report/overview.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { bind, facts, holders, MS, refused, tell, timeWait } from "../helpers/events.ts";

const PLAIN: TextOptions = { color: false, width: 60, ascii: false, offsetMinutes: 0 };

function overview(events: readonly TraceEvent[], options: Partial<TextOptions> = {}): string[] {
  const { of } = tell(events);
  const view = new Overview({ ...PLAIN, ...options });
  for (const failure of of("failure")) view.take(failure);
  return view.text(of("summary").flatMap(({ ports }) => ports)).split("\n");
}

const listener = facts({ sk: 1, inode: 100 });
const old = timeWait({ sk: 5, port: 9000 });
const named = (comm: string, pid: number, t = 10) => {
  const failure = refused([listener], { t: t * MS, pid: 30, tid: 30 });
  const holder = { pid, fd: 18, comm, command: "", parent: 1, startedAt: 0 };
  return [failure, holders((t + 1) * MS, failure, { sockets: [{ inode: 100, holders: [holder] }] })];
};
const other = refused([old], { t: 40 * MS, pid: 31, tid: 31, socket: facts({ sk: 7, inode: 700, port: 9000, state: "BOUND" }) });
const then = bind({ t: 1_500 * MS, pid: 31, socket: facts({ sk: 7, inode: 700, port: 9000, state: "BOUND" }) });

describe("a report of several ports", () => {
  it("ends with a line for each: how often, how long, and by whom", () => {
    expect(overview([...named("node", 20), ...named("nginx", 21, 20), other, then])).toEqual([
      "",
      "port      refused  unavailable  blocked by",
      "8080/tcp        2       1.49 s  node[20], nginx[21]",
      "9000/tcp        1       1.46 s  TIME_WAIT",
      "",
    ]);
  });

  it.each<[number, string]>([
    [3, ""],
    [5, " and 2 more"],
    [20, " and many more"],
  ])("names a few of %d, within the width", (count, more) => {
    const many = Array.from({ length: count }, (_, index) => named("node", 100 + index, 10 + index)).flat();
    const [, , line = ""] = overview([...many, other, then], { width: 90 });
    expect(line.endsWith(`  node[100], node[101], node[102]${more}`)).toBe(true);
    for (const cut of overview([...many, other, then], { width: 50 })) expect(cut.length).toBeLessThanOrEqual(50);
  });

  it("keeps a hostile name on its line", () => {
    const lines = overview([...named("\u001b[2J\n\u202e", 20), other, then]);
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatch(/ {2}\\x1b\[2J\\x0a\\u\{202e\}\[20\]$/);
  });
});

it("a report of one port has no such table", () => {
  expect(overview(named("node", 20))).toEqual([""]);
});
