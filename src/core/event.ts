import { z } from "zod";
import { ATTACHMENTS } from "./probes.ts";

/**
 * The contract between the kernel programs, the recorded trace and everything that reads them: one
 * discriminated union of all that can happen. Times are {@link Nanos} from the trace's anchor.
 * Unknown fields are kept, so that an older bindtrace does not strip what a newer one wrote.
 */

const count = z.number().int().min(0);
const port = z.number().int().min(0).max(65535);
const nanos = z.number().int();
const pid = z.number().int();

export const familySchema = z.enum(["ipv4", "ipv6"]);
export const protocolSchema = z.enum(["tcp", "udp", "mptcp"]);
/** The kernel's names in the order of its numbers (include/net/tcp_states.h), and BOUND for a bound socket in CLOSE. */
export const stateSchema = z.enum([
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
]);

/** A socket as the kernel held it at one instant. */
const socketFacts = z.looseObject({
  /** Stands for the address of the kernel's struct sock; reused as soon as the kernel reuses that. */
  sk: count,
  /** The MPTCP subflow that sits in the bind bucket for the socket `sk` that the process holds. */
  subflow: count.nullable(),
  /** Null for TIME_WAIT and for a socket that no process holds any more. */
  inode: count.nullable(),
  netns: count,
  protocol: protocolSchema,
  family: familySchema,
  address: z.string(),
  port,
  peer: z.looseObject({ address: z.string(), port }).nullable(),
  state: stateSchema,
  /** For TIME_WAIT: the state that the connection is really in (FIN_WAIT2 or TIME_WAIT). */
  substate: stateSchema.nullable(),
  /** For TIME_WAIT: when its timer ends, estimated from the kernel's timer wheel. */
  expiresAt: nanos.nullable(),
  reuseAddr: z.boolean(),
  reusePort: z.boolean(),
  ipv6Only: z.boolean(),
  /** Interface index that the socket is bound to, 0 for none. */
  device: count,
  uid: count.nullable(),
  /** struct sock_reuseport: `reuseport_id`, `num_socks`, and whether a BPF program chooses among its members (left out by older traces). */
  group: z.looseObject({ id: count, size: count, program: z.boolean().optional() }).nullable(),
  /**
   * References to the file of an owner: descriptors, and copies under way over unix sockets. Null where no file refers to the
   * socket: TIME_WAIT, a connection whose process has closed it, a socket of the kernel itself. Left out where it was not read.
   */
  references: count.nullable().optional(),
});

/** One look at the owners of a port: the kernel's bind bucket of TCP, a slot of its table of UDP. */
const walkFacts = z.looseObject({
  /** `tcp` for MPTCP too: they share their ports. */
  protocol: z.enum(["tcp", "udp"]).default("tcp"),
  netns: count,
  port,
  /** When its last owner had been told; left out by older traces. */
  at: nanos.optional(),
  /** The kernel held the lock of the owners meanwhile: they are those that it compared the binder with. */
  locked: z.boolean().default(false),
  /** struct inet_bind_bucket of this port and namespace: more than one only with VRFs. */
  buckets: count,
  fastReuse: z.number().int(),
  fastReusePort: z.number().int(),
  fastUid: count,
  /** Owners counted; those of them that can conflict; those of these that follow in `owners`. */
  visited: count,
  possible: count,
  printed: count,
  /** Lists that were longer than the walk may be. */
  missed: count,
  owners: z.array(socketFacts),
  /** `sk` of the owner at which the kernel stopped, null where that was not seen. It is one of `owners` even when the walk did not come to it. */
  decisive: count.nullable().default(null),
  /** Lines of this walk that were lost on the way. */
  lost: z.boolean(),
});

const process = { pid, tid: pid, comm: z.string() };
const socketRef = { sk: count, inode: count.nullable(), netns: count, port };

const call = {
  t: nanos,
  enteredAt: nanos,
  ...process,
  nsPid: pid,
  uid: count,
  /** Null where the call itself was not seen, only the kernel's search for a port: io_uring, autobind. */
  fd: count.nullable(),
  /** Name of the error, null when the call succeeded. */
  errno: z.string().nullable(),
  socket: socketFacts,
  /** Another thread had put a different socket behind the descriptor when the call returned. */
  swapped: z.boolean(),
  walk: walkFacts.nullable(),
  /**
   * The kernel's search for the port (get_port): the port it looked for, 0 for any free one, and whether it was refused, null where
   * its end was not seen. Null when there was no search; left out where the hook set does not see it.
   */
  search: z.looseObject({ port, refused: z.boolean().nullable() }).nullable().optional(),
  /** Who made the socket, null where that was not seen: before the trace, or too many sockets ago. Left out by older traces. */
  created: z.looseObject({ t: nanos, pid, comm: z.string() }).nullable().optional(),
  /** The caller belongs to the process tree of `-- command`. */
  inCommand: z.boolean(),
};

