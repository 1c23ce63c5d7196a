import type { Nanos } from "../base/nanoseconds.ts";
import type { SocketFacts, WalkFacts } from "../core/event.ts";
import type { LineFields } from "./fields.ts";
import { OP } from "./protocol.ts";
import { commonWords, groupOf, orNull, safe, stateOf, unsigned } from "./words.ts";

/** What a line needs to be read beside its fields. */
export interface Reading {
  /** The small number that stands for a kernel pointer. */
  pointer(value: bigint): number;
  instant(boot: bigint): Nanos;
  instantOfJiffies(jiffies: bigint): Nanos | null;
}

const MPTCP = 262;

/** An owner as `bt:owner` tells it. Its namespace, and that it is of UDP, are told at the end of the walk. */
export function readOwner(fields: LineFields, reading: Reading): ToldOwner {
  const pointer = fields.hex();
  return { pointer, facts: readFacts(pointer, fields, reading) };
}

function readFacts(pointer: bigint, fields: LineFields, reading: Reading): SocketFacts {
  const words = commonWords(fields.word(), fields.word(), fields.word(), fields.word(), fields.word(), fields.word(), fields.word());
  const uid = fields.number();
  // Of a TIME_WAIT owner this is what lies past its end: any number at all.
  const inode = fields.big();
  const user = fields.hex();
  const userProtocol = fields.number();
  const joined = [fields.hex(), fields.number(), fields.number()] as const;
  const substate = stateOf(fields.number());
  const expires = fields.big();
  const group = groupOf(...joined, fields.hex());
  const file = fields.hex();
  const count = fields.big();
  const common = { ...words, netns: 0, state: words.state === "CLOSE" ? ("BOUND" as const) : words.state };
  if (words.state === "TIME_WAIT") {
    const rest = { inode: null, uid: null, group: null, references: null, protocol: "tcp" as const, subflow: null };
    return { ...common, ...rest, sk: reading.pointer(pointer), substate, expiresAt: reading.instantOfJiffies(expires) };
  }
  const isSubflow = user !== 0n && user !== pointer && userProtocol === MPTCP;
  return {
    ...common,
    sk: reading.pointer(isSubflow ? user : pointer),
    subflow: isSubflow ? reading.pointer(pointer) : null,
    inode: orNull(safe(inode)),
    uid: unsigned(uid),
    group,
    protocol: isSubflow ? "mptcp" : "tcp",
    references: file === 0n ? null : safe(count),
    substate: null,
    expiresAt: null,
  };
}

export interface ToldOwner {
  /** Of the socket in the list of owners, which may be a subflow of the one that the process holds. */
  pointer: bigint;
  facts: SocketFacts;
}

/** The owners that were told before the end of a walk, `bt:walk`. */
export interface Owners {
  list: ToldOwner[];
  /** A line among them was lost. */
  lost: boolean;
}

export interface ReadWalk {
  t: Nanos;
  tid: number;
  /** Told while the kernel searched for a port: the call of that thread is told of later. */
  duringSearch: boolean;
  walk: WalkFacts;
}

export function readWalk(fields: LineFields, owners: Owners, reading: Reading): ReadWalk {
  const t = reading.instant(fields.big());
  const tid = fields.number();
  const duringSearch = fields.number() === OP.SEARCH;
  const locked = fields.number() === 1;
  const protocol = fields.number() === 1 ? "udp" : "tcp";
  const decisivePointer = fields.hex();
  const port = fields.number();
  const netns = fields.number();
  const counts = {
    buckets: fields.number(),
    fastReuse: fields.number(),
    fastReusePort: fields.number(),
    fastUid: unsigned(fields.number()),
    visited: fields.number(),
    possible: fields.number(),
    printed: fields.number(),
    missed: fields.number(),
  };
  const of = (facts: SocketFacts): SocketFacts =>
    protocol === "udp" ? { ...facts, netns, protocol, state: "BOUND", subflow: null } : { ...facts, netns };
  const told = owners.list.map(({ facts }) => of(facts));
  const decisive = owners.list.find(({ pointer }) => pointer === decisivePointer)?.facts.sk ?? null;
  const lost = owners.lost || told.length !== counts.printed + (decisivePointer === 0n ? 0 : 1);
  // The decisive owner is told once more at the end.
  const once = told.filter(({ sk }, index) => told.findIndex((other) => other.sk === sk) === index);
  return { t, tid, duringSearch, walk: { protocol, port, netns, at: t, locked, ...counts, owners: once, decisive, lost } };
}
