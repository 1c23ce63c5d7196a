import { z } from "zod";
import { contents, text } from "./content.ts";

/** What events tell of sockets, of looks at the owners of a port, and of holders: the parts of event.ts. */

export const count = z.number().int().min(0);
export const port = z.number().int().min(0).max(65535);
export const nanos = z.number().int();
export const instant = nanos.describe("Nanoseconds from instant 0 of the header's clock");
export const pid = z.number().int();
export const user = z.number().int().min(0).register(contents, { content: "user" });

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

export const sk = count.describe("Stands for the address of the kernel's struct sock; reused as soon as the kernel reuses that");
export const netns = count.describe("Inode of the network namespace");

export const socketFacts = z
  .looseObject({
    sk,
    subflow: count.nullable().describe("The MPTCP subflow that sits in the bind bucket for the socket sk that the process holds"),
    inode: count.nullable().describe("Null for TIME_WAIT and for a socket that no process holds any more"),
    netns,
    protocol: protocolSchema,
    family: familySchema,
    address: text("address"),
    port,
    peer: z.looseObject({ address: text("address"), port }).nullable(),
    state: stateSchema,
    substate: stateSchema.nullable().describe("For TIME_WAIT: the state that the connection is really in (FIN_WAIT2 or TIME_WAIT)"),
    expiresAt: nanos.nullable().describe("For TIME_WAIT: when its timer ends, estimated from the kernel's timer wheel"),
    reuseAddr: z.boolean(),
    reusePort: z.boolean(),
    ipv6Only: z.boolean(),
    device: count.describe("Interface index that the socket is bound to, 0 for none"),
    uid: user.nullable(),
    group: z
      .looseObject({
        id: count.describe("reuseport_id"),
        size: count.describe("num_socks"),
        program: z.boolean().optional().describe("A BPF program chooses among its members (left out by older traces)"),
      })
      .nullable()
      .describe("struct sock_reuseport"),
    references: count
      .nullable()
      .optional()
      .describe(
        "References to the file of an owner: descriptors, and copies under way over unix sockets. Null where no file refers to the " +
          "socket: TIME_WAIT, a connection whose process has closed it, a socket of the kernel itself. Left out where it was not read.",
      ),
  })
  .meta({ id: "Socket", description: "A socket as the kernel held it at one instant" });

export const walkFacts = z
  .looseObject({
    protocol: z.enum(["tcp", "udp"]).default("tcp").describe("tcp for MPTCP too: they share their ports"),
    netns,
    port,
    at: nanos.optional().describe("When its last owner had been told; left out by older traces"),
    locked: z
      .boolean()
      .default(false)
      .describe("The kernel held the lock of the owners meanwhile: they are those that it compared the binder with"),
    buckets: count.describe("struct inet_bind_bucket of this port and namespace: more than one only with VRFs"),
    fastReuse: z.number().int(),
    fastReusePort: z.number().int(),
    fastUid: user,
    visited: count.describe("Owners counted"),
    possible: count.describe("Those of them that can conflict"),
    printed: count.describe("Those of these that follow in owners"),
    missed: count.describe("Lists that were longer than the walk may be"),
    owners: z.array(socketFacts),
    decisive: count
      .nullable()
      .default(null)
      .describe(
        "sk of the owner at which the kernel stopped, null where that was not seen. It is one of owners even when the walk did not come to it.",
      ),
    lost: z.boolean().describe("Lines of this walk were lost on the way"),
  })
  .meta({ id: "Walk", description: "One look at the owners of a port: the kernel's bind bucket of TCP, a slot of its table of UDP" });

export const holder = z.looseObject({
  pid,
  fd: count,
  comm: text("name"),
  command: text("command"),
  parent: pid,
  startedAt: nanos.nullable(),
});

export const unseenListener = z.looseObject({
  inode: count,
  family: familySchema,
  address: text("address"),
  holders: z.array(holder).describe("Those that were found: there may be others"),
});

export type SocketFacts = z.infer<typeof socketFacts>;
export type WalkFacts = z.infer<typeof walkFacts>;
export type Holder = z.infer<typeof holder>;
export type UnseenListener = z.infer<typeof unseenListener>;
export type State = z.infer<typeof stateSchema>;
export type Protocol = z.infer<typeof protocolSchema>;
