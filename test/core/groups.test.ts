import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SocketFacts } from "../../src/core/event.ts";
import { type Group, membersAt } from "../../src/core/groups.ts";
import type { Socket } from "../../src/core/socket.ts";
import { SocketTable } from "../../src/core/table.ts";
import {
  bind,
  destroy,
  facts,
  listen,
  look,
  MS,
  NETNS,
  option,
  refused,
  release,
  seed,
  state,
  tell,
  udp,
  walk,
} from "../helpers/events.ts";

/** A listener in the group of this `reuseport_id`. */
const member = (sk: number, id = 0, overrides: Partial<SocketFacts> = {}) =>
  facts({ sk, inode: sk * 100, reusePort: true, group: { id, size: 2 }, ...overrides });
const bound = (sk: number, overrides: Partial<SocketFacts> = {}) => member(sk, 0, { state: "BOUND", group: null, ...overrides });

const see = (table: SocketTable, t: number, ...owners: SocketFacts[]) => table.walked(walk(owners), t).map(({ socket }) => socket);
const bindOf = (t: number, socket: SocketFacts) => bind({ t, socket });
const listenOf = (t: number, socket: SocketFacts) => listen({ t, socket });

/** A table that has seen these owners at instant 0, and the sockets that they became. */
function seeded(...owners: SocketFacts[]) {
  const table = new SocketTable();
  return { table, sockets: see(table, 0, ...owners) as [Socket, ...Socket[]] };
}

/** What is remembered of a group, by names. */
const told = ({ id, members, size, history }: Group) => ({
  id,
  members: [...members].map((socket) => socket.id),
  size,
  history: history.map(({ socket, joinedAt, leftAt }) => [socket.id, joinedAt, leftAt]),
});

/** Every group that a known socket is or was in, in the order of their ids. */
function groupsOf(table: SocketTable): Group[] {
  const groups = new Set(table.sockets.flatMap((socket) => table.groups.staysOf(socket)).map(({ group }) => group));
  return [...groups].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
}

describe("groups", () => {
  it("are of one id and one network namespace", () => {
    const { table, sockets } = seeded(member(1), member(2), member(3, 1), member(4, 0, { netns: NETNS + 1 }));
    expect(sockets.map((socket) => table.groups.of(socket)?.id)).toEqual(["g1", "g1", "g2", "g3"]);
    expect(groupsOf(table).map(({ members }) => [...members].map(({ id }) => id))).toEqual([["s1", "s2"], ["s3"], ["s4"]]);
  });

  it("live on until their last member goes", () => {
    const { table, sockets } = seeded(member(1), member(2));
    table.destroy(destroy(1, { sk: 1 }));
    const [gone, left] = sockets as [Socket, Socket];
    expect([table.groups.of(gone), table.groups.of(left)?.id]).toEqual([undefined, "g1"]);
    expect(table.groups.of(see(table, 2, member(3))[0] as Socket)?.id).toBe("g1");
    expect(groupsOf(table).map(told)).toEqual([
      {
        id: "g1",
        members: ["s2", "s3"],
        size: 2,
        history: [
          ["s1", 0, 1],
          ["s2", 0, null],
          ["s3", 2, null],
        ],
      },
    ]);
  });

  it("are new when the kernel gives the id of an ended one again", () => {
    const { table } = seeded(member(1));
    table.destroy(destroy(1));
    see(table, 2, member(2));
    expect(groupsOf(table).map(told)).toEqual([
      { id: "g1", members: [], size: 1, history: [["s1", 0, 1]] },
      { id: "g2", members: ["s2"], size: 2, history: [["s2", 2, null]] },
    ]);
  });

  it("know what they were at an instant", () => {
    const { table, sockets } = seeded(member(1), member(2));
    table.destroy(destroy(5, { sk: 1 }));
    const [group] = groupsOf(table) as [Group];
    expect([0, 4, 5].map((t) => membersAt(group, t).map(({ id }) => id))).toEqual([["s1", "s2"], ["s1", "s2"], ["s2"]]);
    expect([-1, 4, 5].map((t) => table.groups.of(sockets[0], t)?.id)).toEqual([undefined, "g1", undefined]);
  });

  it("may have more members than are known", () => {
    const { table } = seeded(member(1, 0, { group: { id: 0, size: 5 } }));
    expect(groupsOf(table).map(({ size, largest }) => [size, largest])).toEqual([[5, 5]]);
    table.destroy(destroy(1));
    expect(groupsOf(table).map(({ size, largest }) => [size, largest])).toEqual([[4, 5]]);
  });

  it("count without one that a look shows to be gone", () => {
    const five = { group: { id: 0, size: 5 } };
    const { rows } = tell([seed(member(1, 0, five), member(2, 0, five)), look(5 * MS, [member(1, 0, five)])]);
    expect(rows.filter(({ kind }) => kind === "left").map(({ socket, detail }) => [socket?.id, detail])).toEqual([["s2", "g1 (5 left)"]]);
  });

  it.each([
    ["not read", [undefined, undefined], null],
    ["none", [undefined, false], false],
    ["attached", [false, true], true],
    ["attached, and not read the last time", [true, undefined], true],
  ])("have a BPF program, or none, as it was last read: %s", (_, programs, last) => {
    const { table } = seeded(...programs.map((program, index) => member(index + 1, 0, { group: { id: 0, size: 2, program } })));
    expect(groupsOf(table).map(({ program }) => program)).toEqual([last]);
  });
});

