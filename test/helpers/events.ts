import fc from "fast-check";
import type { z } from "zod";
import type { EventOf, Header, SocketFacts, TraceEvent, WalkFacts } from "../../src/core/event.ts";
import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";
import { Story } from "../../src/core/story.ts";

/** Small builders: each gives a valid value of which a test states only what it is about. */

export const NETNS = 4026531840;
export const WALL = "2026-11-22T14:03:00.000000000Z";
export const MS = 1_000_000;

/** A listener on 0.0.0.0:8080. */
export function facts(overrides: Partial<SocketFacts> = {}): SocketFacts {
  return {
    sk: 1,
    subflow: null,
    inode: 100,
    netns: NETNS,
    protocol: "tcp",
    family: "ipv4",
    address: "0.0.0.0",
    port: 8080,
    peer: null,
    state: "LISTEN",
    substate: null,
    expiresAt: null,
    reuseAddr: false,
    reusePort: false,
    ipv6Only: false,
    device: 0,
    uid: 1000,
    group: null,
    ...overrides,
  };
}

const PEER = { address: "192.0.2.7", port: 40000 };

export const connection = (overrides: Partial<SocketFacts> = {}): SocketFacts =>
  facts({ sk: 5, inode: 500, address: "192.0.2.1", peer: PEER, state: "ESTABLISHED", ...overrides });

/** A UDP socket on 0.0.0.0:8080. */
export const udp = (overrides: Partial<SocketFacts> = {}): SocketFacts => facts({ protocol: "udp", state: "BOUND", ...overrides });

/** What is left of {@link connection}: a struct of its own, without inode and uid. */
export const timeWait = (overrides: Partial<SocketFacts> = {}): SocketFacts =>
  connection({ sk: 6, inode: null, uid: null, state: "TIME_WAIT", substate: "TIME_WAIT", expiresAt: 60_000 * MS, ...overrides });

export function walk(owners: SocketFacts[], overrides: Partial<WalkFacts> = {}): WalkFacts {
  const counts = { visited: owners.length, possible: owners.length, printed: owners.length, missed: 0 };
  const bucket = {
    protocol: "tcp" as const,
    netns: NETNS,
    port: 8080,
    locked: false,
    decisive: null,
    buckets: 1,
    fastReuse: 0,
    fastReusePort: 0,
    fastUid: 0,
  };
  return { ...bucket, ...counts, owners, lost: false, ...overrides };
}

/** A look at UDP's owners of the port. */
export const udpWalk = (owners: SocketFacts[], overrides: Partial<WalkFacts> = {}): WalkFacts =>
  walk(owners, { protocol: "udp", ...overrides });

const process = (pid = 20) => ({ pid, tid: pid, comm: "node" });
const call = (t: number, pid = 20) => ({
  t,
  enteredAt: t - 1000,
  ...process(pid),
  nsPid: pid,
  uid: 1000,
  fd: 18,
  errno: null,
  swapped: false,
  walk: null,
  inCommand: false,
});

/** A bind that passed, unless `errno` says otherwise; it asks for the address of its socket. */
export function bind(overrides: Partial<EventOf<"bind">> = {}): EventOf<"bind"> {
  const socket = overrides.socket ?? facts({ sk: 2, inode: 200, state: "BOUND" });
  const requested = { family: socket.family, address: socket.address, port: socket.port };
  return { type: "bind", operation: "bind", ...call(overrides.t ?? 10 * MS, overrides.pid), socket, requested, ...overrides };
}

export function listen(overrides: Partial<EventOf<"listen">> = {}): EventOf<"listen"> {
  const socket = overrides.socket ?? facts({ sk: 2, inode: 200 });
  return { type: "listen", ...call(overrides.t ?? 11 * MS, overrides.pid), socket, backlog: 511, ...overrides };
}

/** A bind refused while these owners were in the bucket. */
export const refused = (owners: SocketFacts[], overrides: Partial<EventOf<"bind">> = {}): EventOf<"bind"> =>
  bind({ errno: "EADDRINUSE", walk: walk(owners), ...overrides });

export const look = (t: number, owners: SocketFacts[], overrides: Partial<EventOf<"look">> = {}): EventOf<"look"> => ({
  type: "look",
  t,
  seed: false,
  walk: walk(owners),
  ...overrides,
});

/** bindtrace's look at the start. */
export const seed = (...owners: SocketFacts[]): EventOf<"look"> => look(0, owners, { seed: true });

export const close = (t: number, overrides: Partial<EventOf<"close">> = {}): EventOf<"close"> => ({
  type: "close",
  t,
  ...process(10),
  sk: 1,
  inode: 100,
  netns: NETNS,
  port: 8080,
  fd: 18,
  references: 1,
  ...overrides,
});

