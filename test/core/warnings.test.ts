import { describe, expect, it } from "vitest";
import type { EventOf, SocketFacts, TraceEvent } from "../../src/core/event.ts";
import type { Place } from "../../src/core/party.ts";
import { Story } from "../../src/core/story.ts";
import {
  bind,
  destroy,
  exit,
  facts,
  header,
  holders,
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
  udpWalk,
} from "../helpers/events.ts";

const ROOT = { pid: 1, comm: "systemd", program: "systemd" };

/** What /proc said of a process that systemd started, unless `parent` says otherwise. */
const process = (t: number, pid: number, command: string, parent?: EventOf<"process">["ancestors"][number]): EventOf<"process"> => ({
  ...{ type: "process", t, pid, comm: "main", command, program: command.split(" ")[0] ?? "", startedAt: 0 },
  ...{ ancestors: parent ? [parent, ROOT] : [ROOT], cgroup: null, nsPids: [pid], marks: [], state: "S" },
});
const shared = (sk: number, overrides: Partial<SocketFacts> = {}) =>
  facts({ sk, inode: sk * 100, reusePort: true, group: { id: 0, size: 2 }, ...overrides });
const serving = (t: number, pid: number, socket: SocketFacts) => [
  bind({ t, pid, comm: `p${pid}`, socket: { ...socket, state: "BOUND", group: null } }),
  listen({ t: t + 1, pid, comm: `p${pid}`, socket }),
];
const seedHolders = (t: number, ...held: [inode: number, ...pids: number[]][]): EventOf<"holders"> => ({
  ...holders(t, refused([])),
  ...{ failureAt: null, tid: null },
  sockets: held.map(([inode, ...pids]) => ({
    inode,
    holders: pids.map((pid) => ({ pid, fd: 3, comm: `p${pid}`, command: "", parent: 1, startedAt: null })),
  })),
});

const warned = (...events: TraceEvent[]) => tell(events).of("warning");
const said = (...events: TraceEvent[]) => warned(...events).map(({ code, sockets }) => [code, ...sockets]);

