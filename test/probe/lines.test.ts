import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { eventSchema, type TraceEvent } from "../../src/core/event.ts";
import { LineDecoder } from "../../src/probe/lines.ts";
import { FORMATS, NETNS, Printer, TAGS, V6 } from "./printed.ts";

const TIME_WAIT = 6;
const CLOSE = 7;
const ESTABLISHED = 1;
const IPV6 = 10;
const UDP = 17;
const MPTCP = 262;
/** Operations of the programs, and results of the kernel's search. */
const [LISTEN, LOOK, CONNECT, SENDTO, UNKNOWN, SEARCH] = [2, 3, 4, 5, 6, 7];
const [ENTERED, FREE] = [1, 2];

let print: Printer;
let decoder: LineDecoder;
beforeEach(() => {
  print = new Printer();
  decoder = new LineDecoder({ searches: [], instantOfJiffies: (jiffies) => Number(jiffies) * 4_000_000 });
  decoder.decode(print.ready());
});

const decode = (...lines: string[]): TraceEvent[] => lines.flatMap((line) => decoder.decode(line));
function only(...lines: string[]): TraceEvent {
  const [event, ...more] = decode(...lines);
  expect({ more, foreign: decoder.foreign }).toEqual({ more: [], foreign: 0 });
  if (!event) throw new Error("no event");
  return event;
}

describe("a refused bind", () => {
  it("is one event with its owners, complete at the walk's end", () => {
    const [call, first, second, walk] = [print.call(), print.owner(), print.owner({ sk: 9n, inode: 900 }), print.walk({ printed: 2 })];
    expect(decode(call, first, second)).toEqual([]);
    expect(only(walk)).toEqual({
      type: "bind",
      operation: "bind",
      t: 1000,
      enteredAt: 500,
      pid: 20,
      tid: 21,
      nsPid: 7,
      comm: "node",
      uid: 1000,
      fd: 18,
      errno: "EADDRINUSE",
      swapped: false,
      inCommand: false,
      created: null,
      requested: { family: "ipv4", address: "0.0.0.0", port: 8080 },
      socket: {
        sk: 1,
        subflow: null,
        inode: 200,
        netns: NETNS,
        protocol: "tcp",
        family: "ipv4",
        address: "0.0.0.0",
        port: 8080,
        peer: null,
        state: "BOUND",
        substate: null,
        expiresAt: null,
        reuseAddr: false,
        reusePort: false,
        ipv6Only: false,
        device: 0,
        uid: 1000,
        group: null,
      },
      walk: {
        protocol: "tcp",
        netns: NETNS,
        port: 8080,
        at: 2000,
        locked: false,
        decisive: null,
        buckets: 1,
        fastReuse: -1,
        fastReusePort: 0,
        fastUid: 0,
        visited: 2,
        possible: 2,
        printed: 2,
        missed: 0,
        lost: false,
        owners: [
          expect.objectContaining({ sk: 2, inode: 100, state: "LISTEN", netns: NETNS }),
          expect.objectContaining({ sk: 3, inode: 900 }),
        ],
      },
    });
  });

  it("of another error and of port 0 has no walk to wait for", () => {
    expect(only(print.call({ ret: -13 }))).toMatchObject({ errno: "EACCES", walk: null });
    expect(only(print.call({ port: 0 }))).toMatchObject({ errno: "EADDRINUSE", requested: { port: 0 }, walk: null });
  });

  it("of an IPv6 address keeps that address", () => {
    const call = print.call({ family: IPV6, address6: V6.documentation, common: { ...SOCKET, family: IPV6, ipv6Only: true } });
    expect(only(call, print.walk({ printed: 0 }))).toMatchObject({
      requested: { family: "ipv6", address: "2001:db8::1", port: 8080 },
      socket: { family: "ipv6", address: "2001:db8::1", port: 8080, ipv6Only: true },
    });
  });

  it("with AF_UNSPEC is taken as one with AF_INET", () => {
    expect(only(print.call({ family: 0, ret: 0 }))).toMatchObject({ requested: { family: "ipv4", address: "0.0.0.0" } });
  });

  it.each([0, 65534, 2 ** 31, 4294967294])("may be a process's of uid %d", (uid) => {
    expect(only(print.call({ caller: uid, uid }), print.walk({ printed: 0 }))).toMatchObject({ uid, socket: { uid } });
  });

  it("tells that the descriptor was swapped", () => {
    expect(only(print.call({ swapped: true }), print.walk({ printed: 0 }))).toMatchObject({ swapped: true });
  });
});

const SOCKET = {
  family: 2,
  address: "0.0.0.0",
  port: 0,
  peer: "0.0.0.0",
  peerPort: 0,
  state: CLOSE,
  reuse: 0,
  reusePort: false,
  ipv6Only: false,
  device: 0,
  local6: V6.any,
  peer6: V6.any,
};

it("a bind that passed shows the socket as it has become", () => {
  const common = { ...SOCKET, address: "127.0.0.1", port: 8080, reuse: 1, reusePort: true, device: 3 };
  expect(only(print.call({ ret: 0, address: "127.0.0.1", common, group: [5n, 0, 2], program: 7n }))).toMatchObject({
    type: "bind",
    errno: null,
    walk: null,
    socket: {
      address: "127.0.0.1",
      port: 8080,
      state: "BOUND",
      reuseAddr: true,
      reusePort: true,
      device: 3,
      group: { id: 0, size: 2, program: true },
    },
  });
});

describe("listen", () => {
  it.each([511, 0, -1])("with a backlog of %d", (backlog) => {
    const common = { ...SOCKET, port: 8080, state: 10 };
    expect(only(print.call({ op: 2, ret: 0, backlog, common }))).toMatchObject({
      type: "listen",
      backlog,
      socket: { state: "LISTEN", port: 8080 },
    });
  });

  it("that was refused has a walk too", () => {
    const common = { ...SOCKET, port: 8080 };
    expect(only(print.call({ op: 2, common }), print.owner(), print.walk({ op: 2 }))).toMatchObject({
      type: "listen",
      errno: "EADDRINUSE",
      walk: { owners: [{ inode: 100 }], lost: false },
    });
  });
});