const holder = z.looseObject({
  pid,
  fd: count,
  comm: z.string(),
  command: z.string(),
  parent: pid,
  startedAt: nanos.nullable(),
});

/** How a process gets a further descriptor of a socket: by itself, or of another process (SCM_RIGHTS, pidfd_getfd). */
export const PASSES = ["dup", "send", "receive", "pidfd_getfd"] as const;

/** What /proc said of a process that has to do with a port. Told once a process, and again when it has become another program. */
export const processSchema = z.looseObject({
  type: z.literal("process"),
  t: nanos,
  pid,
  comm: z.string(),
  /** Words of the command line, joined by spaces. */
  command: z.string(),
  /** What that was right after the exec, where the process has given itself another since (`process.title` in Node). */
  execCommand: z.string().optional(),
  /** Last part of the path of its program (`node`, `python3.11`), null where it could not be read. */
  program: z.string().nullable(),
  startedAt: nanos.nullable(),
  /** Parent, its parent, and so on, each with the beginning of its command line. */
  ancestors: z.array(z.looseObject({ pid, comm: z.string(), program: z.string().nullable(), command: z.string().optional() })),
  /** Path in the hierarchy of control groups (v2, else systemd's own), null where there is none. */
  cgroup: z.string().nullable(),
  /** Its ids in the PID namespaces from bindtrace's own inwards: more than one in a container. */
  nsPids: z.array(pid),
  /** Environment variables by which runtimes mark their processes, `NAME` or `NAME=value` (probe/processes.ts): never another one. */
  marks: z.array(z.string()),
  /** State letter of /proc/PID/stat: T is stopped. */
  state: z.string(),
});

export const eventSchema = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("bind"),
    ...call,
    /** What the process did: a datagram socket without a port gets one at its first connect or sendto. */
    operation: z.enum(["bind", "connect", "sendto", "unknown"]).default("bind"),
    requested: z.looseObject({ family: familySchema, address: z.string(), port }),
  }),
  z.looseObject({ type: z.literal("listen"), ...call, backlog: z.number().int() }),
  /** `references` before: 1 is the last. The hook set that sees only the last one does not know its descriptor. */
  z.looseObject({ type: z.literal("close"), t: nanos, ...process, ...socketRef, fd: count.nullable(), references: count }),
  z.looseObject({
    type: z.literal("option"),
    t: nanos,
    ...process,
    ...socketRef,
    fd: count.nullable(),
    option: z.enum(["SO_REUSEADDR", "SO_REUSEPORT", "SO_BINDTODEVICE", "IPV6_V6ONLY"]),
    errno: z.string().nullable(),
    reuseAddr: z.boolean(),
    reusePort: z.boolean(),
    ipv6Only: z.boolean(),
    device: count,
  }),
  z.looseObject({ type: z.literal("state"), t: nanos, ...socketRef, from: stateSchema, to: stateSchema }),
  z.looseObject({ type: z.literal("destroy"), t: nanos, ...process, sk: count, netns: count, port, exiting: z.boolean() }),
  /** The port became free of this socket. The process in whose context that happened is null at the end of TIME_WAIT. */
  z.looseObject({
    type: z.literal("release"),
    t: nanos,
    sk: count,
    netns: count,
    port,
    by: z.looseObject({ ...process, exiting: z.boolean() }).nullable(),
  }),
  /** Another descriptor for the socket: `fd` is the new one, of a `send` the one that is sent, null where it is not seen. */
  z.looseObject({ type: z.literal("pass"), t: nanos, ...process, ...socketRef, fd: count.nullable(), how: z.enum(PASSES) }),
  z.looseObject({ type: z.literal("fork"), t: nanos, pid, child: pid }),
  /** The process became another program; what it had opened with CLOEXEC was closed. `comm` is the new name. */
  z.looseObject({ type: z.literal("exec"), t: nanos, pid, comm: z.string() }),
  /** A signal that ends processes, stops them or lets them go on; 0: sent by the kernel. */
  z.looseObject({ type: z.literal("signal"), t: nanos, pid, signal: count, by: z.looseObject({ pid, comm: z.string() }) }),
  z.looseObject({ type: z.literal("exit"), t: nanos, pid, comm: z.string(), code: count, signal: count }),
  processSchema,
  /** The command after `--` has ended, by this exit code or signal (`SIGKILL`). */
  z.looseObject({ type: z.literal("command"), t: nanos, code: count.nullable(), signal: z.string().nullable() }),
  /** No process is in this network namespace any more, and it is not mounted: what no process has has gone with it. */
  z.looseObject({ type: z.literal("namespace-gone"), t: nanos, netns: count }),
  /** A walk that bindtrace asked for: the seed at the start, and again when a blocker goes. */
  z.looseObject({ type: z.literal("look"), t: nanos, seed: z.boolean(), walk: walkFacts }),
  /** Who has a descriptor of these sockets. The first one for a failure releases its report; a late one is the last. */
  z.looseObject({
    type: z.literal("holders"),
    t: nanos,
    /** Instant (`t`) and thread of the refused call; null for the sockets of the seed. */
    failureAt: nanos.nullable(),
    tid: pid.nullable(),
    late: z.boolean(),
    complete: z.boolean(),
    sockets: z.array(z.looseObject({ inode: count, holders: z.array(holder) })),
  }),
  z.looseObject({ type: z.literal("lost"), t: nanos, cpu: count, count }),
  z.looseObject({
    type: z.literal("end"),
    t: nanos,
    reason: z.string(),
    lost: count,
    /** Lines in the stream that were not ours. */
    foreign: count,
    /** bpftrace ended by itself: the trace is not whole. */
    died: z.boolean(),
  }),
]);