describe("unrelated programs that share a group", () => {
  const a = process(1, 10, "python3 old.py");
  const b = process(2, 20, "node server.js");
  const both = [...serving(10, 10, shared(1)), ...serving(20, 20, shared(2))];

  it("are named, as soon as the second one is in it", () => {
    const { during, of } = tell([a, b, ...both]);
    expect(of("warning")).toEqual([
      {
        type: "warning",
        at: "2026-11-22T14:03:00.000000021Z",
        code: "unrelated-programs-share",
        message:
          "processes that were started apart share 0.0.0.0:8080 through SO_REUSEPORT (g1), and each connection goes to one of them: " +
          "p10[10] with s1 (python3 old.py), p20[20] with s2 (node server.js)",
        sockets: ["s1", "s2"],
      },
    ]);
    expect(during.map((records) => records.length)).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it("are named once what /proc says of them has come, and then once", () => {
    const again = [process(60, 20, "node server.js"), listen({ t: 61, pid: 20, socket: shared(2) }), look(62, [shared(1), shared(2)])];
    const { during } = tell([a, ...both, b, ...again]);
    expect(during.map((records) => records.length)).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0]);
  });

  it("are named for UDP", () => {
    const socket = (sk: number) => udp({ sk, inode: sk * 100, reusePort: true, group: { id: 0, size: 2 } });
    const [warning] = warned(a, b, bind({ t: 10, pid: 10, socket: socket(1) }), bind({ t: 20, pid: 20, socket: socket(2) }));
    expect(warning?.message).toContain("through SO_REUSEPORT (g1), and each unicast datagram goes to one of them: node[10] with s1");
  });

  it("are named when the seed had them and its holders are told", () => {
    const there = [seed(shared(1), shared(2)), a, b];
    expect(said(...there)).toEqual([]);
    expect(said(...there, seedHolders(5, [100, 10], [200, 20]))).toEqual([["unrelated-programs-share", "s1", "s2"]]);
    expect(said(seed(shared(1), shared(2)), seedHolders(5, [100, 10], [200, 20]), a, b)).toEqual([
      ["unrelated-programs-share", "s1", "s2"],
    ]);
  });

  it("count as one program where they belong together", () => {
    const worker = (t: number, pid: number) => process(t, pid, `node worker-${pid}.js`, { pid: 20, comm: "node", program: "node" });
    const workers = [30, 31, 32, 33].flatMap((pid) => [worker(3, pid), ...serving(pid, pid, shared(pid))]);
    const [first, ...more] = warned(b, ...workers, a, ...serving(90, 10, shared(1)));
    expect(first?.message.split(": ")[1]).toBe(
      "p30[30] and 3 more with s1, s2, s3, s4 (node worker-30.js), p10[10] with s5 (python3 old.py)",
    );
    expect(more).toEqual([]);
  });

  it("are told again when another one comes, not when one of the same program does", () => {
    const c = process(3, 30, "ruby app.rb");
    const d = process(4, 40, "node server.js", { pid: 20, comm: "node", program: "node" });
    const later = [d, ...serving(40, 40, shared(4)), destroy(45, { sk: 2 }), c, ...serving(50, 30, shared(3))];
    expect(said(a, b, ...both, ...later)).toEqual([
      ["unrelated-programs-share", "s1", "s2"],
      ["unrelated-programs-share", "s1", "s3", "s4"],
    ]);
  });

  it("are named by the beginning of a long command line", () => {
    const [warning] = warned(process(1, 10, `python3 ${"𠀀".repeat(100)}`), b, ...both);
    expect(warning?.message).toContain(`s1 (python3 ${"𠀀".repeat(49)}...), p20`);
  });

  it.each<[string, TraceEvent[]]>([
    ["one process has both", [a, ...serving(10, 10, shared(1)), ...serving(20, 10, shared(2))]],
    ["one started the other", [a, process(2, 20, "node server.js", { pid: 10, comm: "p", program: "python3" }), ...both]],
    ["they run the same", [a, process(2, 20, "python3 old.py"), ...both]],
    ["nothing is known of one", [a, ...both]],
    [
      "one has exited since, and who has its socket now is not known",
      [a, b, both[0], both[1], exit(15, { pid: 10 }), both[2], both[3]] as TraceEvent[],
    ],
    [
      "they are in different groups",
      [a, b, ...serving(10, 10, shared(1)), ...serving(20, 20, shared(2, { address: "192.0.2.1", group: { id: 1, size: 1 } }))],
    ],
    ["one only is bound", [a, b, ...both.slice(0, 3)]],
    [
      "one has stopped listening",
      [a, b, ...both.slice(0, 2), state(15, { sk: 1, inode: 100, from: "LISTEN", to: "CLOSE" }), ...both.slice(2)],
    ],
    [
      "a BPF program chooses",
      [a, b, ...serving(10, 10, shared(1)), ...serving(20, 20, shared(2, { group: { id: 0, size: 2, program: true } }))],
    ],
    ["the holders told are those of another inode", [a, b, seed(shared(1), shared(2)), seedHolders(5, [100, 10], [201, 20])]],
    ["a holder of the seed is not known", [a, b, seed(shared(1), shared(2)), seedHolders(5, [100, 10], [200, 20, 21])]],
    ["the socket came after the seed", [a, b, seedHolders(5, [100, 10], [200, 20]), look(6, [shared(1), shared(2)])]],
  ])("are not spoken of where %s", (_, events) => {
    expect(said(...events)).toEqual([]);
  });

  it("are not spoken of outside of what is watched", () => {
    const watched = (watches: (place: Place) => boolean) => {
      const story = new Story(header(), { reports: () => true, watches });
      return [a, b, ...both].flatMap((event) => story.apply(event)).length;
    };
    expect(watched(({ port }) => port === 8080)).toBe(1);
    expect(watched(({ port }) => port !== 8080)).toBe(0);
    expect(watched(({ netns, protocol }) => netns === NETNS && protocol === "tcp")).toBe(1);
  });
});