describe("a TCP socket", () => {
  it("joins when it listens, not when it is bound", () => {
    const table = new SocketTable();
    const socket = table.call(bindOf(5, bound(2)));
    expect(table.groups.of(socket)).toBeUndefined();
    table.call(listenOf(6, member(2)));
    expect(groupsOf(table).map(told)).toEqual([{ id: "g1", members: ["s1"], size: 2, history: [["s1", 6, null]] }]);
  });

  it("leaves when it stops listening, before it is destroyed", () => {
    const { table } = seeded(member(2), member(3));
    table.state(state(5, { from: "LISTEN", to: "CLOSE" }));
    table.destroy(destroy(6, { sk: 2 }));
    expect(groupsOf(table).map(told)[0]?.history).toEqual([
      ["s1", 0, 5],
      ["s2", 0, null],
    ]);
  });

  it("is in the group that a program made of it alone through a refused listen", () => {
    const table = new SocketTable();
    const alone = bound(2, { group: { id: 3, size: 1, program: true } });
    const socket = table.call(bindOf(5, alone));
    table.state(state(6, { from: "CLOSE", to: "LISTEN" }));
    table.state(state(7, { from: "LISTEN", to: "CLOSE" }));
    table.call(listen({ t: 8, errno: "EADDRINUSE", socket: alone }));
    expect(groupsOf(table).map(told)).toEqual([{ id: "g1", members: [socket.id], size: 1, history: [["s1", 5, null]] }]);
  });

  it("that had a group of its own leaves it too when it has listened and stops", () => {
    const table = new SocketTable();
    table.call(bindOf(5, bound(2, { group: { id: 3, size: 1 } })));
    table.call(listenOf(6, member(2, 3)));
    table.state(state(7, { from: "LISTEN", to: "CLOSE" }));
    expect(groupsOf(table).map(({ history }) => history.map(({ joinedAt, leftAt }) => [joinedAt, leftAt]))).toEqual([[[5, 7]]]);
  });

  it("that a look shows without a group has left", () => {
    const { table } = seeded(member(1), member(2));
    see(table, 4, bound(1), member(2));
    expect(groupsOf(table).map(told)[0]?.history).toEqual([
      ["s1", 0, 4],
      ["s2", 0, null],
    ]);
  });

  it("that a look shows in another group has changed", () => {
    const { table } = seeded(member(1), member(2));
    see(table, 4, member(1, 7));
    expect(groupsOf(table).map(({ history }) => history.map(({ socket, leftAt }) => [socket.id, leftAt]))).toEqual([
      [
        ["s1", 4],
        ["s2", null],
      ],
      [["s1", null]],
    ]);
  });

  it("of MPTCP is a member by its subflow: its own calls do not take it out", () => {
    const { table, sockets } = seeded(member(2, 0, { protocol: "mptcp", subflow: 9 }));
    table.call(listenOf(5, bound(2, { protocol: "mptcp", state: "LISTEN" })));
    expect(table.groups.of(sockets[0])?.id).toBe("g1");
  });
});