describe("an owner", () => {
  const owner = (...values: Parameters<Printer["owner"]>) => {
    const event = only(print.owner(...values), print.walk({ op: 3 }));
    return event.type === "look" ? event.walk.owners[0] : undefined;
  };

  it("is a connection with its peer", () => {
    const common = { address: "192.0.2.1", peer: "192.0.2.7", peerPort: 40000, state: ESTABLISHED, reuse: 1 };
    expect(owner({ common })).toMatchObject({
      address: "192.0.2.1",
      port: 8080,
      peer: { address: "192.0.2.7", port: 40000 },
      state: "ESTABLISHED",
      reuseAddr: true,
      reusePort: false,
    });
  });

  it("of IPv6 has both addresses from the IPv6 fields", () => {
    const common = { family: IPV6, local6: V6.documentation, peer6: V6.mapped, peerPort: 443, state: ESTABLISHED, address: "127.0.0.6" };
    expect(owner({ common })).toMatchObject({
      family: "ipv6",
      address: "2001:db8::1",
      peer: { address: "::ffff:127.0.0.1", port: 443 },
      ipv6Only: false,
    });
  });

  it("that is bound only is in CLOSE for the kernel", () => {
    expect(owner({ common: { state: CLOSE } })).toMatchObject({ state: "BOUND" });
  });

  it("with TCP_REPAIR's reuse counts as reusing", () => {
    expect(owner({ common: { reuse: 2 } })).toMatchObject({ reuseAddr: true });
  });

  it("without a process has no inode and keeps its user", () => {
    expect(owner({ inode: 0, user: 0n, userProtocol: 0 })).toMatchObject({ inode: null, uid: 1000, protocol: "tcp", subflow: null });
  });

  it("in a reuseport group tells id and size; id 0 is one", () => {
    expect(owner({ group: [7n, 0, 3] })).toMatchObject({ group: { id: 0, size: 3, program: false } });
    expect(owner({ group: [0n, 5, 3] })).toMatchObject({ group: null });
  });

  it("of MPTCP is the socket that the process holds, and the subflow that is in the bucket", () => {
    expect(owner({ sk: 8n, user: 9n, userProtocol: MPTCP, inode: 300 })).toMatchObject({
      protocol: "mptcp",
      inode: 300,
      sk: 1,
      subflow: 2,
    });
  });

  it("that belongs to another socket, but not to MPTCP, is itself", () => {
    const plain = owner({ sk: 8n, inode: 300 });
    expect(owner({ sk: 8n, user: 9n, userProtocol: 6, inode: 300 })).toEqual(plain);
  });

  it("tells how many references its file has, and that there is no file", () => {
    expect(owner({ references: 3 })).toMatchObject({ references: 3 });
    expect(owner({ file: 0n, references: 5 })).toMatchObject({ references: null });
  });

  it("in TIME_WAIT has nothing from beyond the end of its struct, whatever lies there", () => {
    const common = { state: TIME_WAIT, address: "192.0.2.1", peer: "192.0.2.7", peerPort: 40000, reuse: 1 };
    const beyond = {
      uid: 4294967295,
      inode: 18446744073709551615n,
      user: 0xdeadbeefn,
      userProtocol: -1,
      group: [3n, -7, -9] as [bigint, number, number],
      program: 9n,
      file: 7n,
      references: 18446744073709551615n,
    };
    expect(owner({ common, ...beyond, substate: TIME_WAIT, expires: 15000n })).toMatchObject({
      state: "TIME_WAIT",
      substate: "TIME_WAIT",
      expiresAt: 60_000_000_000,
      inode: null,
      uid: null,
      group: null,
      references: null,
      subflow: null,
      protocol: "tcp",
      reuseAddr: true,
      peer: { address: "192.0.2.7", port: 40000 },
    });
  });

  it("in TIME_WAIT may be FIN_WAIT2 in truth", () => {
    expect(owner({ common: { state: TIME_WAIT }, substate: 5 })).toMatchObject({ state: "TIME_WAIT", substate: "FIN_WAIT2" });
  });

  it("in no TIME_WAIT has no timer, whatever lies there", () => {
    expect(owner({ substate: -77, expires: 18446744073709551615n })).toMatchObject({ substate: null, expiresAt: null });
  });

  it("keeps its small number, which is not the kernel's address", () => {
    const at = (sk: bigint) => owner({ sk })?.sk;
    expect([at(0xffff8880_11110000n), at(0xffff8880_22220000n), at(0xffff8880_11110000n)]).toEqual([1, 2, 1]);
  });
});

