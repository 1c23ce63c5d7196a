import type { Nanos } from "../base/nanoseconds.ts";
import { ANY4, ANY6, type Family, ipv4Text, ipv6Text } from "../core/address.ts";
import { errnoName } from "../core/errno.ts";
import { type CallEvent, eventSchema, type Protocol, type SocketFacts, type State, type TraceEvent, type WalkFacts } from "../core/event.ts";
import { LineFields } from "./fields.ts";

const STATES: readonly State[] = [
  "CLOSE",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
  "NEW_SYN_RECV",
  "BOUND",
];
const PROTOCOLS: Readonly<Record<number, Protocol>> = { 6: "tcp", 17: "udp", 262: "mptcp" };
const OPTIONS: Readonly<Record<string, "SO_REUSEADDR" | "SO_REUSEPORT" | "SO_BINDTODEVICE" | "IPV6_V6ONLY">> = {
  "1/2": "SO_REUSEADDR",
  "1/15": "SO_REUSEPORT",
  "1/25": "SO_BINDTODEVICE",
  "41/26": "IPV6_V6ONLY",
};
const AF_INET6 = 10;
const OP_BIND = 1;

export interface DecoderOptions {
  /** Instant of a jiffies value, null where the relation is not known. */
  instantOfJiffies(jiffies: bigint): Nanos | null;
}

/** A refused call, or a look, whose owners are still arriving. */
interface OpenWalk {
  call: CallEvent | null;
  owners: SocketFacts[];
  lost: boolean;
}

/**
 * Turns the lines of the bpftrace programs (bpf/README.md) into events. Every field is a number, so no
 * process can forge a line by its name. Kernel pointers are replaced by small numbers here.
 */
export class LineDecoder {
  readonly #options: DecoderOptions;
  readonly #pointers = new Map<bigint, number>();
  readonly #walks = new Map<number, OpenWalk>();
  readonly #sequence = new Map<number, number>();
  /** CLOCK_BOOTTIME of the first line: instant 0. */
  #anchor: bigint | null = null;
  foreign = 0;
  lost = 0;

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  /** CLOCK_BOOTTIME of instant 0 in ns, null before the stream is ready. */
  get anchor(): bigint | null {
    return this.#anchor;
  }

  /** Last sequence number received of each CPU. */
  get sequence(): ReadonlyMap<number, number> {
    return this.#sequence;
  }