describe("localhost that leads to different programs", () => {
  const a = process(1, 10, "node vite");
  const b = process(2, 20, "python3 -m http.server");
  const four = (address: string, overrides: Partial<SocketFacts> = {}) => facts({ sk: 1, inode: 100, address, ...overrides });
  const six = (address: string, overrides: Partial<SocketFacts> = {}) =>
    facts({ sk: 2, inode: 200, family: "ipv6", address, ipv6Only: true, ...overrides });

  it("is told with both", () => {
    expect(warned(a, b, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 20, six("::1")))).toEqual([
      {
        type: "warning",
        at: "2026-11-22T14:03:00.000000021Z",
        code: "loopback-split",
        message:
          "localhost:8080 leads to different processes: " +
          "127.0.0.1 to p10[10] with s1 (node vite), ::1 to p20[20] with s2 (python3 -m http.server)",
        sockets: ["s1", "s2"],
      },
    ]);
  });

  it.each<[string, SocketFacts, SocketFacts]>([
    ["wildcards", four("0.0.0.0"), six("::")],
    ["a wildcard and the loopback address", four("0.0.0.0"), six("::1")],
    [
      "a socket of both families, before which a more exact one comes",
      four("127.0.0.1", { reusePort: true }),
      six("::", { ipv6Only: false, reusePort: true }),
    ],
    [
      "a socket of both families, before which one of IPv4 alone comes",
      four("0.0.0.0", { reusePort: true }),
      six("::", { ipv6Only: false, reusePort: true }),
    ],
    ["an IPv4-mapped address", four("::ffff:127.0.0.1", { family: "ipv6" }), six("::1")],
    ["the wildcard of IPv4-mapped addresses", four("::ffff:0.0.0.0", { family: "ipv6" }), six("::1")],
  ])("is told of %s", (_, ipv4, ipv6) => {
    expect(said(a, b, ...serving(10, 10, ipv4), ...serving(20, 20, ipv6))).toEqual([["loopback-split", "s1", "s2"]]);
    expect(said(seed(ipv4, ipv6), a, b, seedHolders(5, [100, 10], [200, 20]))).toEqual([["loopback-split", "s1", "s2"]]);
  });

  it("names the one that IPv4 prefers", () => {
    const mapped = four("::ffff:127.0.0.1", { sk: 3, inode: 300, family: "ipv6", reusePort: true });
    const events = [...serving(10, 10, four("127.0.0.1", { reusePort: true })), ...serving(20, 20, mapped), ...serving(30, 20, six("::1"))];
    expect(said(a, b, ...events)).toEqual([["loopback-split", "s1", "s3"]]);
  });

  it("is told once", () => {
    const twice = [
      ...serving(10, 10, four("0.0.0.0")),
      ...serving(20, 20, six("::")),
      look(30, [four("0.0.0.0"), six("::"), facts({ sk: 7, inode: 700, address: "192.0.2.1" })]),
    ];
    expect(said(a, b, ...twice)).toHaveLength(1);
  });

  it.each<[string, TraceEvent[]]>([
    ["one process has both", [a, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 10, six("::1"))]],
    [
      "the two are related",
      [
        a,
        process(2, 20, "x", { pid: 10, comm: "node", program: "node" }),
        ...serving(10, 10, four("127.0.0.1")),
        ...serving(20, 20, six("::1")),
      ],
    ],
    ["one socket answers both", [a, b, ...serving(10, 10, six("::", { ipv6Only: false })), ...serving(20, 20, four("192.0.2.1"))]],
    [
      "a socket that answers both is the only one of IPv4",
      [a, b, ...serving(10, 10, six("::", { ipv6Only: false })), ...serving(20, 20, six("2001:db8::1", { sk: 3, inode: 300 }))],
    ],
    ["they have other addresses", [a, b, ...serving(10, 10, four("192.0.2.1")), ...serving(20, 20, six("2001:db8::1"))]],
    ["they have other ports", [a, b, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 20, six("::1", { port: 8081 }))]],
    ["they are in other network namespaces", [a, b, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 20, six("::1", { netns: 5 }))]],
    ["one is bound to an interface", [a, b, ...serving(10, 10, four("0.0.0.0", { device: 2 })), ...serving(20, 20, six("::1"))]],
    ["one only is bound", [a, b, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 20, six("::1")).slice(0, 1)]],
    ["one has gone before the other came", [a, b, ...serving(10, 10, four("127.0.0.1")), destroy(15), ...serving(20, 20, six("::1"))]],
    ["nothing is known of one", [a, ...serving(10, 10, four("127.0.0.1")), ...serving(20, 20, six("::1"))]],
    [
      "they are of UDP",
      [
        a,
        b,
        look(9, [], {
          walk: udpWalk([
            udp({ sk: 1, inode: 100, reusePort: true, group: { id: 0, size: 1 } }),
            udp({ sk: 2, inode: 200, family: "ipv6", address: "::1", reusePort: true, group: { id: 1, size: 1 } }),
          ]),
        }),
        seedHolders(10, [100, 10], [200, 20]),
      ],
    ],
  ])("is not told where %s", (_, events) => {
    expect(said(...events)).toEqual([]);
  });
});

