import { describe, expect, it } from "vitest";
import type { EventOf, SocketFacts } from "../../src/core/event.ts";
import { type Socket, sameConnection } from "../../src/core/socket.ts";
import { SocketTable } from "../../src/core/table.ts";
import {
  bind,
  close,
  connection,
  destroy,
  facts,
  listen,
  NETNS,
  option,
  refused,
  release,
  state,
  timeWait,
  udp,
  walk,
} from "../helpers/events.ts";

const MINUTE = 60_000_000_000;

/** The sockets that these owners of one walk are to the table. */
const see = (table: SocketTable, t: number, ...owners: SocketFacts[]) => table.walked(walk(owners), t).map(({ socket }) => socket);

/** A table that has seen these owners at instant 0, and the sockets that they became. */
function seeded(...owners: SocketFacts[]) {
  const table = new SocketTable();
  return { table, sockets: see(table, 0, ...owners) };
}
const ids = (sockets: readonly Socket[]) => sockets.map(({ id }) => id);

describe("identity", () => {
  it("is kept from bind over listen to a walk", () => {
    const table = new SocketTable();
    const bound = table.call(bind({ t: 5 }));
    expect(table.call(listen({ t: 6 }))).toBe(bound);
    expect(see(table, 7, facts({ sk: 2, inode: 200 }))).toEqual([bound]);
    expect(bound).toMatchObject({ id: "s1", boundAt: 5, inBucketSince: 5, listeningSince: 6, opener: { process: { pid: 20 }, fd: 18 } });
  });

  it("ends when the pointer comes back with another inode", () => {
    const { table, sockets } = seeded(facts({ sk: 1, inode: 100 }));
    expect(ids(see(table, 1, facts({ sk: 1, inode: 101 })))).toEqual(["s2"]);
    expect(sockets[0]?.facts.inode).toBe(100);
  });

  it("ends with destroy, even when pointer and inode come back", () => {
    const { table } = seeded(facts());
    table.destroy(destroy(1));
    expect(ids(see(table, 2, facts()))).toEqual(["s2"]);
  });

  describe("of an owner that is being closed, and has no inode any more", () => {
    const leaving = facts({ inode: null, references: null, state: "BOUND" });
    const known = () => seeded(facts({ state: "BOUND" }));
    const during = (table: SocketTable, owner: SocketFacts) => table.walked(walk([owner]), 9, 5).map(({ socket }) => socket);

    it("is that of the one at its address that was closed during the call", () => {
      const { table, sockets } = known();
      table.close(close(6, { references: 1 }));
      expect(during(table, leaving)).toEqual(sockets);
    });

    it.each([
      ["was not closed", null, leaving],
      ["has another copy left", close(6, { references: 2 }), leaving],
      ["was closed before the call", close(4, { references: 1 }), leaving],
      ["is unlike it", close(6, { references: 1 }), { ...leaving, reuseAddr: true }],
    ])("is another where that %s, which still ends by its own end", (_, closed, owner) => {
      const { table, sockets } = known();
      if (closed) table.close(closed);
      const [nameless] = during(table, owner);
      expect(sockets).not.toContain(nameless);
      expect(nameless?.inBucketSince).toBeNull();
      expect(table.destroy(destroy(10))).toBe(sockets[0]);
    });

    it("is its own where nobody is known at its address", () => {
      const table = new SocketTable();
      const [nameless] = during(table, leaving);
      expect(nameless?.inBucketSince).toBe(9);
      expect(table.destroy(destroy(10))).toBe(nameless);
    });
  });

  it("does not pass from a refused binder to a connection at the same kernel address", () => {
    const table = new SocketTable();
    const binder = table.call(refused([], { socket: facts({ sk: 2, inode: 200 }) }));
    const [unaccepted] = see(table, 20_000_000, connection({ sk: 2, inode: null }));
    expect(unaccepted).not.toBe(binder);
  });

  it("goes on in TIME_WAIT by the four-tuple", () => {
    const { table, sockets } = seeded(connection());
    table.destroy(destroy(1, { sk: 5 }));
    expect(see(table, 2, timeWait())).toEqual(sockets);
    expect(see(table, 3, timeWait())).toEqual(sockets);
    expect(sockets[0]?.facts.state).toBe("TIME_WAIT");
  });

  it.each([
    ["port", { port: 8081 }],
    ["address", { address: "192.0.2.2" }],
    ["peer's address", { peer: { address: "192.0.2.8", port: 40000 } }],
    ["peer's port", { peer: { address: "192.0.2.7", port: 40001 } }],
    ["network namespace", { netns: NETNS + 1 }],
  ])("does not go on in TIME_WAIT with another %s", (_, other) => {
    expect(sameConnection(connection(), timeWait())).toBe(true);
    expect(sameConnection(connection(), timeWait(other))).toBe(false);
    const { table } = seeded(connection());
    table.destroy(destroy(1, { sk: 5 }));
    expect(ids(see(table, 2, timeWait(other)))).toEqual(["s2"]);
  });

  it("does not go on once the port was released", () => {
    const { table, sockets } = seeded(connection());
    table.destroy(destroy(1, { sk: 5 }));
    for (const socket of sockets) socket.releasedAt = 2;
    expect(ids(see(table, 3, connection({ sk: 7 })))).toEqual(["s2"]);
  });

  it("is another one for TIME_WAIT beside the socket that keeps the port of its connection", () => {
    const { table, sockets } = seeded(connection());
    const closed = connection({ state: "BOUND" });
    expect(ids(see(table, 1, timeWait(), closed))).toEqual(["s2", "s1"]);
    expect(ids(see(table, 2, closed, timeWait()))).toEqual(["s1", "s2"]);
    table.destroy(destroy(3, { sk: 5 }));
    expect(ids(see(table, 4, timeWait()))).toEqual(["s2"]);
    expect(sockets[0]?.facts.state).toBe("BOUND");
  });

  it("does not pass to the next connection between the same ends", () => {
    const { table } = seeded(connection());
    table.destroy(destroy(1, { sk: 5 }));
    expect(ids(see(table, 2, timeWait()))).toEqual(["s1"]);
    expect(ids(see(table, 3, connection({ sk: 7, inode: 501 })))).toEqual(["s2"]);
    expect(ids(see(table, 4, connection({ sk: 8, inode: null })))).toEqual(["s3"]);
  });

  it("does not pass from one TIME_WAIT to the next between the same ends", () => {
    const { table } = seeded(timeWait());
    expect(ids(see(table, 1, timeWait()))).toEqual(["s1"]);
    expect(ids(see(table, 2, timeWait({ sk: 9 })))).toEqual(["s2"]);
    expect(ids(see(table, 3, timeWait({ sk: 9, expiresAt: 2 * MINUTE })))).toEqual(["s3"]);
  });

  it("goes on in TIME_WAIT, with another timer, when the other end closes", () => {
    const { table } = seeded(timeWait({ substate: "FIN_WAIT2" }));
    expect(ids(see(table, 1, timeWait({ expiresAt: 2 * MINUTE })))).toEqual(["s1"]);
    expect(ids(see(table, 2, timeWait({ expiresAt: 2 * MINUTE })))).toEqual(["s1"]);
  });

  it("passes from a connection that was not accepted yet to the accepted one", () => {
    const { table } = seeded(connection({ inode: null }));
    expect(ids(see(table, 1, connection()))).toEqual(["s1"]);
    expect(ids(see(table, 2, connection({ inode: null, state: "FIN_WAIT1" })))).toEqual(["s1"]);
    expect(ids(see(table, 3, connection({ inode: null })))).toEqual(["s2"]);
  });

  it("of MPTCP holds for the socket and for its subflow", () => {
    const table = new SocketTable();
    const bound = table.call(bind({ socket: facts({ sk: 2, inode: 200, protocol: "mptcp", state: "BOUND" }) }));
    const owner = facts({ sk: 2, subflow: 8, inode: 200, protocol: "mptcp" });
    expect(see(table, 20, owner)).toEqual([bound]);
    expect(table.state(state(30, { sk: 8, from: "LISTEN", to: "CLOSE" }))).toBe(bound);
    expect(table.destroy(destroy(31, { sk: 8 }))).toBe(bound);
  });

  it("of MPTCP holds by the inode where only that is known", () => {
    const { table, sockets } = seeded(facts({ sk: 8, inode: 200 }));
    expect(see(table, 1, facts({ sk: 2, subflow: 9, inode: 200, protocol: "mptcp" }))).toEqual(sockets);
  });
});

