import type { Nanos } from "../base/nanoseconds.ts";
import { ANY4, ANY6 } from "../core/address.ts";
import { errnoName } from "../core/errno.ts";
import { type CallEvent, eventSchema, type SocketFacts, type TraceEvent, type WalkFacts } from "../core/event.ts";
import { LineFields } from "./fields.ts";
import { PROTOCOL_VERSION } from "./program.ts";
import { SequenceCheck } from "./sequence.ts";
import { commonWords, groupOf, orNull, protocolOf, safe, sockaddr, stateOf, unsigned } from "./words.ts";

const OPTIONS: Readonly<Record<string, "SO_REUSEADDR" | "SO_REUSEPORT" | "SO_BINDTODEVICE" | "IPV6_V6ONLY">> = {
  "1/2": "SO_REUSEADDR",
  "1/15": "SO_REUSEPORT",
  "1/25": "SO_BINDTODEVICE",
  "41/26": "IPV6_V6ONLY",
};
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
  readonly #sequence = new SequenceCheck();
  /** Numbers that each CPU had given out at the last mark. */
  readonly #given = new Map<number, number>();
  /** CLOCK_BOOTTIME of the first line: instant 0. */
  #anchor: bigint | null = null;
  /** Instant of the newest line. */
  #latest: Nanos = 0;
  foreign = 0;
  lost = 0;

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  /** CLOCK_BOOTTIME of instant 0 in ns, null before the stream is ready. */
  get anchor(): bigint | null {
    return this.#anchor;
  }

  /** Takes one line; a line that is not ours, or that does not fit the contract, is counted and left out. */
  decode(line: string): TraceEvent[] {
    if (line === "") return [];
    const fields = LineFields.parse(line);
    if (!fields) {
      this.foreign++;
      return [];
    }
    let before: TraceEvent[] = [];
    try {
      if (fields.tag === "ready") return this.#ready(fields);
      if (fields.tag === "beat") return [];
      const cpu = fields.number();
      const seq = fields.number();
      if (cpu < 0 || seq < 0) throw new Error("no CPU gives out such a number");
      if (fields.tag === "count") {
        this.#given.set(cpu, seq);
        return [];
      }
      before = this.#lostEvents(cpu, this.#sequence.gap(cpu, seq));
      return [...before, ...this.#decode(fields, cpu)].map((event) => eventSchema.parse(event));
    } catch {
      this.foreign++;
      return before;
    }
  }

  /** Everything that came before the last mark has arrived: what the CPUs had numbered by then and is missing was lost. */
  finish(): TraceEvent[] {
    const open = [...this.#walks.keys()].flatMap((cpu) => this.#abandon(cpu));
    return [...open, ...this.#sequence.missing(this.#given).flatMap(({ cpu, count }) => this.#lostEvents(cpu, count))];
  }

  #ready(fields: LineFields): TraceEvent[] {
    const version = fields.number();
    if (version !== PROTOCOL_VERSION) throw new Error(`line protocol ${version} is unknown`);
    this.#anchor = fields.big();
    return [];
  }

  #lostEvents(cpu: number, count: number): TraceEvent[] {
    if (count === 0) return [];
    this.lost += count;
    const walk = this.#walks.get(cpu);
    if (walk) walk.lost = true;
    return [{ type: "lost", t: this.#latest, cpu, count }];
  }
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
      case "call":
        return this.#call(fields, cpu, t);
      case "close": {
        const [pid, tid, fd] = [fields.number(), fields.number(), fields.number()];
        const ref = this.#socketRef(fields);
        return [{ type: "close", t, pid, tid, fd, ...ref, references: fields.number(), comm: fields.comm() }];
      }
      case "option":
        return this.#option(fields, t);
      case "state": {
        const ref = this.#socketRef(fields);
        fields.number();
        return [{ type: "state", t, ...ref, from: stateOf(fields.number()), to: stateOf(fields.number()) }];
      }
      case "destroy": {
        const ref = { sk: this.#pointer(fields.hex()), netns: fields.number(), port: fields.number() };
        return [
          { type: "destroy", t, ...ref, pid: fields.number(), tid: fields.number(), exiting: fields.number() === 1, comm: fields.comm() },
        ];
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
    const [fd, swapped, ret, pid, tid, uid] = [
      fields.number(),
      fields.number(),
      fields.number(),
      fields.number(),
      fields.number(),
      fields.number(),
    ];
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
      uid: unsigned(socketUid),
      group,
    };
    const call = {
      t,
      enteredAt,
      pid,
      tid,
      comm,
      nsPid,
      uid: unsigned(uid),
      fd,
      errno,
      swapped: swapped === 1,
      walk: null,
      inCommand: false,
    };
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
    const ref = this.#socketRef(fields);
    const option = OPTIONS[`${fields.number()}/${fields.number()}`];
    const ret = fields.number();
    const { reuseAddr, reusePort, ipv6Only, device } = commonWords(0n, 0n, fields.hex(), 0n, 0n, 0n, 0n);
    if (!option) throw new Error("unknown option");
    const errno = ret < 0 ? errnoName(-ret) : null;
    return [{ type: "option", t, pid, tid, fd, ...ref, option, errno, reuseAddr, reusePort, ipv6Only, device, comm: fields.comm() }];
  }

  #owner(fields: LineFields): SocketFacts {
    const pointer = fields.hex();
    const words = commonWords(fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex(), fields.hex());
    const uid = fields.number();
    // Of a TIME_WAIT owner this is what lies past its end: any number at all.
    const inode = fields.big();
    const user = fields.hex();
    const userProtocol = fields.number();
    const group = groupOf(fields.hex(), fields.number(), fields.number());
    const substate = stateOf(fields.number());
    const expires = fields.big();
    // The namespace is that of the bucket, which the line at the end of the walk tells.
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
      inode: orNull(safe(inode)),
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
      fastUid: unsigned(fields.number()),
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

  #socketRef(fields: LineFields) {
    return { sk: this.#pointer(fields.hex()), inode: orNull(fields.number()), netns: fields.number(), port: fields.number() };
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

/** The kernel has zeroed the address of a refused socket by now; what was asked for stands in its place. */
function boundTo(event: Extract<CallEvent, { type: "bind" }>): CallEvent {
  if (event.errno === null) return event;
  const { address, port, family } = event.requested;
  const fits = family === event.socket.family;
  const any = event.socket.family === "ipv6" ? ANY6 : ANY4;
  return { ...event, socket: { ...event.socket, address: fits ? address : any, port } };
}