describe("a UDP socket", () => {
  it("joins when it is bound and leaves when its port is free", () => {
    const table = new SocketTable();
    const socket = udp({ sk: 2, inode: 200, reusePort: true, group: { id: 0, size: 1 } });
    table.call(bindOf(5, socket));
    table.release(release(7, { sk: 2 }));
    expect(groupsOf(table).map(told)).toEqual([{ id: "g1", members: [], size: 0, history: [["s1", 5, 7]] }]);
  });

  it("leaves too where only a look shows that it has gone", () => {
    const shared = (sk: number) => udp({ sk, inode: sk * 100, reusePort: true, group: { id: 0, size: 2 } });
    const { of } = tell([
      bindOf(MS, shared(1)),
      bindOf(2 * MS, shared(2)),
      look(9 * MS, [], { walk: walk([shared(2)], { protocol: "udp" }) }),
    ]);
    const [summary] = of("summary");
    expect(summary?.ports[0]?.groups.map(({ members, history }) => [members, history.map(({ leftAt }) => leftAt)])).toEqual([
      [["s2"], ["2026-11-22T14:03:00.009000000Z", null]],
    ]);
  });
});

describe("a refused binder", () => {
  const alone = (sk: number) => member(sk, 0, { state: "BOUND", group: { id: 0, size: 1 } });

  it("is in its own group until the id comes again", () => {
    const table = new SocketTable();
    const binder = table.call(refused([], { t: 5, socket: alone(2) }));
    expect(table.groups.of(binder)?.id).toBe("g1");
    see(table, 6, member(3));
    expect(groupsOf(table).map(({ id, members }) => [id, [...members].map((socket) => socket.id)])).toEqual([
      ["g1", []],
      ["g2", ["s2"]],
    ]);
  });

  it("that tries again is in the same one", () => {
    const table = new SocketTable();
    table.call(refused([], { t: 5, socket: alone(2) }));
    table.call(refused([], { t: 6, socket: alone(2) }));
    expect(groupsOf(table).map(({ id }) => id)).toEqual(["g1"]);
  });

  it("has no group on the port", () => {
    const [summary] = tell([seed(facts()), refused([facts()], { socket: alone(2) })]).of("summary");
    expect(summary?.ports.map(({ groups }) => groups)).toEqual([[]]);
  });
});

describe("a socket that gets SO_REUSEPORT after bind", () => {
  const plain = member(1, 0, { reusePort: false, group: null });
  const late = (t: number) => option(t, { option: "SO_REUSEPORT", reuseAddr: false, reusePort: true });

  it("joins with the next one on its address, for which the kernel counts two", () => {
    const { table } = seeded(plain);
    table.option(late(3));
    table.call(bindOf(4, bound(2)));
    table.call(listenOf(5, member(2)));
    expect(groupsOf(table).map(told)).toEqual([
      {
        id: "g1",
        members: ["s1", "s2"],
        size: 2,
        history: [
          ["s1", 5, null],
          ["s2", 5, null],
        ],
      },
    ]);
  });

  it.each<[string, Partial<SocketFacts>]>([
    ["of another address", { address: "192.0.2.1" }],
    ["of another user", { uid: 7 }],
    ["in a group that is known to have others", { group: { id: 0, size: 3 } }],
    ["that is alone", { group: { id: 0, size: 1 } }],
    ["that joins one who was there", { group: { id: 4, size: 2 } }],
  ])("does not join with one %s", (_, other) => {
    const { table, sockets } = seeded(plain, member(7, 4, { group: { id: 4, size: 1 } }));
    table.option(late(3));
    table.call(listenOf(5, member(2, 0, other)));
    expect(table.groups.of(sockets[0])).toBeUndefined();
    expect(groupsOf(table).flatMap(({ members }) => [...members])).toHaveLength(2);
  });

  it.each<[string, (table: SocketTable) => void]>([
    ["has gone", (table) => table.destroy(destroy(4))],
    ["has lost it again", (table) => table.option({ ...late(4), reusePort: false })],
    ["never got it", (table) => table.option(option(4, { option: "SO_REUSEPORT", errno: "EPERM", reusePort: false }))],
  ])("does not join when it %s", (what, change) => {
    const { table, sockets } = seeded(plain);
    if (what !== "never got it") table.option(late(3));
    change(table);
    table.call(listenOf(5, member(2)));
    expect(table.groups.of(sockets[0])).toBeUndefined();
  });
});

