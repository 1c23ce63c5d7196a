import { describe, expect, it } from "vitest";
import type { SocketFacts, WalkFacts } from "../../src/core/event.ts";
import { explain } from "../../src/core/explain.ts";
import { oddOneOut } from "../../src/core/odd-one-out.ts";
import { SocketTable } from "../../src/core/table.ts";
import { connection, facts, refused, timeWait, udp, udpWalk, walk } from "../helpers/events.ts";

const member = (sk: number, overrides: Partial<SocketFacts> = {}) =>
  facts({ sk, inode: sk * 100, reusePort: true, group: { id: 0, size: 3 }, ...overrides });
const asking = (overrides: Partial<SocketFacts> = {}) => facts({ sk: 9, inode: 900, reusePort: true, ...overrides });

/** What is said of a bind by this socket that these owners refused. */
function said(owners: SocketFacts[], socket: SocketFacts, change: Partial<WalkFacts> = {}, orphanUidIsZero = false): string | undefined {
  const table = new SocketTable();
  table.walked(walk(owners), 0);
  const shown = socket.protocol === "udp" ? udpWalk(owners, change) : walk(owners, change);
  const call = refused(owners, { socket, walk: shown });
  const walked = table.walked(shown, call.t);
  const kernel = { bhash2: true, orphanUidIsZero };
  const verdict = explain(call, { owners: walked, remembered: [], unseenListeners: [], seeded: true, kernel, faults: [] });
  const note = oddOneOut({
    ...{ id: "f1", call, binder: table.call(call), process: table.processes.seen(20, "node"), owners: walked, verdict },
    ...{ holders: new Map(), holdersComplete: true, unseenListeners: [], ready: true, row: undefined },
  });
  if (note) expect(note.code).toBe("odd-one-out");
  return note?.message;
}

describe("the odd one out", () => {
  it.each<[string, SocketFacts[], SocketFacts, string]>([
    [
      "is the owner that lacks SO_REUSEPORT",
      [member(1), member(2), facts({ sk: 3, inode: 300 })],
      asking(),
      "s3 is the odd one out: it lacks SO_REUSEPORT, which s1, s2 and s4 have",
    ],
    [
      "is the new socket that lacks it",
      [member(1), member(2)],
      asking({ reusePort: false }),
      "s3, the new socket, is the odd one out: it lacks SO_REUSEPORT, which s1 and s2 have",
    ],
    [
      "is the owner of another user",
      [member(1), member(2, { uid: 0 }), member(3)],
      asking(),
      "s2 is the odd one out: it is of uid 0, but s1, s3 and s4 are of uid 1000",
    ],
    [
      "is the new socket of another user",
      [member(1), member(2)],
      asking({ uid: 0 }),
      "s3, the new socket, is the odd one out: it is of uid 0, but s1 and s2 are of uid 1000",
    ],
    [
      "is one of sockets that are bound only",
      [member(1, { state: "BOUND", group: null }), facts({ sk: 3, inode: 300, state: "BOUND" })],
      asking(),
      "s2 is the odd one out: it lacks SO_REUSEPORT, which s1 and s3 have",
    ],
    [
      "is one of UDP",
      [udp({ sk: 1, inode: 100, reusePort: true }), udp({ sk: 2, inode: 200 })],
      asking({ protocol: "udp" }),
      "s2 is the odd one out: it lacks SO_REUSEPORT, which s1 and s3 have",
    ],
    [
      "is one of many",
      [facts({ sk: 50, inode: 5 }), ...Array.from({ length: 8 }, (_, index) => member(index + 1))],
      asking(),
      "s1 is the odd one out: it lacks SO_REUSEPORT, which s2, s3, s4 and 6 more have",
    ],
    [
      "is the new socket, also for connections of the others",
      [member(1), member(2), connection({ reusePort: true })],
      asking({ reusePort: false }),
      "s4, the new socket, is the odd one out: it lacks SO_REUSEPORT, which s1 and s2 have",
    ],
  ])("%s", (_, owners, socket, message) => {
    expect(said(owners, socket)).toBe(message);
  });

  it.each<[string, SocketFacts[], SocketFacts]>([
    ["one owner", [member(1)], asking({ reusePort: false })],
    ["an owner and connections alone", [facts({ sk: 1 }), connection({ reusePort: true }), timeWait({ reusePort: true })], asking()],
    ["two that lack it", [member(1), facts({ sk: 2, inode: 200 })], asking({ reusePort: false })],
    ["nobody that has it", [facts({ sk: 1 }), facts({ sk: 2, inode: 200, address: "192.0.2.1" })], asking({ reusePort: false })],
    ["two users of two sockets each", [member(1), member(2, { uid: 0 }), member(3, { uid: 0 })], asking()],
    ["three users", [member(1, { uid: 1 }), member(2, { uid: 2 })], asking()],
    ["a connection without it in the way too", [member(1), facts({ sk: 2, inode: 200 }), connection()], asking()],
    [
      "others that lack it too, though they are not in the way",
      [member(1), facts({ sk: 2, inode: 200, address: "192.0.2.1" }), facts({ sk: 3, inode: 300, address: "192.0.2.2" })],
      asking({ address: "192.0.2.1" }),
    ],
    ["a new socket that has a group already", [member(1), member(2)], asking({ group: { id: 5, size: 1 } })],
    [
      "one without it that is of another address",
      [member(1), member(2), facts({ sk: 3, inode: 300, address: "192.0.2.1" })],
      asking({ address: "192.0.2.2", uid: 0 }),
    ],
  ])("is not named among %s", (_, owners, socket) => {
    expect(said(owners, socket)).toBeUndefined();
  });

  it("is not named where all are of one user, and the kernel takes one that is being closed for root's", () => {
    const closing = member(1, { inode: null });
    expect(said([closing, member(2)], asking(), {}, true)).toBeUndefined();
    expect(said([{ ...closing, uid: 7 }, member(2)], asking(), {}, true)).toContain("it is of uid 7, but");
  });

  it("is not named where not every owner could be seen", () => {
    const owners = [member(1), member(2), facts({ sk: 3, inode: 300 })];
    expect(said(owners, asking())).toBeDefined();
    expect(said(owners, asking(), { possible: 4 })).toBeUndefined();
    expect(said(owners, asking(), { lost: true })).toBeUndefined();
  });
});
