import { describe, expect, it } from "vitest";
import type { State } from "../../src/core/event.ts";
import type { Socket } from "../../src/core/socket.ts";
import { type Cell, laneCells, type Row, unavailable } from "../../src/core/timeline.ts";
import { NETNS } from "../helpers/events.ts";

const [a, b] = [{ id: "s1" }, { id: "s2" }] as [Socket, Socket];

function row(t: number, kind: Row["kind"], socket: Socket | null = null, state: State | null = null, blockers: Socket[] = []): Row {
  return { t, kind, socket, state, process: null, detail: "", blockers };
}
const port = (rows: Row[], lanes: Socket[] = [a, b]) =>
  laneCells({ netns: NETNS, protocol: "tcp", port: 8080, rows, lanes, reported: true });

describe("laneCells", () => {
  it("draws a bar from its first row to its release, and marks what each row is about", () => {
    const cells = port([
      row(1, "bound", a, "BOUND"),
      row(2, "listening", a, "LISTEN"),
      row(3, "refused", b, "BOUND", [a]),
      row(4, "released", a, "BOUND"),
      row(5, "bound", b, "BOUND"),
    ]);
    expect(cells).toEqual([
      [
        { before: "empty", after: "bound", mark: "event" },
        { before: "empty", after: "empty", mark: null },
      ],
      [
        { before: "bound", after: "listening", mark: "event" },
        { before: "empty", after: "empty", mark: null },
      ],
      [
        { before: "listening", after: "listening", mark: "blocks" },
        { before: "empty", after: "empty", mark: null },
      ],
      [
        { before: "listening", after: "empty", mark: "event" },
        { before: "empty", after: "empty", mark: null },
      ],
      [
        { before: "empty", after: "empty", mark: null },
        { before: "empty", after: "bound", mark: "event" },
      ],
    ]);
  });

  it.each<[State, Cell]>([
    ["LISTEN", "listening"],
    ["BOUND", "bound"],
    ["CLOSE", "bound"],
    ["ESTABLISHED", "connected"],
    ["FIN_WAIT2", "connected"],
    ["CLOSE_WAIT", "connected"],
    ["TIME_WAIT", "lingering"],
  ])("%s is drawn as %s", (state, cell) => {
    expect(port([row(1, "state", a, state)])[0]?.[0]?.after).toBe(cell);
  });

  it("goes on through a row that is not about the socket's state", () => {
    const cells = port([row(1, "listening", a, "LISTEN"), row(2, "joined", a, null), row(3, "left", a, null)], [a]);
    expect(cells.flat().map(({ after, mark }) => [after, mark])).toEqual([
      ["listening", "event"],
      ["listening", "event"],
      ["listening", "event"],
    ]);
  });

  it("has no cell for a socket without a lane, and none for an exit", () => {
    expect(port([row(1, "bound", b, "BOUND"), row(2, "exited")], [a])).toEqual([
      [{ before: "empty", after: "empty", mark: null }],
      [{ before: "empty", after: "empty", mark: null }],
    ]);
  });
});

describe("unavailable", () => {
  const [no, yes, other] = ["refused", "bound", "released"] as const;
  it.each<[string, Row[], number]>([
    ["nothing", [], 0],
    ["success alone", [row(5, yes)], 0],
    ["a refusal until the bind that passes", [row(10, no), row(30, yes)], 20],
    ["from the first of several refusals", [row(10, no), row(20, no), row(30, other), row(40, yes), row(50, "listening")], 30],
    ["until listen passes", [row(10, no), row(15, "listening")], 5],
    ["to the end when nothing passes", [row(10, no), row(20, other)], 90],
    ["two gaps", [row(10, no), row(20, yes), row(90, no)], 20],
    ["no negative time", [row(110, no)], 0],
  ])("%s", (_, rows, nanos) => {
    expect(unavailable(rows, 100)).toBe(nanos);
  });
});
