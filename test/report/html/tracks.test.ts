import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lane } from "../../../src/core/chart.ts";
import type { Socket } from "../../../src/core/socket.ts";
import { tracksOf } from "../../../src/report/html/tracks.ts";
import { connection, facts } from "../../helpers/events.ts";

const lane = (from: number | null, to: number | null, isConnection = false): Lane => ({
  socket: { facts: isConnection ? connection() : facts() } as Socket,
  seenAt: from ?? 0,
  bars: [{ kind: "bound", from, to }],
  lostAt: null,
  lastSeenAt: null,
});
const many = (lanes: Lane[]) => [...lanes, ...Array.from({ length: 41 }, (_, index) => lane(1_000 + index, 1_001 + index, true))];

describe("tracks", () => {
  it("are one for each lane where there are not many", () => {
    expect(tracksOf([lane(1, 2), lane(3, 4)])).toEqual({ of: [0, 1], count: 2, labels: [] });
  });

  it("are shared by many lanes that follow each other: the bound sockets' first, then the connections'", () => {
    const { of, count, labels } = tracksOf(many([lane(1, 2), lane(2, 9), lane(3, null), lane(9, 12)]));
    expect(of.slice(0, 4)).toEqual([0, 0, 1, 0]);
    expect(new Set(of.slice(4))).toEqual(new Set([2]));
    expect(count).toBe(3);
    expect(labels).toEqual([
      [0, "bound, listening (4)", "bound"],
      [2, "connections (41)", "conn."],
    ]);
  });

  it("never have two lanes at one time, and are as few as can be", () => {
    const extents = fc.array(fc.tuple(fc.nat(12), fc.option(fc.nat(4))), { minLength: 41, maxLength: 80 });
    fc.assert(
      fc.property(extents, (some) => {
        const lanes = some.map(([from, length]) => lane(from, length === null ? null : from + length));
        const { of, count } = tracksOf(lanes);
        const end = (one: Lane | undefined) => one?.bars[0]?.to ?? Number.POSITIVE_INFINITY;
        const overlap = (a: Lane, b: Lane) => a.seenAt < end(b) && b.seenAt < end(a);
        lanes.forEach((a, i) => {
          lanes.forEach((b, j) => {
            if (i < j && of[i] === of[j]) expect(overlap(a, b)).toBe(false);
          });
        });
        const most = Math.max(...lanes.map(({ seenAt }) => lanes.filter((one) => one.seenAt <= seenAt && end(one) > seenAt).length), 1);
        expect(count).toBeLessThanOrEqual(most + 1);
      }),
    );
  });
});
