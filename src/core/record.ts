import type { Family } from "./address.ts";
import type { Advice } from "./advice.ts";
import type { Rule } from "./conflict.ts";
import type { Protocol, State } from "./event.ts";

/**
 * What bindtrace says, as data: the lines of `--json`, and what the text report is made from.
 * Names and meaning are frozen; fields may be added, never changed.
 */

export interface SessionRecord {
  type: "session";
  schema: 1;
  kernel: string;
  hooks: string;
  attach: string;
  bpftrace: string;
  ports: [number, number][];
  armedAt: string;
  /** Functions of the kernel that could not be probed: the evidence is less than this hook set usually has. */
  missingProbes: string[];
}

export interface GroupRecord {
  id: string;
  members: string[];
  /** Members that the kernel counts, which may be more than are known here. */
  size: number;
}

export interface HolderRecord {
  pid: number;
  comm: string;
  /** Null where only the end of the socket told of this process. */
  fd: number | null;
  via: "created" | "inherited" | "received" | "unknown";
  command: string;
}

/** Who bound a socket, and what has become of that process. */
export interface OpenerRecord {
  pid: number;
  comm: string;
  fd: number | null;
  exitedAt: string | null;
}

export interface BinderRecord {
  socket: string;
  pid: number;
  tid: number;
  nsPid: number;
  comm: string;
  processUid: number;
  socketUid: number | null;
  /** Null where the call itself was not seen: io_uring, autobind. */
  fd: number | null;
  inode: number | null;
  reuseAddr: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
  device: number | null;
  group: GroupRecord | null;
}

export interface BlockerRecord {
  socket: string;
  decisive: boolean;
  protocol: Protocol;
  state: State;
  substate: State | null;
  family: Family;
  address: string;
  port: number;
  peer: { address: string; port: number } | null;
  reuseAddr: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
  device: number | null;
  socketUid: number | null;
  inode: number | null;
  expiresAt: string | null;
  group: GroupRecord | null;
  holders: HolderRecord[];
  holdersComplete: boolean;
  rule: Rule;
  /** When the socket was bound, null when that was before anything was seen of it. */
  boundAt: string | null;
  /** When it was first seen, by an event or a look at the bucket. */
  seenAt: string;
  opener: OpenerRecord | null;
}

export interface FailureRecord {
  type: "failure";
  id: string;
  enteredAt: string;
  at: string;
  operation: "bind" | "listen" | "connect" | "sendto" | "unknown";
  errno: string;
  netns: number;
  protocol: Protocol;
  family: Family;
  address: string;
  port: number;
  requestedPort: number;
  binder: BinderRecord;
  blockers: BlockerRecord[];
  rule: Rule;
  evidence: "bucket" | "table" | "none";
  confidence: "exact" | "inferred" | "unknown";
  /** Why the confidence is not `exact`. */
  doubts: string[];
  ownersCounted: number;
  walkComplete: boolean;
  advice: Advice[];
  /** How many failures in a row before this one were the same: binder's program, address, blockers and rule. */
  repeats: number;
}

export interface HoldersRecord {
  type: "holders";
  failure: string;
  socket: string;
  holders: HolderRecord[];
  complete: boolean;
  scannedAt: string;
}

export type ReleaseVia = "close" | "exit" | "time-wait-expired" | "unknown";

export interface ReleaseRecord {
  type: "release";
  failure: string;
  socket: string;
  at: string;
  afterNs: number;
  via: ReleaseVia;
  precision: "exact" | "estimated";
  /** The process in which the last reference went, null where it is not known. */
  by: { pid: number; comm: string } | null;
}

export interface WarningRecord {
  type: "warning";
  code: string;
  message: string;
  sockets: string[];
}

export interface PortRecord {
  netns: number;
  protocol: Protocol;
  port: number;
  sockets: PortSocketRecord[];
  groups: GroupRecord[];
  unavailableNs: number;
}

export interface PortSocketRecord {
  socket: string;
  state: State;
  address: string;
  peer: { address: string; port: number } | null;
  inode: number | null;
  seenAt: string;
  endedAt: string | null;
}

export interface SummaryRecord {
  type: "summary";
  failures: number;
  explained: number;
  lost: number;
  ports: PortRecord[];
}

export type OutputRecord = SessionRecord | FailureRecord | HoldersRecord | ReleaseRecord | WarningRecord | SummaryRecord;