describe("SO_REUSEPORT that is set too late", () => {
  const late = (t: number, overrides: Partial<EventOf<"option">> = {}) =>
    option(t, { option: "SO_REUSEPORT", reuseAddr: false, reusePort: true, ...overrides });
  const binder = { sk: 2, inode: 200 };

  it("is told of a socket that has its port", () => {
    expect(warned(seed(facts()), late(5))).toEqual([
      {
        type: "warning",
        at: "2026-11-22T14:03:00.000000005Z",
        code: "reuseport-after-bind",
        message:
          "node[10] set SO_REUSEPORT on s1 only after its bind of 0.0.0.0:8080: it did not count until now, " +
          "and from now on sockets of the same user (uid 1000) that have it too can share the port with s1",
        sockets: ["s1"],
      },
    ]);
  });

  it("is told of a socket that was refused, after its refusal", () => {
    const refusal = refused([facts()], { t: 10 });
    const { records } = tell([seed(facts()), refusal, late(20, binder), holders(30, refusal)]);
    expect(records.map(({ type }) => type)).toEqual(["session", "failure", "warning", "summary"]);
    expect(records.find(({ type }) => type === "warning")).toMatchObject({
      message:
        "node[10] set SO_REUSEPORT on s2 only after its bind of 0.0.0.0:8080 had been refused: " +
        "it counts from the next bind on, and until then s2 has no port",
      sockets: ["s2"],
    });
  });

  it("is told once a socket", () => {
    expect(said(seed(facts()), late(5), late(6, { reusePort: false }), late(7))).toEqual([["reuseport-after-bind", "s1"]]);
  });

  it.each<[string, TraceEvent[]]>([
    ["it was set before", [seed(facts({ reusePort: true })), late(5)]],
    [
      "it was set before the bind that was refused",
      [refused([], { t: 4, socket: facts({ ...binder, reusePort: true }) }), late(5, binder)],
    ],
    ["the call failed", [seed(facts()), late(5, { errno: "EPERM", reusePort: false })]],
    ["it was cleared", [seed(facts({ reusePort: true })), late(5, { reusePort: false })]],
    ["another option was set", [seed(facts()), late(5, { option: "SO_REUSEADDR" })]],
    ["the socket is a connection", [seed(facts({ peer: { address: "192.0.2.7", port: 40000 }, state: "ESTABLISHED" })), late(5)]],
    ["the socket is not known", [late(5)]],
    ["it has let its port go", [bind({ t: 3, socket: udp(binder) }), release(4, { sk: 2 }), late(5, binder)]],
    ["the bind failed for another reason", [refused([], { t: 4, errno: "EACCES" }), late(5, binder)]],
    ["any port was asked for", [refused([], { t: 4, requested: { family: "ipv4", address: "0.0.0.0", port: 0 } }), late(5, binder)]],
  ])("is not told where %s", (_, events) => {
    expect(said(...events)).toEqual([]);
  });

  it("is of a socket that has its port where a later bind of it passed", () => {
    const [warning] = warned(refused([], { t: 4 }), bind({ t: 5 }), late(6, binder));
    expect(warning?.message).toContain("on s1 only after its bind of 0.0.0.0:8080: it did not count until now");
  });
});

describe("a warning", () => {
  it("waits for the refusals that came before it", () => {
    const refusal = refused([facts()], { t: 10 });
    const { during } = tell([seed(facts()), refusal, option(20, { option: "SO_REUSEPORT", reusePort: true }), holders(30, refusal)]);
    expect(during.map((records) => records.map(({ type }) => type))).toEqual([[], [], [], ["failure", "warning"]]);
  });

  it("comes before the summary where a refusal never got its holders", () => {
    const { records } = tell([seed(facts()), refused([facts()], { t: 10 }), option(20 * MS, { option: "SO_REUSEPORT", reusePort: true })]);
    expect(records.map(({ type }) => type)).toEqual(["session", "failure", "warning", "summary"]);
  });
});
