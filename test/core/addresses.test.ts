import { describe, expect, it } from "vitest";
import { SocketTable } from "../../src/core/table.ts";
import { bind, destroy, facts, refused, walk } from "../helpers/events.ts";

const first = facts({ sk: 1, inode: 100, state: "BOUND" });
const second = facts({ sk: 1, inode: 101, state: "BOUND" });

/** A table to which events come at these instants, in this order. */
function fold(...events: ((table: SocketTable) => [number, () => unknown])[]) {
  const table = new SocketTable();
  for (const event of events) {
    const [t, apply] = event(table);
    table.advance(t);
    apply();
  }
  return table;
}

const bound =
  (t: number, socket = first) =>
  (table: SocketTable) =>
    [t, () => table.call(bind({ t, socket }))] as [number, () => unknown];
const ended = (t: number) => (table: SocketTable) => [t, () => table.destroy(destroy(t, { sk: 1 }))] as [number, () => unknown];
const shown = (t: number, ...owners: (typeof first)[]) => {
  return (table: SocketTable) => [t, () => table.walked(walk(owners), t)] as [number, () => unknown];
};

describe("what comes late", () => {
  it("brings nobody back whose end is known", () => {
    const table = fold(bound(5), ended(7), bound(9, second), shown(6, first));
    expect(table.sockets).toMatchObject([{ inode: 100, destroyedAt: 7 }, { inode: 101 }]);
    expect(table.find(1, 101)).toBe(table.sockets[1]);
  });

  it("tells of a bind whose end is known, and leaves it ended", () => {
    const table = fold(bound(5), ended(7), bound(9, second), bound(6, first));
    expect(table.sockets).toMatchObject([
      { inode: 100, destroyedAt: 7, boundAt: 5, steps: [{ t: 5, step: "bound" }, { t: 6 }] },
      { inode: 101, destroyedAt: null },
    ]);
    expect(table.heldDuring(facts({ sk: 9 }), 20, 30).map(({ socket }) => socket.inode)).toEqual([101]);
  });

  it.each([
    ["a bind", bound(6, first)],
    ["a walk", shown(6, first)],
  ])("is not in the way later, for its end may have been missed: %s", (_, late) => {
    const table = fold(bound(9, second), late);
    expect(table.sockets).toMatchObject([
      { inode: 101, inBucketSince: 9 },
      { inode: 100, inBucketSince: null },
    ]);
    expect(table.find(1, 101)).toBe(table.sockets[0]);
  });

  it("ends the socket that was there then, not the next", () => {
    const table = fold(bound(5), bound(9, second), ended(7));
    expect(table.sockets).toMatchObject([{ destroyedAt: 7 }, { destroyedAt: null }]);
  });

  it("ends nobody where none is known to have been there then", () => {
    const table = fold(bound(9, second), ended(7));
    expect(table.sockets).toMatchObject([{ destroyedAt: null }]);
  });
});

describe("an address that the kernel gave to the next socket", () => {
  it("shows that the last has ended, though that was not seen", () => {
    const table = fold(bound(5), bound(9, second));
    expect(table.heldDuring(facts({ sk: 9 }), 20, 30).map(({ socket }) => socket.inode)).toEqual([101]);
  });

  it("was no refused binder's claim", () => {
    const table = fold(
      (one) => [3, () => one.call(refused([], { t: 3, socket: first }))],
      (one) => [4, () => one.call(bind({ t: 4, socket: first }))],
    );
    expect(table.sockets).toMatchObject([{ inode: 100, inBucketSince: 4, binderOnly: false }]);
  });
});