  /** Takes one line; a line that is not ours, or that does not fit the contract, is counted and left out. */
  decode(line: string): TraceEvent[] {
    if (line === "") return [];
    const fields = LineFields.parse(line);
    if (!fields) {
      this.foreign++;
      return [];
    }
    if (fields.tag === "ready") {
      fields.number();
      this.#anchor = fields.big();
      return [];
    }
    const cpu = fields.number();
    const gap = this.#count(cpu, fields.number());
    const before = gap > 0 ? this.#lostEvents(cpu, gap) : [];
    try {
      return [...before, ...this.#decode(fields, cpu)].map((event) => eventSchema.parse(event));
    } catch {
      this.foreign++;
      return before;
    }
  }

  /** Compares with the last number that each CPU gave out, printed by bpftrace at its end. */
  finish(lastOfCpu: ReadonlyMap<number, number>): TraceEvent[] {
    const open = [...this.#walks.keys()].flatMap((cpu) => this.#abandon(cpu));
    const missing = [...lastOfCpu].map(([cpu, last]) => [cpu, last - (this.#sequence.get(cpu) ?? 0)] as const);
    return [...open, ...missing.filter(([, count]) => count > 0).flatMap(([cpu, count]) => this.#lostEvents(cpu, count))];
  }

  #count(cpu: number, seq: number): number {
    const gap = seq - (this.#sequence.get(cpu) ?? 0) - 1;
    this.#sequence.set(cpu, seq);
    return gap;
  }

  #lostEvents(cpu: number, count: number): TraceEvent[] {
    this.lost += count;
    const walk = this.#walks.get(cpu);
    if (walk) walk.lost = true;
    return [{ type: "lost", t: this.#latest, cpu, count }];
  }
  #latest: Nanos = 0;

  #decode(fields: LineFields, cpu: number): TraceEvent[] {
    if (fields.tag === "owner") {
      const walk = this.#walks.get(cpu) ?? this.#open(cpu, null);
      walk.owners.push(this.#owner(fields));
      return [];
    }
    const t = this.#instant(fields.big());
    this.#latest = t;
    if (fields.tag === "walk") return this.#walk(fields, cpu, t);
    // A walk runs to its end before its CPU says anything else, so what is open now was cut by a loss.
    const abandoned = this.#abandon(cpu);
    return [...abandoned, ...this.#other(fields, cpu, t)];
  }

  #other(fields: LineFields, cpu: number, t: Nanos): TraceEvent[] {
    switch (fields.tag) {
      case "beat":
        return [];
      case "call":
        return this.#call(fields, cpu, t);
      case "close": {
        const [pid, tid, fd] = [fields.number(), fields.number(), fields.number()];
        const ref = { sk: this.#pointer(fields.hex()), inode: orNull(fields.number()), netns: fields.number(), port: fields.number() };
        return [{ type: "close", t, pid, tid, fd, ...ref, references: fields.number(), comm: fields.comm() }];
      }
      case "option":
        return this.#option(fields, t);
      case "state": {
        const ref = { sk: this.#pointer(fields.hex()), inode: orNull(fields.number()), netns: fields.number(), port: fields.number() };
        fields.number();
        return [{ type: "state", t, ...ref, from: stateOf(fields.number()), to: stateOf(fields.number()) }];
      }
      case "destroy": {
        const ref = { sk: this.#pointer(fields.hex()), netns: fields.number(), port: fields.number() };
        return [{ type: "destroy", t, ...ref, pid: fields.number(), tid: fields.number(), exiting: fields.number() === 1, comm: fields.comm() }];
      }
      case "fork":
        return [{ type: "fork", t, pid: fields.number(), child: fields.number() }];
      case "exit": {
        const pid = fields.number();
        const status = fields.number();
        return [{ type: "exit", t, pid, code: (status >> 8) & 0xff, signal: status & 0x7f, comm: fields.comm() }];
      }
      default:
        throw new Error(`unknown tag ${fields.tag}`);
    }
  }

  #call(fields: LineFields, cpu: number, t: Nanos): TraceEvent[] {
    const enteredAt = this.#instant(fields.big());
    const op = fields.number();
    const [fd, swapped, ret, pid, tid, uid] = [fields.number(), fields.number(), fields.number(), fields.number(), fields.number(), fields.number()];
    const [head, low, high] = [fields.hex(), fields.hex(), fields.hex()];
    fields.number();
    const nsPid = fields.number();
    const sk = this.#pointer(fields.hex());
    const netns = fields.number();
    const words = commonWords(fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex(), 0n, 0n);
    const socketUid = fields.number();
    const protocol = protocolOf(fields.number());
    const inode = orNull(fields.number());
    const group = groupOf(fields.hex(), fields.number(), fields.number());
    const errno = ret < 0 ? errnoName(-ret) : null;
    const comm = fields.comm();
    const socket: SocketFacts = {
      ...words,
      sk,
      subflow: null,
      inode,
      netns,
      protocol,
      state: words.state === "CLOSE" ? "BOUND" : words.state,
      substate: null,
      expiresAt: null,
      uid: socketUid,
      group,
    };
    const call = { t, enteredAt, pid, tid, comm, nsPid, uid, fd, errno, swapped: swapped === 1, walk: null, inCommand: false };
    const event: CallEvent =
      op === OP_BIND
        ? boundTo({ type: "bind", ...call, socket, requested: sockaddr(head, low, high, words.family) })
        : { type: "listen", ...call, socket, backlog: Number(BigInt.asIntN(32, low)) };
    const port = event.type === "bind" ? event.requested.port : socket.port;
    if (errno !== "EADDRINUSE" || port === 0 || protocol === "udp") return [event];
    this.#open(cpu, event);
    return [];
  }

  #option(fields: LineFields, t: Nanos): TraceEvent[] {
    const [pid, tid, fd] = [fields.number(), fields.number(), fields.number()];
    const ref = { sk: this.#pointer(fields.hex()), inode: orNull(fields.number()), netns: fields.number(), port: fields.number() };
    const option = OPTIONS[`${fields.number()}/${fields.number()}`];
    const ret = fields.number();
    const { reuseAddr, reusePort, ipv6Only, device } = commonWords(0n, 0n, fields.hex(), 0n, 0n, 0n, 0n);
    if (!option) throw new Error("unknown option");
    const errno = ret < 0 ? errnoName(-ret) : null;
    return [{ type: "option", t, pid, tid, fd, ...ref, option, errno, reuseAddr, reusePort, ipv6Only, device, comm: fields.comm() }];
  }

  #owner(fields: LineFields): SocketFacts {
    const pointer = fields.hex();
    const { netns: _, ...words } = { ...commonWords(fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex()), netns: 0 };
    const uid = fields.number();
    const inode = orNull(fields.number());
    const user = fields.hex();
    const userProtocol = fields.number();
    const group = groupOf(fields.hex(), fields.number(), fields.number());
    const substate = stateOf(fields.number());
    const expires = fields.big();
    const common = { ...words, netns: 0, state: words.state === "CLOSE" ? ("BOUND" as const) : words.state };
    if (words.state === "TIME_WAIT") {
      const rest = { inode: null, uid: null, group: null, protocol: "tcp" as const, subflow: null };
      return { ...common, ...rest, sk: this.#pointer(pointer), substate, expiresAt: this.#options.instantOfJiffies(expires) };
    }
    const isSubflow = user !== 0n && user !== pointer && userProtocol === 262;
    return {
      ...common,
      sk: this.#pointer(isSubflow ? user : pointer),
      subflow: isSubflow ? this.#pointer(pointer) : null,
      inode,
      uid,
      group,
      protocol: isSubflow ? "mptcp" : "tcp",
      substate: null,
      expiresAt: null,
    };
  }

  #walk(fields: LineFields, cpu: number, t: Nanos): TraceEvent[] {
    const open = this.#walks.get(cpu) ?? this.#open(cpu, null);
    this.#walks.delete(cpu);
    fields.number();
    const port = fields.number();
    const netns = fields.number();
    const walk: WalkFacts = {
      port,
      netns,
      buckets: fields.number(),
      fastReuse: fields.number(),
      fastReusePort: fields.number(),
      fastUid: fields.number(),
      visited: fields.number(),
      possible: fields.number(),
      printed: fields.number(),
      missed: fields.number(),
      owners: open.owners.map((owner) => ({ ...owner, netns })),
      lost: open.lost,
    };
    walk.lost ||= walk.owners.length !== walk.printed;
    return open.call ? [{ ...open.call, walk: withoutBinder(walk, open.call) }] : [{ type: "look", t, seed: false, walk }];
  }

  /** A walk whose end never came. The call is kept; what was seen of its owners is not trusted. */
  #abandon(cpu: number): TraceEvent[] {
    const open = this.#walks.get(cpu);
    this.#walks.delete(cpu);
    return open?.call ? [open.call] : [];
  }

  #open(cpu: number, call: CallEvent | null): OpenWalk {
    const walk: OpenWalk = { call, owners: [], lost: false };
    this.#walks.set(cpu, walk);
    return walk;
  }

  #instant(boot: bigint): Nanos {
    return Number(boot - (this.#anchor ?? boot));
  }

  #pointer(value: bigint): number {
    const known = this.#pointers.get(value) ?? this.#pointers.size + 1;
    this.#pointers.set(value, known);
    return known;
  }
}

/** The program leaves out the binder by its address; an MPTCP binder stands in the bucket as its subflow. */
function withoutBinder(walk: WalkFacts, call: CallEvent): WalkFacts {
  const owners = walk.owners.filter(({ sk }) => sk !== call.socket.sk);
  const self = walk.owners.length - owners.length;
  return { ...walk, owners, visited: walk.visited - self, possible: walk.possible - self, printed: walk.printed - self };
}

const orNull = (value: number) => (value === 0 ? null : value);

function stateOf(number: number): State {
  return STATES[number] ?? "CLOSE";
}

function protocolOf(number: number): Protocol {
  const protocol = PROTOCOLS[number];
  if (!protocol) throw new Error(`unknown protocol ${number}`);
  return protocol;
}

function groupOf(pointer: bigint, id: number, size: number): SocketFacts["group"] {
  return pointer === 0n ? null : { id, size };
}

/** Eight bytes as they lie in memory. */
function bytesOf(word: bigint): number[] {
  return Array.from({ length: 8 }, (_, index) => Number((word >> BigInt(8 * index)) & 0xffn));
}

/** Takes apart the words that the programs read from struct sock_common (layout.ts checks that they are adjacent). */
function commonWords(addresses: bigint, ports: bigint, meta: bigint, local0: bigint, local1: bigint, peer0: bigint, peer1: bigint) {
  const address = bytesOf(addresses);
  const port = bytesOf(ports);
  const bits = Number((meta >> 24n) & 0xffn);
  const family: Family = Number(meta & 0xffffn) === AF_INET6 ? "ipv6" : "ipv4";
  const peerPort = ((port[4] ?? 0) << 8) | (port[5] ?? 0);
  const peer = family === "ipv6" ? ipv6Text([...bytesOf(peer0), ...bytesOf(peer1)]) : ipv4Text(address);
  return {
    family,
    address: family === "ipv6" ? ipv6Text([...bytesOf(local0), ...bytesOf(local1)]) : ipv4Text(address.slice(4)),
    port: (port[6] ?? 0) | ((port[7] ?? 0) << 8),
    peer: peerPort === 0 ? null : { address: peer, port: peerPort },
    state: stateOf(Number((meta >> 16n) & 0xffn)),
    reuseAddr: (bits & 0xf) !== 0,
    reusePort: (bits & 0x10) !== 0,
    ipv6Only: (bits & 0x20) !== 0,
    device: Number((meta >> 32n) & 0xffffffffn),
  };
}

/** The user's sockaddr_in or sockaddr_in6. AF_UNSPEC with 0.0.0.0 is taken as AF_INET by bind(2). */
function sockaddr(head: bigint, low: bigint, high: bigint, family: Family) {
  const bytes = bytesOf(head);
  const asked: Family = Number(head & 0xffffn) === AF_INET6 ? "ipv6" : "ipv4";
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const address = asked === "ipv6" ? ipv6Text([...bytesOf(low), ...bytesOf(high)]) : ipv4Text(bytes.slice(4));
  return { family: Number(head & 0xffffn) === 0 ? family : asked, address, port };
}

/** The kernel has zeroed the address of a refused socket by now; what was asked for stands in its place. */
function boundTo(event: Extract<CallEvent, { type: "bind" }>): CallEvent {
  if (event.errno === null) return event;
  const { address, port, family } = event.requested;
  const fits = family === event.socket.family;
  const any = event.socket.family === "ipv6" ? ANY6 : ANY4;
  return { ...event, socket: { ...event.socket, address: fits ? address : any, port } };
}
