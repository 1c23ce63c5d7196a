import { z } from "zod";
import { text } from "./content.ts";
import {
  count,
  familySchema,
  holder,
  instant,
  nanos,
  netns,
  pid,
  port,
  sk,
  socketFacts,
  stateSchema,
  unseenListener,
  user,
  type WalkFacts,
  walkFacts,
} from "./facts.ts";
import { ATTACHMENTS } from "./probes.ts";

export type { Holder, Protocol, SocketFacts, State, UnseenListener, WalkFacts } from "./facts.ts";
export { familySchema, protocolSchema, stateSchema } from "./facts.ts";

/**
 * The contract between the kernel programs, the recorded trace and everything that reads them: one
 * discriminated union of all that can happen. Times are {@link Nanos} from the trace's anchor.
 * Unknown fields are kept, so that an older bindtrace does not strip what a newer one wrote.
 */

/** In minutes: no zone is so far from UTC. */
const DAY = 1440;

const process = { pid, tid: pid, comm: text("name") };
const socketRef = { sk, inode: count.nullable(), netns, port };

const call = {
  t: instant,
  enteredAt: nanos,
  ...process,
  nsPid: pid,
  uid: user,
  fd: count.nullable().describe("Null where the call itself was not seen, only the kernel's search for a port: io_uring, autobind"),
  errno: text("keyword").nullable().describe("Name of the error, null when the call succeeded"),
  socket: socketFacts,
  swapped: z.boolean().describe("Another thread had put a different socket behind the descriptor when the call returned"),
  walk: walkFacts.nullable(),
  search: z
    .looseObject({ port, refused: z.boolean().nullable() })
    .nullable()
    .optional()
    .describe(
      "The kernel's search for the port (get_port): the port it looked for, 0 for any free one, and whether it was refused, null where " +
        "its end was not seen. Null when there was no search; left out where the hook set does not see it.",
    ),
  created: z
    .looseObject({ t: nanos, pid, comm: text("name") })
    .nullable()
    .optional()
    .describe("Who made the socket, null where that was not seen: before the trace, or too many sockets ago. Left out by older traces."),
  inCommand: z.boolean().describe("The caller belongs to the process tree of -- command"),
};

/** How a process gets a further descriptor of a socket: by itself, or of another process (SCM_RIGHTS, pidfd_getfd). */
export const PASSES = ["dup", "send", "receive", "pidfd_getfd"] as const;

export const processSchema = z
  .looseObject({
    type: z.literal("process"),
    t: instant,
    pid,
    comm: text("name"),
    command: text("command").describe("Words of the command line, joined by spaces"),
    execCommand: text("command")
      .optional()
      .describe("What that was right after the exec, where the process has given itself another since (process.title in Node)"),
    program: text("name").nullable().describe("Last part of the path of its program (node, python3.11), null where it could not be read"),
    startedAt: nanos.nullable(),
    ancestors: z
      .array(z.looseObject({ pid, comm: text("name"), program: text("name").nullable(), command: text("command").optional() }))
      .describe("Parent, its parent, and so on, each with the beginning of its command line"),
    cgroup: text("group").nullable().describe("Path in the hierarchy of control groups (v2, else systemd's own), null where there is none"),
    nsPids: z.array(pid).describe("Its ids in the PID namespaces from bindtrace's own inwards: more than one in a container"),
    marks: z
      .array(text("mark"))
      .describe("Environment variables by which runtimes mark their processes, NAME or NAME=value: never another one"),
    state: text("keyword").describe("State letter of /proc/PID/stat: T is stopped"),
  })
  .meta({
    title: "process",
    description:
      "What /proc said of a process that has to do with a port. Told once a process, and again when it has become another program.",
  });

