import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { bind, close, connection, destroy, facts, fork, listen, look, MS, state, timeWait, told, udp, udpWalk } from "../helpers/events.ts";
import { AT, holder, noted } from "./noted.ts";

const PYTHON = { comm: "python3", program: "python3.11", command: "python3 server.py" };
const binder = told(20, PYTHON);

describe("checked-before", () => {
  const free = facts({ sk: 3, inode: 300, state: "BOUND" });
  /** node[`picker`] binds the port for a millisecond, node[10] binds it after that. */
  const picked = (picker: number, { at = AT - 50 * MS, lasted = MS, taken = AT - 20 * MS } = {}): TraceEvent[] => [
    bind({ t: at, pid: picker, socket: free }),
    destroy(at + lasted, { sk: 3, pid: picker }),
    bind({ t: taken, pid: 10, socket: facts({ state: "BOUND" }) }),
    binder,
  ];
  const unseeded = { seeded: false };
  const message = (pid: number) =>
    `node[${pid}] had bound this port and let it go 49 ms before, which keeps nothing: node[10] took it 29 ms later`;

  it("is said where the process itself had bound the port", () => {
    expect(noted(picked(20), unseeded)).toEqual({ "checked-before": message(20) });
  });

  it("is said where its parent or a child had", () => {
    expect(noted([fork(MS, 19, 20), ...picked(19)], unseeded)["checked-before"]).toBe(message(19));
    expect(noted([fork(MS, 20, 21), ...picked(21)], unseeded)["checked-before"]).toBe(message(21));
  });

  it("tells of the last time", () => {
    const before = [bind({ t: MS, pid: 20, socket: { ...free, sk: 4, inode: 400 } }), destroy(2 * MS, { sk: 4, pid: 20 })];
    expect(noted([...before, ...picked(20)], unseeded)["checked-before"]).toBe(message(20));
  });

  it("is said of a bind that lasted a second, and of one that ended when the port was taken", () => {
    expect(noted(picked(20, { at: AT - 5000 * MS, lasted: 1000 * MS }), unseeded)).toHaveProperty("checked-before");
    expect(noted(picked(20, { taken: AT - 49 * MS }), unseeded)["checked-before"]).toMatch(/took it less than 1 ms later$/);
  });

  it("is said of UDP", () => {
    const [mine, theirs] = [udp({ sk: 3, inode: 300 }), udp()];
    const call = { socket: udp({ sk: 2, inode: 200 }), walk: udpWalk([theirs]) };
    const events = [
      bind({ t: AT - 50 * MS, pid: 20, socket: mine }),
      close(AT - 49 * MS, { sk: 3, inode: 300, pid: 20 }),
      bind({ t: AT - 20 * MS, pid: 10, socket: theirs }),
    ];
    expect(noted([...events, binder], { ...unseeded, owners: [theirs], call })["checked-before"]).toBe(message(20));
  });

  it.each<[string, TraceEvent[]]>([
    ["of a stranger's bind", picked(30)],
    ["where nothing tells who took the port", picked(20).filter((event) => event.type !== "bind" || event.pid === 20)],
    [
      "where nothing tells when it was taken",
      [...picked(20).filter((event) => event.type !== "bind" || event.pid === 20), listen({ t: AT - 20 * MS, pid: 10, socket: facts() })],
    ],
    [
      "of a socket of which only the end was seen",
      [look(AT - 50 * MS, [free]), destroy(AT - 49 * MS, { sk: 3, pid: 20 }), ...picked(20).slice(2)],
    ],
    ["of a server that had run for long", picked(20, { at: AT - 5000 * MS, lasted: 1001 * MS })],
    ["of one that was there all the time", picked(20, { taken: AT - 100 * MS })],
    [
      "of another port",
      [bind({ t: MS, pid: 20, socket: { ...free, port: 8081 } }), destroy(2 * MS, { sk: 3, port: 8081 }), ...picked(30).slice(2)],
    ],
    ["of a bind that still holds", [bind({ t: MS, pid: 20, socket: { ...free, address: "192.0.2.1" } }), ...picked(30).slice(2)]],
  ])("is not said %s", (_, events) => {
    expect(noted(events, unseeded)).not.toHaveProperty("checked-before");
  });

  it("is not said of what was more than a minute ago", () => {
    const long = { t: 70_000 * MS };
    const taken = bind({ t: 65_000 * MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const check = (at: number) => [bind({ t: at, pid: 20, socket: free }), destroy(at + MS, { sk: 3, pid: 20 }), taken, binder];
    expect(noted(check(9_999 * MS), { ...unseeded, call: long })).toHaveProperty("checked-before");
    expect(noted(check(9_998 * MS), { ...unseeded, call: long })).not.toHaveProperty("checked-before");
  });

  it("is not said where the process itself took it again", () => {
    const again = bind({ t: AT - 20 * MS, pid: 20, socket: facts({ state: "BOUND" }) });
    expect(noted([...picked(20).slice(0, 2), again, binder], { ...unseeded, holders: [holder(20)] })).not.toHaveProperty("checked-before");
  });
});

describe("ephemeral-port", () => {
  const port = 45_566;
  const RANGE = { "net.ipv4.ip_local_port_range": "32768 60999", "net.ipv4.ip_local_reserved_ports": "" };
  const at = { port, inode: 500 };
  const call = { socket: facts({ sk: 2, inode: 200, state: "BOUND", port }) };
  const said = (owners: ReturnType<typeof facts>[], sysctls: Record<string, string> = RANGE, events: TraceEvent[] = []) =>
    noted([...events, binder], {
      owners,
      call: { ...call, comm: "python3" },
      holders: [holder(10)],
      header: { sysctls, filters: { ports: [[port, port]] } },
    });
  const message =
    "s1 may be an outgoing connection: no listener on the port was seen and the kernel gives out 32768 to 60999; net.ipv4.ip_local_reserved_ports=45566 takes this one out";

  it("is said of a connection and of its TIME_WAIT", () => {
    expect(said([connection(at)])).toEqual({ "ephemeral-port": message });
    expect(said([timeWait({ port })])).toEqual({ "ephemeral-port": message });
  });

  it("is certain of one that is being opened", () => {
    expect(said([connection({ ...at, state: "SYN_SENT" })])["ephemeral-port"]).toMatch(
      "s1 is an outgoing connection: the kernel gives out 32768 to 60999;",
    );
  });

  it("is said of UDP, which has no listeners", () => {
    const owner = udp({ port, inode: 500, peer: { address: "192.0.2.7", port: 53 }, state: "ESTABLISHED" });
    const refusal = { socket: udp({ sk: 2, inode: 200, port }), walk: udpWalk([owner], { port }) };
    expect(noted([binder], { owners: [owner], call: refusal, header: { sysctls: RANGE } })["ephemeral-port"]).toMatch(
      "s1 may be an outgoing connection: its bind was not seen and the kernel gives out 32768 to 60999;",
    );
  });

  it.each<[string, Parameters<typeof said>]>([
    ["of a listener", [[facts(at)]]],
    ["of one that a listener has not accepted yet", [[connection({ ...at, state: "SYN_RECV" })]]],
    ["of a socket that is only bound", [[facts({ ...at, state: "BOUND" })]]],
    [
      "of a connection beside the listener that it may come from",
      [[connection(at), facts({ sk: 7, inode: 700, port, address: "192.0.2.1" })]],
    ],
    ["below the range", [[connection(at)], { ...RANGE, "net.ipv4.ip_local_port_range": "45567 60999" }]],
    ["above the range", [[connection(at)], { ...RANGE, "net.ipv4.ip_local_port_range": "32768 45565" }]],
    ["where the range is not known", [[connection(at)], {}]],
    ["of a reserved port", [[connection(at)], { ...RANGE, "net.ipv4.ip_local_reserved_ports": "8080,45566" }]],
    ["of a reserved range", [[connection(at)], { ...RANGE, "net.ipv4.ip_local_reserved_ports": "8080,45000-45566" }]],
  ])("is not said %s", (_, scene) => {
    expect(said(...scene)).not.toHaveProperty("ephemeral-port");
  });

  it("is said at the ends of the range, and where other ports are reserved", () => {
    expect(said([connection(at)], { "net.ipv4.ip_local_port_range": "45566 45566" })).toHaveProperty("ephemeral-port");
    expect(said([connection(at)], { ...RANGE, "net.ipv4.ip_local_reserved_ports": "8080,45567-45570" })).toHaveProperty("ephemeral-port");
  });

  it("is not said of a client that has bound its port itself", () => {
    const bound = bind({ t: MS, pid: 10, socket: facts({ sk: 5, inode: 500, port, state: "BOUND", address: "192.0.2.1" }) });
    const scene = { owners: [connection(at)], seeded: false, call, header: { sysctls: RANGE } };
    expect(noted([bound, binder], scene)).not.toHaveProperty("ephemeral-port");
    expect(noted([binder], scene)).toHaveProperty("ephemeral-port");
  });

  it("is said of a connection that was there before a listener", () => {
    const later = [
      bind({ t: MS, pid: 10, socket: facts({ sk: 7, inode: 700, port, address: "192.0.2.9", state: "BOUND" }) }),
      listen({ t: 2 * MS, pid: 10, socket: facts({ sk: 7, inode: 700, port, address: "192.0.2.9" }) }),
    ];
    expect(said([connection(at)], RANGE, later)).toHaveProperty("ephemeral-port");
  });

  it.each<[string, TraceEvent[]]>([
    ["closed", [destroy(3 * MS, { sk: 7, port })]],
    ["that stopped listening", [state(3 * MS, { sk: 7, inode: 700, port, from: "LISTEN", to: "CLOSE" }), destroy(4 * MS, { sk: 7, port })]],
  ])("is not said of what a listener has left that was there before, %s", (_, ended) => {
    const before: TraceEvent[] = [
      bind({ t: MS, pid: 10, socket: facts({ sk: 7, inode: 700, port, state: "BOUND" }) }),
      state(2 * MS, { sk: 7, inode: 700, port }),
      ...ended,
    ];
    expect(noted([...before, binder], { owners: [connection(at)], seeded: false, call, header: { sysctls: RANGE } })).not.toHaveProperty(
      "ephemeral-port",
    );
  });
});