describe("a bound socket", () => {
  it("stays bound through a refused listen", () => {
    const table = new SocketTable();
    const socket = table.call(bind());
    table.state(state(20, { from: "CLOSE", to: "LISTEN" }));
    table.state(state(21, { from: "LISTEN", to: "CLOSE" }));
    table.call(listen({ t: 22, errno: "EADDRINUSE" }));
    expect(socket).toMatchObject({ facts: { state: "BOUND" }, listeningSince: null, destroyedAt: null, binderOnly: false });
  });

  it("keeps its age and opener through a second look", () => {
    const table = new SocketTable();
    const socket = table.call(bind({ t: 5 }));
    see(table, 50, facts({ sk: 2, inode: 200 }));
    expect(socket).toMatchObject({ seenAt: 5, boundAt: 5, inBucketSince: 5, opener: { process: { pid: 20 } } });
  });

  it("shows options as they became", () => {
    const { table, sockets } = seeded(facts());
    table.option(option(1, { reuseAddr: true, reusePort: true, device: 3 }));
    expect(sockets[0]?.facts).toMatchObject({ reuseAddr: true, reusePort: true, device: 3 });
  });

  it("remembers the last close", () => {
    const { table, sockets } = seeded(facts());
    table.close(close(1, { pid: 10, fd: 18, references: 2 }));
    table.close(close(2, { pid: 11, fd: 4 }));
    expect(sockets[0]?.lastClose).toMatchObject({ pid: 11, fd: 4 });
  });
});