describe("a walk", () => {
  const walkOf = (...lines: string[]) => {
    const event = decode(...lines).find(({ type }) => type === "bind" || type === "look");
    return event && "walk" in event ? event.walk : undefined;
  };

  it("that was asked for is a look", () => {
    expect(only(print.walk({ op: 3, printed: 0 }))).toEqual({
      type: "look",
      t: 1000,
      seed: false,
      walk: expect.objectContaining({ owners: [], lost: false }),
    });
  });

  it("with a missing owner is marked lost, and the loss is an event", () => {
    const lines = [print.call(), print.owner()];
    print.lose(1);
    const events = decode(...lines, print.walk({ printed: 2 }));
    expect(events).toMatchObject([
      { type: "lost", cpu: 0, count: 1 },
      { type: "bind", walk: { lost: true, printed: 2, owners: [{ inode: 100 }] } },
    ]);
    expect(decoder.lost).toBe(1);
  });

  it("with fewer owners than it says is marked lost even without a gap", () => {
    expect(walkOf(print.call(), print.owner(), print.walk({ printed: 2 }))).toMatchObject({ lost: true });
  });

  it("with an owner that cannot be read is marked lost", () => {
    expect(walkOf(print.call(), print.owner().replace(/ \w+$/, " z"), print.walk())).toMatchObject({ lost: true, owners: [] });
    expect(decoder.foreign).toBe(1);
  });

  it("with an owner that does not fit the contract is marked lost, and the refusal is told", () => {
    expect(
      walkOf(print.call(), print.owner({ inode: 2n ** 60n }), print.owner({ sk: 9n, inode: 900 }), print.walk({ printed: 2 })),
    ).toMatchObject({
      lost: true,
      owners: [{ inode: 900 }],
    });
    expect(decoder.foreign).toBe(1);
  });

  // The kernel sets fastuid only where SO_REUSEPORT was used: else it is what the slab held before.
  it.each([0, 635389312, 2 ** 31, 4294967295])("takes the uid of a bucket as it is: %d", (fastUid) => {
    expect(walkOf(print.call(), print.walk({ printed: 0, fastUid }))).toMatchObject({ fastUid });
  });

  it("of two CPUs at once does not mix them up", () => {
    const lines = [
      print.call({ cpu: 0, sk: 20n }),
      print.call({ cpu: 1, sk: 21n, inode: 201 }),
      print.owner({ cpu: 0, sk: 30n, inode: 300 }),
      print.owner({ cpu: 1, sk: 31n, inode: 301 }),
      print.walk({ cpu: 1 }),
      print.walk({ cpu: 0 }),
    ];
    expect(decode(...lines)).toMatchObject([
      { socket: { inode: 201 }, walk: { owners: [{ inode: 301 }], lost: false } },
      { socket: { inode: 200 }, walk: { owners: [{ inode: 300 }], lost: false } },
    ]);
  });

  it("leaves out an MPTCP binder's own subflow", () => {
    const lines = [
      print.call({ op: 2, sk: 9n, protocol: MPTCP, common: { ...SOCKET, port: 8080 } }),
      print.owner({ sk: 8n, user: 9n, userProtocol: MPTCP, inode: 200 }),
      print.owner({ sk: 30n }),
      print.walk({ op: 2, printed: 2 }),
    ];
    expect(only(...lines)).toMatchObject({
      type: "listen",
      walk: { owners: [{ inode: 100 }], visited: 1, possible: 1, printed: 1, lost: false },
    });
  });

  it("whose end was lost leaves the call without a walk", () => {
    const lines = [print.call(), print.owner()];
    print.lose(1);
    expect(decode(...lines, print.fork())).toMatchObject([
      { type: "lost", count: 1 },
      { type: "bind", errno: "EADDRINUSE", walk: null },
      { type: "fork" },
    ]);
  });

  it("that the stream does not finish leaves the call without a walk", () => {
    expect(decode(print.call(), print.owner(), print.count())).toEqual([]);
    expect(decoder.finish()).toMatchObject([{ type: "bind", walk: null }]);
    expect(decoder.finish()).toEqual([]);
  });
});

describe("a walk of UDP", () => {
  it("has owners of UDP, which are bound, connected or not", () => {
    const owners = [
      print.owner({ common: { state: ESTABLISHED, peer: "192.0.2.7", peerPort: 53 } }),
      print.owner({ sk: 9n, common: { state: CLOSE } }),
    ];
    expect(only(...owners, print.walk({ op: LOOK, udp: true, printed: 2 }))).toMatchObject({
      walk: {
        protocol: "udp",
        lost: false,
        owners: [
          { protocol: "udp", state: "BOUND", netns: NETNS, peer: { port: 53 }, subflow: null },
          { protocol: "udp", state: "BOUND", peer: null },
        ],
      },
    });
  });

  it("follows a refused bind of UDP", () => {
    const lines = [print.call({ protocol: UDP }), print.owner({ common: { state: CLOSE } }), print.walk({ udp: true })];
    expect(only(...lines)).toMatchObject({
      errno: "EADDRINUSE",
      socket: { protocol: "udp" },
      walk: { protocol: "udp", owners: [{ inode: 100 }] },
    });
  });
});

describe("the decisive owner", () => {
  const lookOf = (...lines: string[]) => {
    const event = only(...lines);
    return event.type === "look" ? event.walk : undefined;
  };
  const FIRST = { sk: 50n, inode: 500 };
  const SECOND = { sk: 60n, inode: 600 };

  it("is told once more at the end, and is one owner all the same", () => {
    const owners = [print.owner(FIRST), print.owner(SECOND), print.owner(FIRST)];
    expect(lookOf(...owners, print.walk({ op: LOOK, printed: 2, decisive: FIRST.sk }))).toMatchObject({
      decisive: 1,
      lost: false,
      printed: 2,
      owners: [
        { sk: 1, inode: 500 },
        { sk: 2, inode: 600 },
      ],
    });
  });

  it("is an owner even when the walk did not come to it", () => {
    const owners = [print.owner(FIRST), print.owner(SECOND)];
    expect(lookOf(...owners, print.walk({ op: LOOK, printed: 1, visited: 9, missed: 1, decisive: SECOND.sk }))).toMatchObject({
      decisive: 2,
      lost: false,
      printed: 1,
      owners: [{ inode: 500 }, { inode: 600 }],
    });
  });

  it("of MPTCP is the socket that the process holds", () => {
    const subflow = { sk: 8n, user: 9n, userProtocol: MPTCP, inode: 300 };
    const walk = lookOf(print.owner(subflow), print.owner(subflow), print.walk({ op: LOOK, decisive: subflow.sk }));
    expect(walk).toMatchObject({ owners: [{ protocol: "mptcp", inode: 300 }] });
    expect(walk?.decisive).toBe(walk?.owners[0]?.sk);
  });

  it("is none where the kernel's comparison was not seen", () => {
    expect(lookOf(print.owner(), print.walk({ op: LOOK }))).toMatchObject({ decisive: null, lost: false });
  });

  it("whose line was lost leaves the walk lost", () => {
    const owner = print.owner(FIRST);
    print.lose(1);
    const events = decode(owner, print.walk({ op: LOOK, printed: 1, decisive: FIRST.sk }));
    expect(events.at(-1)).toMatchObject({ type: "look", walk: { lost: true } });
  });
});