describe("the timeline", () => {
  const rowsOf = (...events: Parameters<typeof tell>[0]) =>
    tell(events)
      .rows.filter(({ kind }) => ["there", "joined", "member", "left"].includes(kind))
      .map(({ t, kind, socket, state: after, detail }) => [t, kind, socket?.id, after, detail]);

  it("tells who joined and left, and of how many", () => {
    const first = member(2, 0, { group: { id: 0, size: 1 } });
    const rows = rowsOf(listenOf(MS, first), listenOf(2 * MS, member(3)), destroy(3 * MS, { sk: 2 }), destroy(4 * MS, { sk: 3 }));
    expect(rows).toEqual([
      [MS, "joined", "s1", null, "g1 (1 member)"],
      [3 * MS, "left", "s1", null, "g1 (1 left)"],
      [2 * MS, "joined", "s2", null, "g1 (2 members)"],
      [4 * MS, "left", "s2", null, "g1 (0 left)"],
    ]);
  });

  it("names the group of those that were there", () => {
    expect(rowsOf(seed(member(1), facts({ sk: 5, inode: 5 })))).toEqual([
      [0, "there", "s1", "LISTEN", "g1"],
      [0, "there", "s2", "LISTEN", ""],
    ]);
  });

  it("does not say that one joined which only a look shows in the group", () => {
    expect(rowsOf(bindOf(MS, bound(2)), look(5 * MS, [member(2)]))).toEqual([[5 * MS, "member", "s1", null, "g1 (2 members)"]]);
  });

  it("does not speak of a group that always was of one socket", () => {
    const alone = member(1, 0, { group: { id: 0, size: 1 } });
    expect(rowsOf(seed(alone), destroy(MS))).toEqual([[0, "there", "s1", "LISTEN", ""]]);
  });

  it("is not changed by being told", () => {
    const { story } = tell([seed(member(1)), destroy(MS)]);
    expect(story.timelines()).toEqual(story.timelines());
  });
});

describe("the record", () => {
  const at = (t: number) => `2026-11-22T14:03:00.${String(t).padStart(9, "0")}Z`;

  it("of the summary has everyone that was ever in a group of the port", () => {
    const program = { id: 0, size: 2, program: false };
    const [summary] = tell([
      seed(member(1, 0, { group: program }), member(2, 0, { group: program })),
      destroy(3 * MS, { sk: 2 }),
      listenOf(4 * MS, member(4, 0, { group: program })),
    ]).of("summary");
    expect(summary?.ports.map(({ groups }) => groups)).toEqual([
      [
        {
          id: "g1",
          members: ["s1", "s3"],
          size: 2,
          history: [
            { socket: "s1", uid: 1000, address: "0.0.0.0", joinedAt: at(0), leftAt: null },
            { socket: "s2", uid: 1000, address: "0.0.0.0", joinedAt: at(0), leftAt: at(3 * MS) },
            { socket: "s3", uid: 1000, address: "0.0.0.0", joinedAt: at(4 * MS), leftAt: null },
          ],
          largest: 2,
          program: false,
        },
      ],
    ]);
  });

  it("of a failure has the group as it was at the refusal", () => {
    const owners = [member(1), member(2)];
    const refusal = refused(owners, { t: 10 * MS, socket: facts({ sk: 3, inode: 300 }) });
    const [failure] = tell([seed(...owners), refusal, destroy(11 * MS, { sk: 2 }), listenOf(12 * MS, member(4))]).of("failure");
    expect(failure?.blockers.map(({ socket, group }) => [socket, group])).toEqual([
      ["s1", { id: "g1", members: ["s1", "s2"], size: 2 }],
      ["s2", { id: "g1", members: ["s1", "s2"], size: 2 }],
    ]);
  });
});