export const eventSchema = z
  .discriminatedUnion("type", [
    z
      .looseObject({
        type: z.literal("bind"),
        ...call,
        operation: z
          .enum(["bind", "connect", "sendto", "unknown"])
          .default("bind")
          .describe("What the process did: a datagram socket without a port gets one at its first connect or sendto"),
        requested: z.looseObject({ family: familySchema, address: text("address"), port }),
      })
      .meta({ title: "bind", description: "A bind, or a search for a free port, has returned" }),
    z
      .looseObject({ type: z.literal("listen"), ...call, backlog: z.number().int() })
      .meta({ title: "listen", description: "A listen has returned" }),
    z
      .looseObject({
        type: z.literal("close"),
        t: instant,
        ...process,
        ...socketRef,
        fd: count.nullable().describe("Null from the hook set that sees only the last close"),
        references: count.describe("References to the file before it: 1 is the last"),
      })
      .meta({ title: "close", description: "A process closed a descriptor of the socket" }),
    z
      .looseObject({
        type: z.literal("option"),
        t: instant,
        ...process,
        ...socketRef,
        fd: count.nullable(),
        option: z.enum(["SO_REUSEADDR", "SO_REUSEPORT", "SO_BINDTODEVICE", "IPV6_V6ONLY"]),
        errno: text("keyword").nullable(),
        reuseAddr: z.boolean(),
        reusePort: z.boolean(),
        ipv6Only: z.boolean(),
        device: count,
      })
      .meta({ title: "option", description: "A setsockopt has returned; the options are those of the socket after it" }),
    z
      .looseObject({ type: z.literal("state"), t: instant, ...socketRef, from: stateSchema, to: stateSchema })
      .meta({ title: "state", description: "A TCP socket went from one state to another" }),
    z
      .looseObject({
        type: z.literal("destroy"),
        t: instant,
        ...process,
        sk,
        netns,
        port,
        exiting: z.boolean().describe("The process was ending"),
      })
      .meta({ title: "destroy", description: "The struct sock of a TCP socket ended; a TIME_WAIT remainder may follow" }),
    z
      .looseObject({
        type: z.literal("release"),
        t: instant,
        sk,
        netns,
        port,
        by: z
          .looseObject({ ...process, exiting: z.boolean() })
          .nullable()
          .describe("In whose context; null at the end of TIME_WAIT"),
      })
      .meta({ title: "release", description: "The port became free of this socket" }),
    z
      .looseObject({
        type: z.literal("pass"),
        t: instant,
        ...process,
        ...socketRef,
        fd: count.nullable().describe("The new descriptor, of a send the one that is sent; null where it is not seen"),
        how: z.enum(PASSES),
      })
      .meta({ title: "pass", description: "Another descriptor for the socket" }),
    z.looseObject({ type: z.literal("fork"), t: instant, pid, child: pid }).meta({ title: "fork" }),
    z
      .looseObject({ type: z.literal("exec"), t: instant, pid, comm: text("name").describe("The new name") })
      .meta({ title: "exec", description: "The process became another program; what it had opened with CLOEXEC was closed" }),
    z
      .looseObject({
        type: z.literal("signal"),
        t: instant,
        pid,
        signal: count,
        by: z.looseObject({ pid, comm: text("name") }).describe("The sender; pid 0: the kernel"),
      })
      .meta({ title: "signal", description: "A signal that ends processes, stops them or lets them go on" }),
    z
      .looseObject({ type: z.literal("exit"), t: instant, pid, comm: text("name"), code: count, signal: count })
      .meta({ title: "exit", description: "A process ended" }),
    processSchema,
    z
      .looseObject({ type: z.literal("command"), t: instant, code: count.nullable(), signal: text("keyword").nullable() })
      .meta({ title: "command", description: "The command after -- has ended, by this exit code or signal (SIGKILL)" }),
    z.looseObject({ type: z.literal("namespace-gone"), t: instant, netns }).meta({
      title: "namespace-gone",
      description: "No process is in this network namespace any more, and it is not mounted: what no process has has gone with it",
    }),
    z
      .looseObject({ type: z.literal("look"), t: instant, seed: z.boolean().describe("It is of the start"), walk: walkFacts })
      .meta({ title: "look", description: "A walk that bindtrace asked for: the seed at the start, and again when a blocker goes" }),
    z
      .looseObject({
        type: z.literal("holders"),
        t: instant,
        failureAt: nanos.nullable().describe("Instant (t) of the refused call; null for the sockets of the seed"),
        tid: pid.nullable().describe("Thread of the refused call"),
        late: z.boolean(),
        complete: z.boolean(),
        sockets: z.array(z.looseObject({ inode: count, holders: z.array(holder) })),
        listeners: z
          .array(unseenListener)
          .optional()
          .describe(
            "Those that listen on the port by /proc/net/tcp and tcp6, and to which the look at its owners did not come. Left out where there are none.",
          ),
      })
      .meta({
        title: "holders",
        description: "Who has a descriptor of these sockets. The first one for a failure releases its report; a late one is the last.",
      }),
    z
      .looseObject({ type: z.literal("lost"), t: instant, cpu: count, count })
      .meta({ title: "lost", description: "Events that are known to be missing" }),
    z
      .looseObject({
        type: z.literal("end"),
        t: instant,
        reason: text("sentence"),
        lost: count,
        foreign: count.describe("Lines in the stream that were not ours"),
        died: z.boolean().describe("bpftrace ended by itself: the trace is not whole"),
      })
      .meta({ title: "end", description: "The last line: without it the trace was cut" }),
  ])
  .meta({ title: "An event of a trace file", description: "Any line but the first of what --save writes; each has a sequence number n" });