describe("a stream that tells of the kernel's searches", () => {
  beforeEach(() => {
    decoder = new LineDecoder({ searches: ["tcp", "udp"], instantOfJiffies: () => null });
    decoder.decode(print.ready());
  });
  /** The owners that a thread compared on CPU `cpu`, told under the lock, and the search that names the place. */
  const walked = (values: { cpu?: number; tid?: number; sk?: bigint; inode?: number; port?: number } = {}) => {
    const { cpu = 0, tid = 21, sk = 50n, inode = 500, port = 8080 } = values;
    return {
      lines: [print.owner({ cpu, sk, inode }), print.walk({ cpu, tid, op: SEARCH, locked: true, port })],
      place: print.place(cpu),
    };
  };

  describe("a refused call", () => {
    it("has the owners that were told before it on its CPU", () => {
      const { lines, place } = walked();
      expect(decode(...lines)).toEqual([]);
      expect(decode(print.port({ walked: place }))).toEqual([]);
      expect(only(print.call())).toMatchObject({
        type: "bind",
        errno: "EADDRINUSE",
        search: { port: 8080, refused: true },
        walk: { locked: true, lost: false, owners: [{ inode: 500 }] },
      });
      expect(decoder.finish()).toEqual([]);
    });

    it("has the owners that its thread told before it on another CPU", () => {
      const { lines, place } = walked({ cpu: 1 });
      expect(only(...lines, print.port({ walked: place }), print.call())).toMatchObject({
        walk: { locked: true, owners: [{ inode: 500 }] },
      });
    });

    it("waits for the owners that another CPU has yet to tell", () => {
      const { lines, place } = walked({ cpu: 1 });
      expect(decode(print.port({ walked: place }), print.call(), print.fork(0))).toMatchObject([{ type: "fork" }]);
      expect(only(...lines)).toMatchObject({ type: "bind", walk: { locked: true, owners: [{ inode: 500 }] } });
    });

    it("has no owners that a thousand threads have told theirs after: it was never to come", () => {
      const old = walked({ tid: 21 });
      const others = Array.from({ length: 1024 }, (_, index) => walked({ tid: 100 + index, inode: 600 + index }));
      decode(...old.lines, ...others.flatMap(({ lines }) => lines));
      expect(only(print.port({ walked: old.place }), print.call({ tid: 21 }))).toMatchObject({ tid: 21, walk: null });
      const last = others.at(-1)?.place ?? 0n;
      expect(only(print.port({ walked: last }), print.call({ tid: 1123 }))).toMatchObject({ walk: { owners: [{ inode: 1623 }] } });
    });

    it("has the owners of its own thread, not those of another", () => {
      const [one, two] = [walked({ tid: 21 }), walked({ cpu: 1, tid: 22, inode: 600 })];
      const lines = [...one.lines, ...two.lines, print.port({ walked: two.place }), print.call({ tid: 22 })];
      expect(only(...lines)).toMatchObject({ tid: 22, walk: { owners: [{ inode: 600 }] } });
      expect(only(print.port({ walked: one.place }), print.call({ tid: 21 }))).toMatchObject({
        tid: 21,
        walk: { owners: [{ inode: 500 }] },
      });
    });

    it("whose owners were lost before it on its CPU is told without them", () => {
      print.lose(2);
      const place = print.place();
      expect(decode(print.port({ walked: place }), print.call())).toMatchObject([
        { type: "lost", count: 2 },
        { type: "bind", errno: "EADDRINUSE", search: { refused: true }, walk: null },
      ]);
    });

    it("whose owners were lost on another CPU is told without them as soon as that CPU goes on", () => {
      print.lose(2, 1);
      const place = print.place(1);
      expect(decode(print.port({ walked: place }), print.call())).toEqual([]);
      expect(decode(print.fork(1))).toMatchObject([{ type: "lost", cpu: 1 }, { type: "bind", walk: null }, { type: "fork" }]);
      expect(decoder.finish()).toEqual([]);
    });

    it("goes on waiting while that CPU tells what came before its owners", () => {
      const before = print.fork(1);
      const { lines, place } = walked({ cpu: 1 });
      expect(decode(print.port({ walked: place }), print.call(), before)).toMatchObject([{ type: "fork" }]);
      expect(only(...lines)).toMatchObject({ type: "bind", walk: { owners: [{ inode: 500 }] } });
    });

    it("whose owners never come is told at the end", () => {
      print.lose(2, 1);
      expect(decode(print.port({ walked: print.place(1) }), print.call())).toEqual([]);
      expect(decoder.finish()).toMatchObject([{ type: "bind", errno: "EADDRINUSE", walk: null }]);
    });

    it("with owners of which one was lost says so", () => {
      const owner = print.owner();
      print.lose(1);
      const walk = print.walk({ op: SEARCH, locked: true, printed: 2 });
      const place = print.place();
      expect(decode(owner, walk, print.port({ walked: place }), print.call()).at(-1)).toMatchObject({
        walk: { lost: true, owners: [{ inode: 100 }] },
      });
    });

    it("without the comparison in its search has no owners to wait for", () => {
      expect(only(print.port({ port: 0 }), print.call({ port: 0 }))).toMatchObject({ search: { port: 0, refused: true }, walk: null });
    });

    it("does not get the owners of an earlier call that has none", () => {
      const { lines } = walked();
      expect(only(...lines, print.port({ port: 0 }), print.call({ port: 0 }))).toMatchObject({ walk: null });
      print.lose(2);
      expect(decode(print.port({ walked: print.place() }), print.call()).at(-1)).toMatchObject({ walk: null });
    });

    it("keeps address and options that the socket had when it asked, though it has lost them since", () => {
      const asked = { address: "127.0.0.1", reuse: 1, reusePort: true, device: 3 };
      expect(only(print.port({ common: asked }), print.call({ address: "127.0.0.1" }))).toMatchObject({
        socket: { address: "127.0.0.1", port: 8080, state: "BOUND", reuseAddr: true, reusePort: true, device: 3 },
      });
    });

    it("of listen was listening when it asked, and is bound again", () => {
      const lines = [print.port({ common: { state: 10, port: 8080 } }), print.call({ op: LISTEN, common: { port: 8080 } })];
      expect(only(...lines)).toMatchObject({ type: "listen", search: { refused: true }, socket: { state: "BOUND", port: 8080 } });
    });

    it("of another port than was asked for tells both", () => {
      expect(only(print.port({ port: 8081, common: { address: "127.0.0.9" } }), print.call())).toMatchObject({
        requested: { address: "0.0.0.0", port: 8080 },
        search: { port: 8081 },
        socket: { address: "127.0.0.9", port: 8081 },
      });
    });

    it("of MPTCP asked through its subflow", () => {
      const event = only(print.port({ sk: 8n }), print.call({ sk: 9n, protocol: MPTCP }));
      expect(event).toMatchObject({ socket: { protocol: "mptcp", subflow: 1, sk: 2 } });
    });

    it("of another protocol than MPTCP has no subflow", () => {
      expect(only(print.port({ sk: 8n }), print.call({ sk: 8n }))).toMatchObject({ socket: { subflow: null } });
    });

    it("of UDP has owners of UDP", () => {
      const [owner, walk] = [print.owner({ common: { state: CLOSE } }), print.walk({ op: SEARCH, locked: true, udp: true })];
      expect(only(owner, walk, print.port({ walked: print.place() }), print.call({ protocol: UDP }))).toMatchObject({
        socket: { protocol: "udp", state: "BOUND" },
        walk: { protocol: "udp", locked: true, owners: [{ protocol: "udp", state: "BOUND" }] },
      });
    });
  });

  describe("the search", () => {
    it("that found the port is told of a call that passed", () => {
      const common = { port: 8080 };
      expect(only(print.port({ result: FREE }), print.call({ ret: 0, common }))).toMatchObject({
        errno: null,
        search: { port: 8080, refused: false },
        socket: { port: 8080 },
      });
    });

    it("for any port leaves the one that was found to the socket", () => {
      expect(only(print.port({ port: 0, result: FREE }), print.call({ ret: 0, port: 0, common: { port: 40001 } }))).toMatchObject({
        search: { port: 0 },
        socket: { port: 40001 },
      });
    });

    it("whose end was not seen is neither refused nor not", () => {
      expect(only(print.port({ result: ENTERED }), print.call())).toMatchObject({ search: { port: 8080, refused: null } });
    });

    it("is none where no line of it came", () => {
      const event = only(print.call({ ret: -98 }));
      expect(event).toMatchObject({ errno: "EADDRINUSE", search: null, walk: null });
    });

    it("is not known where its line may have been lost", () => {
      print.lose(1);
      const events = [...decode(print.call()), ...decoder.finish()];
      const call = events.find(({ type }) => type === "bind");
      expect(call).toMatchObject({ errno: "EADDRINUSE", walk: null });
      expect(call).not.toHaveProperty("search");
    });

    it("of a call whose line was lost is not taken for that of the next", () => {
      const port = print.port({ port: 9999, walked: print.place(1) });
      print.lose(1);
      const call = decode(port, print.call({ ret: -13 })).at(-1);
      expect(call).toMatchObject({ type: "bind", errno: "EACCES" });
      expect(call).not.toHaveProperty("search");
    });

    it("of one CPU is not taken for that of another", () => {
      expect(decode(print.port({ cpu: 1 }), print.call({ cpu: 0, ret: -13 }))).toMatchObject([{ search: null }]);
      expect(decode(print.call({ cpu: 1 }))).toMatchObject([{ search: { refused: true } }]);
    });

    it("is told of one call, not of the next on that CPU", () => {
      expect(decode(print.port(), print.call(), print.call({ ret: -13 }))).toMatchObject([{ search: { refused: true } }, { search: null }]);
    });
  });

  describe("a call that itself was not seen", () => {
    it("has no descriptor, and asked for what the kernel looked for", () => {
      const lines = [print.port({ common: { address: "127.0.0.1" } }), print.call({ fd: -1, address: "0.0.0.0", port: 0 })];
      expect(only(...lines)).toMatchObject({
        operation: "bind",
        fd: null,
        requested: { family: "ipv4", address: "127.0.0.1", port: 8080 },
        socket: { address: "127.0.0.1", port: 8080 },
      });
    });

    it.each([
      [CONNECT, "connect", "EAGAIN"],
      [SENDTO, "sendto", "EAGAIN"],
      [UNKNOWN, "unknown", "EADDRINUSE"],
      [1, "bind", "EADDRINUSE"],
    ])("is operation %d, %s, which found no free port: %s", (op, operation, errno) => {
      const lines = [print.port({ port: 0 }), print.call({ op, fd: -1, port: 0, protocol: UDP })];
      expect(only(...lines)).toMatchObject({ type: "bind", operation, errno, requested: { port: 0 }, search: { port: 0, refused: true } });
    });

    it("may be a listen", () => {
      const lines = [print.port({ common: { state: 10 } }), print.call({ op: LISTEN, fd: -1, port: 0, backlog: 0 })];
      expect(only(...lines)).toMatchObject({ type: "listen", fd: null, errno: "EADDRINUSE", socket: { state: "BOUND", port: 8080 } });
    });
  });

  it("tells of a look as any other does", () => {
    expect(only(print.owner(), print.walk({ op: LOOK }))).toMatchObject({
      type: "look",
      walk: { locked: false, owners: [{ inode: 100 }] },
    });
  });
});