export const destroy = (t: number, overrides: Partial<EventOf<"destroy">> = {}): EventOf<"destroy"> => ({
  type: "destroy",
  t,
  ...process(10),
  sk: 1,
  netns: NETNS,
  port: 8080,
  exiting: false,
  ...overrides,
});

/** The port became free of a socket, as the kernel hook set tells. */
export const release = (t: number, overrides: Partial<EventOf<"release">> = {}): EventOf<"release"> => ({
  type: "release",
  t,
  sk: 1,
  netns: NETNS,
  port: 8080,
  by: { ...process(10), exiting: false },
  ...overrides,
});

export const state = (t: number, overrides: Partial<EventOf<"state">> = {}): EventOf<"state"> => ({
  type: "state",
  t,
  sk: 2,
  inode: 200,
  netns: NETNS,
  port: 8080,
  from: "CLOSE",
  to: "LISTEN",
  ...overrides,
});

export const exit = (t: number, overrides: Partial<EventOf<"exit">> = {}): EventOf<"exit"> => ({
  type: "exit",
  t,
  pid: 10,
  comm: "node",
  code: 0,
  signal: 0,
  ...overrides,
});

export const fork = (t: number, pid: number, child: number): EventOf<"fork"> => ({ type: "fork", t, pid, child });

export const exec = (t: number, pid: number, comm: string): EventOf<"exec"> => ({ type: "exec", t, pid, comm });

/** SIGTERM, sent by a shell. */
export const signal = (t: number, overrides: Partial<EventOf<"signal">> = {}): EventOf<"signal"> => ({
  type: "signal",
  t,
  pid: 10,
  signal: 15,
  by: { pid: 5, comm: "bash" },
  ...overrides,
});

/** The holder of {@link seed} received its socket. */
export const pass = (t: number, overrides: Partial<EventOf<"pass">> = {}): EventOf<"pass"> => ({
  type: "pass",
  t,
  ...process(10),
  sk: 1,
  inode: 100,
  netns: NETNS,
  port: 8080,
  fd: 18,
  how: "receive",
  ...overrides,
});

/** What /proc says of a process: a server of Node below a shell. */
export const told = (pid: number, overrides: Partial<EventOf<"process">> = {}): EventOf<"process"> => ({
  type: "process",
  t: 0,
  pid,
  comm: "node",
  command: "node server.js",
  program: "node",
  startedAt: null,
  ancestors: [{ pid: 5, comm: "bash", program: "bash" }],
  cgroup: null,
  nsPids: [pid],
  marks: [],
  state: "S",
  ...overrides,
});

export const option = (t: number, overrides: Partial<EventOf<"option">> = {}): EventOf<"option"> => ({
  type: "option",
  t,
  ...process(10),
  sk: 1,
  inode: 100,
  netns: NETNS,
  port: 8080,
  fd: 18,
  option: "SO_REUSEADDR",
  errno: null,
  reuseAddr: true,
  reusePort: false,
  ipv6Only: false,
  device: 0,
  ...overrides,
});

/** The holders of one inode, for the failure that {@link refused} made. */
export const holders = (
  t: number,
  failure: EventOf<"bind"> | EventOf<"listen">,
  overrides: Partial<EventOf<"holders">> = {},
): EventOf<"holders"> => ({
  type: "holders",
  t,
  failureAt: failure.t,
  tid: failure.tid,
  late: false,
  complete: true,
  sockets: [{ inode: 100, holders: [{ pid: 10, fd: 18, comm: "node", command: "node server.js", parent: 5, startedAt: null }] }],
  ...overrides,
});

export const end = (t: number, overrides: Partial<EventOf<"end">> = {}): EventOf<"end"> => ({
  type: "end",
  t,
  reason: "Ctrl-C",
  lost: 0,
  foreign: 0,
  died: false,
  ...overrides,
});

export function header(overrides: Partial<Header> = {}): Header {
  return {
    format: "bindtrace",
    version: 1,
    kernel: { release: "6.18.44", hz: 250, bhash2: true, orphanUidIsZero: false },
    bpftrace: "0.17.0",
    hooks: "tracepoint",
    attach: "tracepoint",
    missingProbes: [],
    filters: { ports: [[8080, 8080]] },
    sysctls: {},
    clock: { boot: "0", wall: WALL, zone: "Europe/Berlin", offsetMinutes: 60 },
    host: "server",
    command: null,
    redacted: false,
    ...overrides,
  };
}