describe("whatever happens", () => {
  const sk = fc.integer({ min: 1, max: 4 });
  const group = fc.option(fc.record({ id: fc.integer({ min: 0, max: 2 }), size: fc.integer({ min: 1, max: 5 }) }));
  const udpOrTcp = fc.constantFrom<Partial<SocketFacts>>({ state: "LISTEN" }, { state: "BOUND" }, { protocol: "udp", state: "BOUND" });
  const facted = fc
    .record({ sk, group, kind: udpOrTcp, reusePort: fc.boolean() })
    .map(({ sk: number, group: inGroup, kind, reusePort }) => member(number, 0, { reusePort, group: inGroup, ...kind }));
  type Step = (table: SocketTable, t: number) => void;
  const step: fc.Arbitrary<Step> = fc.oneof(
    facted.map(
      (socket): Step =>
        (table, t) =>
          table.call(bindOf(t, socket)),
    ),
    facted.map(
      (socket): Step =>
        (table, t) =>
          table.call(listenOf(t, socket)),
    ),
    facted.map(
      (socket): Step =>
        (table, t) =>
          table.call(refused([], { t, socket })),
    ),
    fc.array(facted, { maxLength: 4 }).map(
      (owners): Step =>
        (table, t) =>
          table.walked(walk(owners), t),
    ),
    sk.map(
      (number): Step =>
        (table, t) =>
          table.destroy(destroy(t, { sk: number })),
    ),
    sk.map(
      (number): Step =>
        (table, t) =>
          table.release(release(t, { sk: number })),
    ),
    sk.map(
      (number): Step =>
        (table, t) =>
          table.state(state(t, { sk: number, inode: number * 100, from: "LISTEN", to: "CLOSE" })),
    ),
    sk.map(
      (number): Step =>
        (table, t) =>
          table.option(option(t, { sk: number, inode: number * 100, option: "SO_REUSEPORT", reusePort: true })),
    ),
  );

  it("every end has a beginning, and the members are those that have not left", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = new SocketTable();
        steps.forEach((take, t) => {
          take(table, t);
        });
        const { groups, sockets } = table;
        for (const one of groupsOf(table)) {
          const stayed = one.history.filter(({ leftAt }) => leftAt === null).map(({ socket }) => socket);
          expect(new Set(stayed)).toEqual(one.members);
          expect(stayed).toHaveLength(one.members.size);
          expect(one.largest).toBeGreaterThanOrEqual(Math.max(one.size, one.members.size));
          const joined = one.history.map(({ joinedAt }) => joinedAt);
          expect(joined).toEqual([...joined].sort((a, b) => a - b));
        }
        const living = groupsOf(table)
          .filter(({ members }) => members.size > 0)
          .map(({ key }) => key);
        expect(new Set(living).size).toBe(living.length);
        for (const socket of sockets) {
          const stays = groups.staysOf(socket);
          stays.forEach(({ joinedAt, leftAt }, index) => {
            expect(joinedAt).toBeLessThanOrEqual(leftAt ?? steps.length);
            if (index < stays.length - 1) expect(leftAt).toBeLessThanOrEqual(stays[index + 1]?.joinedAt ?? -1);
          });
          expect(groups.of(socket)).toBe(stays.find(({ leftAt }) => leftAt === null)?.group);
        }
      }),
    );
  });
});