describe("what is lost or cannot be read costs nothing else", () => {
  beforeEach(() => {
    decoder = new LineDecoder({ searches: ["tcp", "udp"], instantOfJiffies: () => null });
    decoder.decode(print.ready());
  });
  const calls = (...lines: string[]) => decode(...lines).filter(({ type }) => type === "bind");

  it("the decisive owner is the one that the kernel named, or none where its line was lost", () => {
    const owners = [print.owner({ sk: 50n, inode: 500 }), print.owner({ sk: 60n, inode: 600 })];
    print.lose(1);
    const look = decode(...owners, print.walk({ op: LOOK, printed: 2, decisive: 50n })).at(-1);
    expect(look).toMatchObject({ walk: { lost: true, decisive: expect.toSatisfy((decisive) => decisive === 1 || decisive === null) } });
  });

  it("owners of a call that was lost are not those of the next call of its thread", () => {
    const told = [print.owner({ sk: 50n, inode: 500 }), print.walk({ op: SEARCH, locked: true, port: 9999 })];
    print.lose(2);
    const fork = print.fork();
    print.lose(2);
    expect(calls(...told, fork, print.port({ walked: print.place() }), print.call())).toMatchObject([{ walk: null }]);
  });

  it("owners of a call that was lost are not those of the next call of its thread, even where its own come later from another CPU", () => {
    const told = [print.owner({ sk: 50n, inode: 500 }), print.walk({ op: SEARCH, locked: true, port: 9999 })];
    print.lose(2);
    const fork = print.fork();
    const own = [print.owner({ cpu: 1, sk: 70n, inode: 700 }), print.walk({ cpu: 1, op: SEARCH, locked: true })];
    const port = print.port({ walked: print.place(1) });
    expect(calls(...told, fork, port, print.call(), ...own)).toMatchObject([{ walk: { port: 8080, owners: [{ inode: 700 }] } }]);
  });

  it("a call whose search was lost is told, whatever walk comes next on its CPU", () => {
    print.lose(1);
    const events = calls(print.call(), print.owner({ sk: 60n, inode: 600 }), print.walk({ op: SEARCH, tid: 99, locked: true }));
    expect([...events, ...decoder.finish()]).toMatchObject([{ type: "bind", errno: "EADDRINUSE" }]);
  });

  it("a call whose search was lost is told at once where no walk can follow", () => {
    print.lose(1);
    expect(calls(print.call(), print.fork(1))).toHaveLength(1);
  });

  it("a call whose owners are known to be lost already does not wait for them", () => {
    print.lose(2, 1);
    const place = print.place(1);
    expect(calls(print.fork(1), print.port({ walked: place }), print.call())).toMatchObject([{ walk: null }]);
  });

  it("the search of a call that cannot be read is not that of the next", () => {
    expect(calls(print.port({ port: 9999 }), print.call({ protocol: 99 }), print.call({ ret: -13 }))).toMatchObject([{ search: null }]);
  });

  it("a refused call outlives a line that cannot be read", () => {
    decoder = new LineDecoder({ searches: [], instantOfJiffies: () => null });
    const events = calls(print.call(), print.option(1, 9));
    expect([...events, ...decoder.finish()]).toMatchObject([{ type: "bind", errno: "EADDRINUSE" }]);
  });

  it("a call that has waited long enough outlives a line that does not fit the contract", () => {
    print.lose(2, 1);
    const port = print.port({ walked: print.place(1) });
    const events = calls(port, print.call(), print.close("node", 1).replace(" 8080 ", " 99999 "));
    expect([...events, ...decoder.finish()]).toMatchObject([{ type: "bind", errno: "EADDRINUSE" }]);
  });
});