export const headerSchema = z
  .looseObject({
    format: z.literal("bindtrace"),
    version: z.number().int().min(1).describe("Version of the trace file"),
    kernel: z.looseObject({
      release: text("release"),
      version: text("keyword")
        .optional()
        .describe("The kernel.org version that it was made from; left out where that is not known to the last number"),
      hz: z.number().nullable().describe("Timer ticks a second, null where it could not be measured"),
      bhash2: z.boolean().describe("TCP buckets are indexed by address as well (6.1 and later)"),
      orphanUidIsZero: z.boolean().describe("The uid of a socket that no process holds counts as 0 (sock_i_uid, up to 6.16)"),
    }),
    bpftrace: text("keyword"),
    hooks: z.enum(["kernel", "tracepoint"]),
    attach: z.enum(ATTACHMENTS),
    missingProbes: z.array(text("keyword")).default([]).describe("Functions of the kernel that could not be probed"),
    filters: z.looseObject({ ports: z.array(z.tuple([port, port])) }),
    sysctls: z.record(text("keyword"), text("setting")),
    clock: z.looseObject({
      boot: text("time").describe("CLOCK_BOOTTIME of instant 0, in ns"),
      wall: text("time").describe("Wall time of instant 0: ISO 8601, UTC"),
      zone: text("zone"),
      offsetMinutes: z.number().int().min(-DAY).max(DAY),
    }),
    host: text("host"),
    command: z.array(text("command")).nullable(),
    redacted: z.boolean(),
  })
  .meta({ title: "The header of a trace file", description: "The first line of what --save writes" });

export type Header = z.infer<typeof headerSchema>;
export type TraceEvent = z.infer<typeof eventSchema>;
export type EventOf<T extends TraceEvent["type"]> = Extract<TraceEvent, { type: T }>;
export type CallEvent = EventOf<"bind"> | EventOf<"listen">;

/** The port that a call was about in the end: a cgroup program may have rewritten the one asked for. 0: any free one. */
export function portOf(call: CallEvent): number {
  if (call.search) return call.errno === null ? call.socket.port : call.search.port;
  return call.type === "bind" && call.errno !== null ? call.requested.port : call.socket.port;
}

/** The port that the process asked for. */
export const requestedPort = (call: CallEvent) => (call.type === "bind" ? call.requested.port : (call.search?.port ?? call.socket.port));

/** Every owner that can conflict was told of. With VRFs there are more buckets than the one that was walked. */
export const isWhole = (walk: WalkFacts) => !walk.lost && walk.missed === 0 && walk.printed === walk.possible && walk.buckets <= 1;

export type ProcessEvent = z.infer<typeof processSchema>;
