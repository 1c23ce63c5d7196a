import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { eventSchema, type TraceEvent } from "../../src/core/event.ts";
import { LineDecoder } from "../../src/probe/lines.ts";
import { NETNS, Printer, TAGS, V6 } from "./printed.ts";

const TIME_WAIT = 6;
const CLOSE = 7;
const ESTABLISHED = 1;
const IPV6 = 10;
const MPTCP = 262;

let print: Printer;
let decoder: LineDecoder;
beforeEach(() => {
  print = new Printer();
  decoder = new LineDecoder({ instantOfJiffies: (jiffies) => Number(jiffies) * 4_000_000 });
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
        netns: NETNS,
        port: 8080,
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

  it("of another error, of port 0 and of UDP has no walk to wait for", () => {
    expect(only(print.call({ ret: -13 }))).toMatchObject({ errno: "EACCES", walk: null });
    expect(only(print.call({ port: 0 }))).toMatchObject({ errno: "EADDRINUSE", requested: { port: 0 }, walk: null });
    expect(only(print.call({ protocol: 17 }))).toMatchObject({ errno: "EADDRINUSE", socket: { protocol: "udp" }, walk: null });
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
  expect(only(print.call({ ret: 0, address: "127.0.0.1", common, group: [5n, 0, 2] }))).toMatchObject({
    type: "bind",
    errno: null,
    walk: null,
    socket: { address: "127.0.0.1", port: 8080, state: "BOUND", reuseAddr: true, reusePort: true, device: 3, group: { id: 0, size: 2 } },
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
    expect(owner({ group: [7n, 0, 3] })).toMatchObject({ group: { id: 0, size: 3 } });
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

  it("in TIME_WAIT has nothing from beyond the end of its struct, whatever lies there", () => {
    const common = { state: TIME_WAIT, address: "192.0.2.1", peer: "192.0.2.7", peerPort: 40000, reuse: 1 };
    const beyond = {
      uid: 4294967295,
      inode: 18446744073709551615n,
      user: 0xdeadbeefn,
      userProtocol: -1,
      group: [3n, -7, -9] as [bigint, number, number],
    };
    expect(owner({ common, ...beyond, substate: TIME_WAIT, expires: 15000n })).toMatchObject({
      state: "TIME_WAIT",
      substate: "TIME_WAIT",
      expiresAt: 60_000_000_000,
      inode: null,
      uid: null,
      group: null,
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
    expect(decoder.finish()).toMatchObject([{ type: "lost", cpu: 1, count: 4 }]);
    expect(decoder.lost).toBe(4);
  });

  it("none: no event", () => {
    decode(print.fork(0), print.fork(1), print.fork(0), print.count(0), print.count(1), print.count(2));
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

  it("destroy", () => {
    expect(only(print.destroy(1))).toMatchObject({ type: "destroy", exiting: true, pid: 10, comm: "node", netns: NETNS, port: 8080 });
    expect(only(print.destroy(0))).toMatchObject({ exiting: false });
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

  it("of another protocol version is not understood", () => {
    const fresh = new LineDecoder({ instantOfJiffies: () => null });
    expect(fresh.decode(print.ready(2))).toEqual([]);
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

describe("whatever comes", () => {
  const written = () => [
    print.beat(),
    print.call(),
    print.owner(),
    print.walk(),
    print.close(),
    print.option(1, 2),
    print.state(7, 10),
    print.destroy(),
    print.fork(),
    print.exit(9),
  ];
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
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const fresh = new LineDecoder({ instantOfJiffies: () => null });
        const events = lines.flatMap((one) => fresh.decode(one));
        expect(valid([...events, ...fresh.finish()])).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("damaged lines are left out, and the others are read", () => {
    const damage = fc.record({
      line: fc.nat(9),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      text: fc.constantFrom("", "x", " ", "-", "9", "ffffffffffffffffff", "\u0000"),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        print = new Printer();
        const lines = written();
        for (const { line, at, text } of damages) {
          const whole = lines[line] ?? "";
          const cut = Math.floor(at * whole.length);
          lines[line] = whole.slice(0, cut) + text + whole.slice(cut + 1);
        }
        const fresh = new LineDecoder({ instantOfJiffies: () => null });
        fresh.decode(print.ready());
        expect(valid([...lines.flatMap((one) => fresh.decode(one)), ...fresh.finish()])).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("a line cut short is never read as a whole one", () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(400), (index, length) => {
        print = new Printer();
        const line = written()[index] ?? "";
        const lastField = line.lastIndexOf(" ");
        const fresh = new LineDecoder({ instantOfJiffies: () => null });
        const events = fresh.decode(line.slice(0, Math.min(length, lastField)));
        expect(events.filter(({ type }) => type !== "lost")).toEqual([]);
      }),
    );
  });
});