describe("a stream that tells of the searches of TCP only", () => {
  beforeEach(() => {
    decoder = new LineDecoder({ searches: ["tcp"], instantOfJiffies: () => null });
    decoder.decode(print.ready());
  });

  it("leaves open whether there was one for a UDP socket", () => {
    expect(only(print.call({ protocol: 17 }))).not.toHaveProperty("search");
  });

  it("says that there was none for a TCP socket", () => {
    expect(only(print.call())).toMatchObject({ search: null });
  });
});

describe("lost lines", () => {
  it("are told by gaps in the numbers of each CPU", () => {
    const first = print.fork(0);
    print.lose(3, 0);
    print.lose(2, 1);
    const lost = decode(first, print.fork(0), print.fork(1), print.fork(0), print.fork(1)).filter(({ type }) => type === "lost");
    expect(lost).toMatchObject([
      { cpu: 0, count: 3 },
      { cpu: 1, count: 2 },
    ]);
    expect(decoder.lost).toBe(5);
  });

  it("at the very end are told by what each CPU had numbered at the last mark", () => {
    decode(print.fork(0), print.fork(0));
    print.lose(4, 1);
    expect(decode(print.count(0), print.count(1))).toEqual([]);
    expect(decoder.outstanding).toBe(4);
    expect(decoder.finish()).toMatchObject([{ type: "lost", cpu: 1, count: 4 }]);
    expect(decoder.lost).toBe(4);
  });

  it("may still be on their way, since bpftrace reads one CPU after the other", () => {
    const [first, second, late] = [print.fork(0), print.fork(1), print.fork(1)];
    decode(first, print.count(0), print.count(1));
    expect(decoder.outstanding).toBe(2);
    decode(second);
    expect(decoder.outstanding).toBe(1);
    decode(late);
    expect(decoder.outstanding).toBe(0);
  });

  it("none: no event", () => {
    decode(print.fork(0), print.fork(1), print.fork(0), print.count(0), print.count(1), print.count(2));
    expect(decoder.outstanding).toBe(0);
    expect(decoder.finish()).toEqual([]);
    expect({ lost: decoder.lost, foreign: decoder.foreign }).toEqual({ lost: 0, foreign: 0 });
  });
});