describe("a refused binder", () => {
  it("is known by its maker once a bind of it passes", () => {
    const table = new SocketTable();
    const socket = facts({ sk: 2, inode: 200, state: "BOUND" });
    table.call(refused([], { t: 5, socket, created: { t: 4, pid: 9, comm: "systemd" } }));
    expect(table.call(bind({ t: 6, socket })).creator).toMatchObject({ process: { pid: 9 }, comm: "systemd", t: 4 });
  });

  it("is in no bucket until a bind of it passes", () => {
    const table = new SocketTable();
    const socket = table.call(refused([], { t: 5 }));
    expect(socket).toMatchObject({ binderOnly: true, boundAt: null, inBucketSince: null, opener: null });
    expect(table.call(bind({ t: 9 }))).toBe(socket);
    expect(socket).toMatchObject({ binderOnly: false, boundAt: 9, inBucketSince: 9 });
  });

  it("has no states and no end", () => {
    const table = new SocketTable();
    table.call(refused([]));
    expect(table.state(state(20))).toBeUndefined();
    expect(table.destroy(destroy(21, { sk: 2 }))).toBeUndefined();
  });
});

describe("TIME_WAIT", () => {
  it.each([
    ["began a minute before its timer ends", timeWait({ expiresAt: 2 * MINUTE }), MINUTE],
    ["was there when it was seen, however coarse its timer is", timeWait({ expiresAt: 2 * MINUTE + 100 }), MINUTE + 7],
    ["has no known beginning while it is FIN_WAIT2 in truth", timeWait({ expiresAt: 2 * MINUTE, substate: "FIN_WAIT2" }), MINUTE + 7],
    ["has no known beginning without a timer", timeWait({ expiresAt: null }), MINUTE + 7],
  ])("%s", (_, owner, since) => {
    expect(see(new SocketTable(), MINUTE + 7, owner)[0]?.inBucketSince).toBe(since);
  });
});