export const headerSchema = z.looseObject({
  format: z.literal("bindtrace"),
  version: z.number().int().min(1),
  kernel: z.looseObject({
    release: z.string(),
    /** The kernel.org version that it was made from; left out where that is not known to the last number. */
    version: z.string().optional(),
    /** Timer ticks a second, null where it could not be measured. */
    hz: z.number().nullable(),
    /** TCP buckets are indexed by address as well (6.1 and later). */
    bhash2: z.boolean(),
    /** The uid of a socket that no process holds counts as 0 (sock_i_uid, up to 6.16). */
    orphanUidIsZero: z.boolean(),
  }),
  bpftrace: z.string(),
  hooks: z.enum(["kernel", "tracepoint"]),
  attach: z.enum(ATTACHMENTS),
  /** Functions of the kernel that could not be probed (core/probes.ts). */
  missingProbes: z.array(z.string()).default([]),
  filters: z.looseObject({ ports: z.array(z.tuple([port, port])) }),
  sysctls: z.record(z.string(), z.string()),
  clock: z.looseObject({
    /** CLOCK_BOOTTIME of instant 0, in ns. */
    boot: z.string(),
    /** Wall time of instant 0: ISO 8601, UTC. */
    wall: z.string(),
    zone: z.string(),
    offsetMinutes: z.number().int(),
  }),
  host: z.string(),
  command: z.array(z.string()).nullable(),
  redacted: z.boolean(),
});

export type Header = z.infer<typeof headerSchema>;
export type TraceEvent = z.infer<typeof eventSchema>;
export type EventOf<T extends TraceEvent["type"]> = Extract<TraceEvent, { type: T }>;
export type CallEvent = EventOf<"bind"> | EventOf<"listen">;
export type SocketFacts = z.infer<typeof socketFacts>;

/** The port that a call was about in the end: a cgroup program may have rewritten the one asked for. 0: any free one. */
export function portOf(call: CallEvent): number {
  if (call.search) return call.errno === null ? call.socket.port : call.search.port;
  return call.type === "bind" && call.errno !== null ? call.requested.port : call.socket.port;
}

/** The port that the process asked for. */
export const requestedPort = (call: CallEvent) => (call.type === "bind" ? call.requested.port : (call.search?.port ?? call.socket.port));

/** Every owner that can conflict was told of. With VRFs there are more buckets than the one that was walked. */
export const isWhole = (walk: WalkFacts) => !walk.lost && walk.missed === 0 && walk.printed === walk.possible && walk.buckets <= 1;

export type WalkFacts = z.infer<typeof walkFacts>;
export type Holder = z.infer<typeof holder>;
export type ProcessEvent = z.infer<typeof processSchema>;
export type State = z.infer<typeof stateSchema>;
export type Protocol = z.infer<typeof protocolSchema>;