describe("other lines", () => {
  it("close", () => {
    expect(only(print.close())).toEqual({
      type: "close",
      t: 1000,
      pid: 10,
      tid: 10,
      comm: "node",
      fd: 18,
      sk: 1,
      inode: 100,
      netns: NETNS,
      port: 8080,
      references: 2,
    });
  });

  it.each([
    [1, 2, "SO_REUSEADDR"],
    [1, 15, "SO_REUSEPORT"],
    [1, 25, "SO_BINDTODEVICE"],
    [41, 26, "IPV6_V6ONLY"],
  ])("option %d/%d", (level, name, option) => {
    const after = { reuseAddr: true, reusePort: true, ipv6Only: false, device: 3 };
    expect(only(print.option(level, name))).toMatchObject({ type: "option", option, errno: null, comm: "node", fd: 18, ...after });
    expect(only(print.option(level, name, -1))).toMatchObject({ errno: "EPERM" });
  });

  it("an option that is none of these is not ours", () => {
    expect(decode(print.option(1, 9))).toEqual([]);
    expect(decoder.foreign).toBe(1);
  });

  it("state, also of a socket that no process holds", () => {
    expect(only(print.state(7, 10))).toMatchObject({ type: "state", from: "CLOSE", to: "LISTEN", inode: 100 });
    expect(only(print.state(4, 6, 0))).toMatchObject({ from: "FIN_WAIT1", to: "TIME_WAIT", inode: null });
  });

  it("free", () => {
    expect(only(print.free())).toEqual({
      type: "release",
      t: 1000,
      sk: 1,
      netns: NETNS,
      port: 8080,
      by: { pid: 10, tid: 10, comm: "node", exiting: false },
    });
    expect(only(print.free(10, 1))).toMatchObject({ by: { exiting: true } });
  });

  it("free in no process's context", () => {
    expect(only(print.free(0, 0, ""))).toMatchObject({ type: "release", by: null });
  });

  it("close and option of a hook set that does not see the descriptor", () => {
    expect(only(print.close("node", 0, -1))).toMatchObject({ type: "close", fd: null });
    expect(only(print.option(1, 2, 0, -1))).toMatchObject({ type: "option", fd: null });
  });

  it("destroy", () => {
    expect(only(print.destroy(1))).toMatchObject({ type: "destroy", exiting: true, pid: 10, comm: "node", netns: NETNS, port: 8080 });
    expect(only(print.destroy(0))).toMatchObject({ exiting: false });
  });

  it("destroy with what its thread did right before", () => {
    const socket = { sk: 1, netns: NETNS, port: 8080 };
    const by = { pid: 10, tid: 10, comm: "node" };
    const close = { type: "close", t: 700, ...by, fd: 18, ...socket, inode: 100, references: 1 };
    const state = { type: "state", t: 800, ...socket, inode: 100, from: "LISTEN", to: "CLOSE" };
    const destroy = { type: "destroy", t: 1000, ...socket, ...by, exiting: false };
    expect(decode(print.destroy(0, { closed: 300, stopped: 200 }))).toEqual([close, state, destroy]);
    const later = (event: object, after: number) => ({ ...event, t: after });
    expect(decode(print.destroy(0, { stopped: 200 }))).toEqual([later(state, 1800), later(destroy, 2000)]);
    expect(decode(print.destroy(0, { closed: 300, fd: -1 }))).toEqual([{ ...later(close, 2700), fd: null }, later(destroy, 3000)]);
  });

  it("fork", () => {
    expect(only(print.fork())).toEqual({ type: "fork", t: 1000, pid: 10, child: 11 });
  });

  it.each([
    [0, 0, 0],
    [256, 1, 0],
    [9, 0, 9],
    // 0x80: dumped core
    [139, 0, 11],
    [0xff00, 255, 0],
  ])("exit status %d is code %d, signal %d", (status, code, signal) => {
    expect(only(print.exit(status))).toMatchObject({ type: "exit", pid: 10, code, signal });
  });

  it("beat is no event", () => {
    expect(decode(print.beat())).toEqual([]);
    expect(decoder.foreign).toBe(0);
  });
});

describe("a line that is not ours", () => {
  it.each([
    "Attaching 12 probes...",
    "bt:teleport 0 1 2",
    "bt:fork",
    "bt:fork a b c",
    "bt:fork -",
    "bt:fork 0 1 5 10",
    "bt:ready x",
    "bt:ready 1 -1",
  ])("'%s' is counted and left out", (line) => {
    expect(decode(line)).toEqual([]);
    expect(decoder.foreign).toBe(1);
  });

  it("that does not fit the contract is counted and left out", () => {
    expect(decode(print.close().replace(" 8080 ", " 99999 "))).toEqual([]);
    expect(decoder.foreign).toBe(1);
  });

  it.each([
    ["an instant of 400 digits", `bt:fork 0 1 ${"9".repeat(400)} 10 11`],
    ["an instant that no JSON number holds", `bt:fork 0 1 ${2n ** 64n - 1n} 10 11`],
    ["a number that no CPU comes to", `bt:fork 0 ${2 ** 41} 5 10 11`],
  ])("%s is left out, and so the next line is told of at the instant of the last one", (_, line) => {
    const before = decoder.decode(print.fork()).at(-1)?.t;
    expect(decode(line)).toEqual([]);
    expect(decoder.foreign).toBe(1);
    print.lose(2);
    expect(decode(print.fork())).toMatchObject([{ type: "lost", t: before }, { type: "fork" }]);
  });

  it("of another protocol version is not understood", () => {
    const fresh = new LineDecoder({ searches: [], instantOfJiffies: () => null });
    expect(fresh.decode(print.ready(3))).toEqual([]);
    expect(fresh.anchor).toBeNull();
    expect(fresh.foreign).toBe(1);
  });

  it("does not stop those that are", () => {
    decode("bt:fork 0 zzz", "nonsense");
    expect(decode(print.close())).toMatchObject([{ type: "close" }]);
  });

  it("shows a name that is not UTF-8 byte by byte", () => {
    expect(only(print.close([0x66, 0xff, 0x1b]))).toMatchObject({ comm: "f\\xff\u001b" });
  });
});

it.each([...FORMATS].filter(([, formats]) => formats.length > 1))("bt:%s has the same fields wherever it is printed", (_, formats) => {
  // A descriptor that is not known is -1.
  const kinds = formats.map((format) => format.map((conversion) => (conversion === "%ld" ? "%lu" : conversion)));
  expect(new Set(kinds.map(String)).size).toBe(1);
});

