import { describe, expect, it } from "vitest";
import { chartOf } from "../../src/core/chart.ts";
import type { State } from "../../src/core/event.ts";
import type { Socket } from "../../src/core/socket.ts";
import type { PortTimeline, Row } from "../../src/core/timeline.ts";
import { NETNS } from "../helpers/events.ts";

const [a, b] = [
  { id: "s1", seenAt: 1, destroyedAt: 4 },
  { id: "s2", seenAt: 1, destroyedAt: null },
] as [Socket, Socket];

function row(t: number, kind: Row["kind"], socket: Socket | null = null, state: State | null = null, overrides: Partial<Row> = {}): Row {
  return { t, kind, socket, state, process: null, detail: "", blockers: [], ...overrides };
}
const chart = (rows: Row[], protocol: PortTimeline["protocol"] = "tcp") =>
  chartOf({ netns: NETNS, protocol, port: 8080, rows, lanes: [a, b], reported: true });

describe("the chart of a port", () => {
  it("has a bar from each change of a socket's state to the next, and none after its release", () => {
    const rows = [
      row(1, "bound", a, "BOUND"),
      row(2, "listening", a, "LISTEN"),
      row(9, "released", a, "BOUND"),
      row(9, "bound", b, "BOUND"),
    ];
    expect(chart(rows)).toMatchObject({
      ...{ netns: NETNS, protocol: "tcp", port: 8080, from: 1, to: 9, refusals: [], gaps: [] },
      lanes: [
        {
          socket: a,
          seenAt: 1,
          bars: [
            { kind: "bound", from: 1, to: 2 },
            { kind: "listening", from: 2, to: 9 },
          ],
        },
        { socket: b, seenAt: 9, bars: [{ kind: "bound", from: 9, to: null }] },
      ],
    });
  });

  it("has no beginning for what was there, and no end for what stayed", () => {
    expect(chart([row(5, "there", a, "LISTEN")]).lanes).toEqual([
      { socket: a, seenAt: 5, bars: [{ kind: "listening", from: null, to: null }], lostAt: null, lastSeenAt: null },
    ]);
  });

  it("goes on through rows that are not about the state, and through a refusal of the socket itself", () => {
    const rows = [row(1, "bound", a, "BOUND"), row(2, "joined", a), row(3, "refused", a, "LISTEN"), row(4, "state", a, "BOUND")];
    expect(chart(rows).lanes).toMatchObject([{ bars: [{ kind: "bound", from: 1, to: null }] }]);
  });

  it("begins a bar anew where a socket took its port again", () => {
    const rows = [row(1, "bound", a, "BOUND"), row(2, "released", a, "BOUND"), row(5, "there", a, "BOUND")];
    expect(chart(rows).lanes[0]?.bars).toEqual([
      { kind: "bound", from: 1, to: 2 },
      { kind: "bound", from: 5, to: null },
    ]);
  });

  it("is not taken for bound again by what is done with the descriptor after the port was let go", () => {
    const rows = [
      row(1, "bound", a, "BOUND"),
      row(2, "released", a, "BOUND"),
      row(3, "copy-closed", a, "BOUND"),
      row(4, "option", a, "BOUND"),
    ];
    expect(chart(rows).lanes).toMatchObject([{ bars: [{ kind: "bound", from: 1, to: 2 }], lostAt: null, lastSeenAt: null }]);
  });

  describe("of a connection that ended", () => {
    const rows = [row(1, "there", a, "FIN_WAIT2"), row(3, "state", a, "CLOSE"), row(4, "gone", a, "CLOSE")];
    const ended = [
      { kind: "connected", from: null, to: 3 },
      { kind: "bound", from: 3, to: 4 },
    ];
    it.each<[string, Row[], object[], number | null]>([
      ["does not know what came after", [], ended, 4],
      ["does not know that any better after a second word of its end", [row(5, "gone", a, "CLOSE")], ended, 4],
      ["knows when it let the port go", [row(4, "released", a, "CLOSE")], ended, null],
      ["goes on in TIME_WAIT from its end", [row(9, "state", a, "TIME_WAIT")], [...ended, { kind: "lingering", from: 4, to: null }], null],
      [
        "ends with its TIME_WAIT",
        [row(9, "state", a, "TIME_WAIT"), row(12, "released", a, "TIME_WAIT")],
        [...ended, { kind: "lingering", from: 4, to: 12 }],
        null,
      ],
    ])("%s", (_, more, bars, lostAt) => {
      expect(chart([...rows, ...more]).lanes).toEqual([{ socket: a, seenAt: 1, bars, lostAt, lastSeenAt: null }]);
    });
  });

  it("ends the bar of a socket that a look did not find any more, and does not know what was before the next one", () => {
    const rows = [row(1, "listening", b, "LISTEN"), row(4, "missing", b, "LISTEN"), row(9, "state", b, "TIME_WAIT")];
    expect(chart(rows.slice(0, 2)).lanes).toEqual([
      { socket: b, seenAt: 1, bars: [{ kind: "listening", from: 1, to: 4 }], lostAt: 4, lastSeenAt: 1 },
    ]);
    expect(chart(rows).lanes[0]?.bars[1]).toEqual({ kind: "lingering", from: 9, to: null });
  });

  it("has a lane for a socket of which only that it was in the way is known", () => {
    const rows = [row(2, "refused", b, "BOUND", { blockers: [a] }), row(3, "refused", b, "BOUND", { blockers: [a] })];
    expect(chart(rows).lanes).toEqual([{ socket: a, seenAt: 2, bars: [], lostAt: null, lastSeenAt: null }]);
  });

  it("has the refusals in time order, with what was in their way", () => {
    const process = { pid: 7, comm: "node" };
    const rows = [row(6, "refused", b, "BOUND", { detail: "f2", blockers: [a], process }), row(2, "refused", b, "BOUND", { detail: "f1" })];
    expect(chart(rows).refusals).toEqual([
      { t: 2, failure: "f1", process: null, blockers: [] },
      { t: 6, failure: "f2", process, blockers: [a] },
    ]);
  });

  it.each<[string, PortTimeline["protocol"], Row[], [number, number][]]>([
    [
      "between two listeners",
      "tcp",
      [row(1, "listening", a, "LISTEN"), row(4, "released", a, "LISTEN"), row(9, "listening", b, "LISTEN")],
      [[4, 9]],
    ],
    [
      "not while another listens",
      "tcp",
      [row(1, "there", a, "LISTEN"), row(2, "listening", b, "LISTEN"), row(4, "released", b, "LISTEN"), row(9, "listening", b, "LISTEN")],
      [],
    ],
    ["not after the last", "tcp", [row(1, "listening", a, "LISTEN"), row(4, "released", a, "LISTEN")], []],
    ["not where nobody listened", "tcp", [row(1, "bound", a, "BOUND"), row(4, "released", a, "BOUND"), row(9, "bound", b, "BOUND")], []],
    [
      "of UDP where nobody was bound",
      "udp",
      [row(1, "bound", a, "BOUND"), row(4, "released", a, "BOUND"), row(9, "bound", b, "BOUND")],
      [[4, 9]],
    ],
  ])("has a gap %s", (_, protocol, rows, gaps) => {
    expect(chart(rows, protocol).gaps).toEqual(gaps.map(([from, to]) => ({ from, to })));
  });

  it("of nothing is empty", () => {
    expect(chart([])).toMatchObject({ from: 0, to: 0, lanes: [], refusals: [], gaps: [] });
  });
});
