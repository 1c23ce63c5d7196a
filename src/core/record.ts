import type { Family } from "./address.ts";
import type { Advice } from "./advice.ts";
import type { Rule } from "./conflict.ts";
import type { Protocol, State } from "./event.ts";
import type { HolderRecord, Nature, OpenerRecord, ProcessRecord, StepRecord } from "./process-record.ts";

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

/** A group over its whole life, as the summary has it. */
export interface GroupHistoryRecord extends GroupRecord {
  /** Everyone that was in it, in the order of joining; `leftAt` null: to the end of the trace. */
  history: { socket: string; uid: number | null; address: string; joinedAt: string; leftAt: string | null }[];
  /** Most members that were counted, or known, at one time. */
  largest: number;
  /** A BPF program chooses the member that gets a connection or datagram; null where that was not read. */
  program: boolean | null;
}

/** What the runtime or the arrangement of processes adds to a failure. */
export interface NoteRecord {
  code: string;
  message: string;
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
  process: ProcessRecord;
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
  creator: { pid: number; comm: string; at: string } | null;
  nature: Nature;
  /** References to its file: descriptors, and copies under way over unix sockets. */
  references: number | null;
  lineage: StepRecord[];
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
  notes: NoteRecord[];
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
  nature: Nature;
}

export type ReleaseVia = "close" | "exit" | "exec" | "time-wait-expired" | "time-wait-cut-short" | "namespace-gone" | "unknown";

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
  /** How that process ended, for `exit`. */
  exitCode: number | null;
  exitSignal: string | null;
  /** The last close call on it: the port may follow later. */
  closedAt: string | null;
}

/** Failures of one program in a row on one address, as one story: told when a bind passed, else at the end. */
export interface AttemptsRecord {
  type: "attempts";
  operation: "bind" | "listen";
  netns: number;
  protocol: Protocol;
  address: string;
  port: number;
  first: string;
  last: string;
  failures: number;
  /** From the first refusal to the success, or to the last refusal. */
  lastedNs: number;
  /** The processes that were refused. */
  binders: { pid: number; comm: string }[];
  /** Every socket that was in the way. */
  blockers: string[];
  /** How many of the failures no socket is blamed for. */
  unexplained: number;
  /** The socket that got the port in the end, null when none did. */
  bound: { socket: string; at: string; pid: number; comm: string } | null;
}

/** How a port went from one listener to the next. */
export interface RestartRecord {
  type: "restart";
  netns: number;
  protocol: Protocol;
  /** Of the new listener; of the old one where none came. */
  address: string;
  port: number;
  from: string[];
  to: string | null;
  /** The step from one to the next; a step that was not seen is left out. */
  phases: {
    phase: "signalled" | "listener-closed" | "last-connection-gone" | "exited" | "port-free" | "bound" | "listening";
    at: string;
    precision: "exact" | "estimated";
    pid: number | null;
    comm: string | null;
    /** The sender of a signal; pid 0: the kernel. */
    by: { pid: number; comm: string } | null;
    /** The signal; how the process ended; else the socket that it is about. */
    detail: string;
  }[];
  /** Nobody listened for so long; null when the new one listened before the old one stopped, or none came. */
  downtimeNs: number | null;
  /** The longest step on the way. */
  slowest: { phase: string; ns: number } | null;
}

/** No bind was refused, or none attempted, on a watched port: said in the words that the evidence allows. */
export interface AbsenceRecord {
  type: "absence";
  code: "none-attempted" | "none-refused";
  /** The hook set sees every bind, and no event was lost. */
  certain: boolean;
  message: string;
}

/** Trouble that gives no error. */
export interface WarningRecord {
  type: "warning";
  at: string;
  code: "unrelated-programs-share" | "loopback-split" | "reuseport-after-bind";
  message: string;
  sockets: string[];
}

export interface PortRecord {
  netns: number;
  protocol: Protocol;
  port: number;
  sockets: PortSocketRecord[];
  groups: GroupHistoryRecord[];
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

export type OutputRecord =
  | SessionRecord
  | FailureRecord
  | HoldersRecord
  | ReleaseRecord
  | AttemptsRecord
  | RestartRecord
  | AbsenceRecord
  | WarningRecord
  | SummaryRecord;