describe("a listen", () => {
  const LISTEN = 2;

  it("comes behind the state that it put the socket into", () => {
    const state = { type: "state", t: 600, sk: 1, inode: 200, netns: NETNS, port: 8080, from: "CLOSE", to: "LISTEN" };
    expect(decode(print.call({ op: LISTEN, ret: 0, heard: 400 }))).toMatchObject([state, { type: "listen", t: 1000, errno: null }]);
    expect(decode(print.call({ op: LISTEN, ret: 0 }))).toMatchObject([{ type: "listen" }]);
  });

  it("that is refused, too", () => {
    const events = decode(print.call({ op: LISTEN, heard: 400, common: { port: 8080 } }), print.owner(), print.walk());
    expect(events).toMatchObject([
      { type: "state", to: "LISTEN" },
      { type: "listen", errno: "EADDRINUSE", walk: { printed: 1 } },
    ]);
  });
});

describe("who made a socket", () => {
  const passed = () => print.call({ ret: 0 });

  it("is the caller, where its call says when", () => {
    expect(decode(print.call({ ret: 0, made: 300 }))).toMatchObject([{ type: "bind", created: { pid: 20, t: 700, comm: "node" } }]);
  });

  it("belongs to the call that follows on the same CPU, and to no other", () => {
    const made = print.made();
    const events = decode(made, print.fork(1), passed(), passed());
    expect(events.flatMap((event) => (event.type === "bind" ? [event.created] : []))).toEqual([{ pid: 9, t: 1000, comm: "systemd" }, null]);
  });

  it("is not known when a line was lost in between", () => {
    const made = print.made();
    print.lose(1);
    expect(decode(made, passed())).toMatchObject([{ type: "lost" }, { type: "bind", created: null }]);
  });
});

describe("another descriptor", () => {
  it.each([
    [1, "dup"],
    [2, "send"],
    [3, "receive"],
    [4, "pidfd_getfd"],
  ])("%d is a %s", (number, how) => {
    const socket = { sk: 1, inode: 100, netns: NETNS, port: 8080 };
    expect(only(print.pass(number))).toEqual({ type: "pass", t: 1000, pid: 10, tid: 10, comm: "node", fd: 18, how, ...socket });
  });

  it("may not be known by its number", () => {
    expect(only(print.pass(3, -1))).toMatchObject({ fd: null });
  });

  it("that came in no known way is left out", () => {
    expect(decode(print.pass(9))).toEqual([]);
    expect(decoder.foreign).toBe(1);
  });
});

describe("what becomes of a process", () => {
  it("is another program", () => {
    expect(only(print.exec())).toEqual({ type: "exec", t: 1000, pid: 10, comm: "cat" });
  });

  it.each([
    ["of a process, by kill or tkill", 0, { pid: 30, comm: "bash" }],
    ["of a process, by tkill", -6, { pid: 30, comm: "bash" }],
    ["of the kernel, whatever process ran then", 128, { pid: 0, comm: "" }],
  ])("is a signal %s", (_, code, by) => {
    expect(only(print.signal(15, code))).toEqual({ type: "signal", t: 1000, pid: 10, signal: 15, by });
  });
});

describe("whatever comes", () => {
  const written = () => [
    print.beat(),
    print.call(),
    print.owner(),
    print.walk(),
    print.owner(),
    print.walk({ op: SEARCH, locked: true, decisive: 1n, printed: 0 }),
    print.port({ walked: print.place() }),
    print.call(),
    print.free(),
    print.close(),
    print.option(1, 2),
    print.state(7, 10),
    print.destroy(),
    print.made(),
    print.pass(2),
    print.fork(),
    print.exec(),
    print.signal(15, 0),
    print.exit(9),
  ];
  const LINES = 19;
  it("there is one of every kind", () => {
    const tags = written().map((line) => line.slice("bt:".length, line.indexOf(" ")));
    // A trace has no bt:slot, which belongs to the program of a check.
    expect([...new Set(tags), "ready", "count", "slot"].sort()).toEqual([...TAGS].sort());
    expect(tags).toHaveLength(LINES);
  });
  const valid = (events: TraceEvent[]) => events.every((event) => eventSchema.safeParse(event).success);

  it("nothing throws, and what comes out fits the contract", () => {
    const field = fc.oneof(
      fc.nat().map(String),
      fc.bigInt(0n, 2n ** 64n - 1n).map((value) => value.toString(16)),
      fc.constantFrom("", "-1", "-", "z"),
    );
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...TAGS), fc.array(field, { maxLength: 34 })).map(([tag, fields]) => `bt:${tag} ${fields.join(" ")}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), (lines, searches) => {
        const fresh = new LineDecoder({ searches: searches ? ["tcp", "udp"] : [], instantOfJiffies: () => null });
        const events = lines.flatMap((one) => fresh.decode(one));
        expect(valid([...events, ...fresh.finish()])).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("damaged lines are left out, and the others are read", () => {
    const damage = fc.record({
      line: fc.nat(LINES - 1),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      text: fc.constantFrom("", "x", " ", "-", "9", "ffffffffffffffffff", "\u0000"),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), fc.boolean(), (damages, searches) => {
        print = new Printer();
        const lines = written();
        for (const { line, at, text } of damages) {
          const whole = lines[line] ?? "";
          const cut = Math.floor(at * whole.length);
          lines[line] = whole.slice(0, cut) + text + whole.slice(cut + 1);
        }
        const fresh = new LineDecoder({ searches: searches ? ["tcp", "udp"] : [], instantOfJiffies: () => null });
        fresh.decode(print.ready());
        expect(valid([...lines.flatMap((one) => fresh.decode(one)), ...fresh.finish()])).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("a line cut short is never read as a whole one", () => {
    fc.assert(
      fc.property(fc.nat(LINES - 1), fc.nat(400), (index, length) => {
        print = new Printer();
        const line = written()[index] ?? "";
        const lastField = line.lastIndexOf(" ");
        const fresh = new LineDecoder({ searches: [], instantOfJiffies: () => null });
        const events = fresh.decode(line.slice(0, Math.min(length, lastField)));
        expect(events.filter(({ type }) => type !== "lost")).toEqual([]);
      }),
    );
  });
});