/** The header of a trace of the kernel hook set. */
export const kernelHeader = (missingProbes: string[] = []): Header => header({ hooks: "kernel", attach: "fentry", missingProbes });

/** A whole small trace: a restart that meets the old listener and one of its connections, then succeeds. */
export function restart(): TraceEvent[] {
  const old = facts({ reuseAddr: true });
  const child = connection({ reuseAddr: true });
  const first = refused([old], { t: 10 * MS });
  return [
    seed(old),
    first,
    holders(12 * MS, first),
    { type: "fork", t: 13 * MS, pid: 10, child: 11 },
    option(14 * MS),
    close(20 * MS),
    destroy(20 * MS + 5),
    exit(21 * MS),
    bind({ t: 30 * MS, pid: 30, socket: facts({ sk: 3, inode: 300, state: "BOUND", reuseAddr: true }) }),
    state(31 * MS, { sk: 3, inode: 300 }),
    listen({ t: 31 * MS + 5, pid: 30, socket: facts({ sk: 3, inode: 300, reuseAddr: true }) }),
    look(40 * MS, [child, facts({ sk: 3, inode: 300, reuseAddr: true })]),
    refused([child, facts({ sk: 3, inode: 300, reuseAddr: true })], { t: 50 * MS, pid: 31 }),
    state(60 * MS, { sk: 5, inode: 500, from: "ESTABLISHED", to: "FIN_WAIT1" }),
    destroy(61 * MS, { sk: 5, pid: 0, comm: "swapper/1" }),
    look(62 * MS, [timeWait({ reuseAddr: true }), facts({ sk: 3, inode: 300, reuseAddr: true })]),
    destroy(70 * MS, { sk: 3, pid: 30, exiting: true }),
    exit(70 * MS, { pid: 30, signal: 9 }),
    look(60_001 * MS, []),
    { type: "lost", t: 60_002 * MS, cpu: 1, count: 3 },
    end(60_003 * MS, { lost: 3 }),
  ];
}

/** What a story says of these events, and the story itself. */
export function tell(
  events: readonly TraceEvent[],
  options: { header?: Header; reports?: (call: EventOf<"bind"> | EventOf<"listen">) => boolean } = {},
) {
  const story = new Story(options.header ?? header(), { reports: options.reports ?? (() => true) });
  const during = events.map((event) => story.apply(event));
  const records: OutputRecord[] = [...story.begin(), ...during.flat(), ...story.finish()];
  const of = <T extends OutputRecord["type"]>(type: T) =>
    records.filter((record): record is Extract<OutputRecord, { type: T }> => record.type === type);
  return { story, records, during, of, rows: story.timelines().flatMap(({ rows }) => rows) };
}

/** The only failure of these events. */
export function failureOf(...events: TraceEvent[]): FailureRecord {
  const [failure, ...more] = tell(events).of("failure");
  if (!failure || more.length > 0) throw new Error(`${more.length + (failure ? 1 : 0)} failures instead of one`);
  return failure;
}

/** Any value that a zod schema of the contract allows, so that no field is forgotten. */
export function anyOf(schema: z.core.$ZodType, text: fc.Arbitrary<string> = fc.string({ unit: "grapheme" })): fc.Arbitrary<unknown> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object": {
      const fields = Object.entries(def.shape);
      const optional = fields.filter(([, inner]) => inner._zod.def.type === "optional").map(([name]) => name);
      return fc.record(Object.fromEntries(fields.map(([name, inner]) => [name, anyOf(inner, text)])), {
        requiredKeys: fields.map(([name]) => name).filter((name) => !optional.includes(name)),
      });
    }
    case "optional":
    case "default":
      return anyOf(def.innerType, text);
    case "union":
      return fc.oneof(...def.options.map((option) => anyOf(option, text)));
    case "nullable":
      return fc.option(anyOf(def.innerType, text));
    case "array":
      return fc.array(anyOf(def.element, text), { maxLength: 4 });
    case "tuple":
      return fc.tuple(...def.items.map((item) => anyOf(item, text)));
    case "record":
      return fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9._]{0,20}$/), anyOf(def.valueType, text), { noNullPrototype: true, maxKeys: 3 });
    case "literal":
      return fc.constantFrom(...def.values);
    case "enum":
      return fc.constantFrom(...Object.values(def.entries));
    case "boolean":
      return fc.boolean();
    case "string":
      return text;
    case "number": {
      const { minValue, maxValue, isInt } = schema as z.ZodNumber;
      const min = Math.max(minValue ?? Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER);
      const max = Math.min(maxValue ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      return isInt ? fc.integer({ min, max }) : fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    }
    default:
      throw new Error(`no arbitrary for ${def.type}`);
  }
}