describe("a release", () => {
  it("is told of the socket at that address, once", () => {
    const { table, sockets } = seeded(facts({ sk: 3, inode: 300 }), facts());
    const [, socket] = sockets as [Socket, Socket];
    expect(table.release(release(5))).toBe(socket);
    expect(socket.endedBy).toMatchObject({ process: { pid: 10 }, comm: "node", exiting: false });
    socket.releasedAt = 5;
    expect(table.release(release(6))).toBeUndefined();
  });

  it("of an unknown socket is nothing, nor is that of a refused binder", () => {
    const table = new SocketTable();
    expect(table.release(release(5))).toBeUndefined();
    table.call(refused([]));
    expect(table.release(release(6, { sk: 2 }))).toBeUndefined();
  });

  it("of a TIME_WAIT remainder is that of the connection, whose own end was long ago", () => {
    const { table, sockets } = seeded(connection());
    table.destroy(destroy(1, { sk: 5 }));
    see(table, 2, timeWait());
    expect(table.release(release(3, { sk: 6, by: null }))).toBe(sockets[0]);
  });

  it("does not hide in whose process the socket had ended before", () => {
    const { table, sockets } = seeded(facts());
    table.destroy(destroy(1, { pid: 11, exiting: true }));
    table.release(release(2));
    expect(sockets[0]?.endedBy).toMatchObject({ process: { pid: 11 }, exiting: true });
  });

  it("ends the membership in a group", () => {
    const { table, sockets } = seeded(udp({ reusePort: true, group: { id: 0, size: 1 } }));
    const [socket] = sockets as [Socket];
    expect(table.groups.of(socket)?.id).toBe("g1");
    table.release(release(5));
    expect(table.groups.of(socket)).toBeUndefined();
  });
});

describe("UDP", () => {
  it("sockets at one kernel address are told apart by their inode", () => {
    const table = new SocketTable();
    const first = table.call(bind({ socket: udp({ sk: 2, inode: 200 }) }));
    table.release(release(11, { sk: 2 }));
    first.releasedAt = 11;
    expect(table.call(bind({ t: 20, socket: udp({ sk: 2, inode: 201 }) }))).not.toBe(first);
  });

  it("is remembered for UDP, TCP and MPTCP for either of the two", () => {
    const { table } = seeded(facts(), udp({ sk: 3, inode: 300 }), facts({ sk: 4, inode: 400, protocol: "mptcp" }));
    const heldBy = (binder: SocketFacts) => table.heldDuring(binder, 5, 6).map(({ socket }) => socket.id);
    expect(heldBy(udp({ sk: 9 }))).toEqual(["s2"]);
    expect(heldBy(facts({ sk: 9 }))).toEqual(["s1", "s3"]);
    expect(heldBy(facts({ sk: 9, protocol: "mptcp" }))).toEqual(["s1", "s3"]);
  });

  it("with a peer is not the TCP connection with that peer", () => {
    const { table } = seeded(connection());
    expect(ids(see(table, 1, connection({ sk: 7, inode: 700, protocol: "udp", state: "BOUND" })))).toEqual(["s2"]);
  });
});

it("keeps the subflow through which an MPTCP binder asked", () => {
  const table = new SocketTable();
  const binder = table.call(refused([], { socket: facts({ sk: 9, subflow: 8, inode: 200, protocol: "mptcp" }) }));
  expect(table.call(bind({ t: 20, socket: facts({ sk: 9, inode: 200, protocol: "mptcp", state: "BOUND" }) }))).toBe(binder);
  expect(binder.facts.subflow).toBe(8);
  expect(table.release(release(30, { sk: 8 }))).toBe(binder);
});

describe("the process with which a socket ended", () => {
  const endedIn = (owner: SocketFacts, pid: number) => {
    const { table, sockets } = seeded(owner);
    table.held({
      sockets: [{ inode: 500, holders: [{ pid: 10, fd: 18, comm: "node", command: "", parent: 1, startedAt: null }] }],
    } as EventOf<"holders">);
    table.destroy(destroy(1, { sk: owner.sk, pid, exiting: true }));
    return sockets[0]?.endedBy?.process.pid ?? null;
  };

  it.each<[string, SocketFacts, number, number | null]>([
    ["is whoever let go of a listener", facts(), 11, 11],
    ["is one that had the connection", connection(), 10, 10],
    ["is not one that a packet of the connection interrupted", connection(), 11, null],
    ["is not one that a packet interrupted when nobody had it", connection({ inode: null, state: "LAST_ACK" }), 11, null],
    ["is that of the listener which had not accepted it", connection({ inode: null }), 11, 11],
  ])("%s", (_, owner, pid, expected) => {
    expect(endedIn(owner, pid)).toBe(expected);
  });
});
