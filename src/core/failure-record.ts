import { z } from "zod";
import { ADVICE_CODES, ADVICE_TARGETS } from "./advice.ts";
import { RULES } from "./conflict.ts";
import { familySchema, protocolSchema, stateSchema } from "./event.ts";
import {
  commSchema,
  holderRecordSchema,
  natureSchema,
  openerRecordSchema,
  pidSchema,
  processRecordSchema,
  stepRecordSchema,
  timeSchema,
} from "./process-record.ts";

/** What bindtrace says of a refused call: the largest of the records in record.ts, and its parts. */

export const socketIdSchema = z.string().describe("Id of a socket within the trace: s1, s2, …");
export const netnsSchema = z.int().describe("Inode of the network namespace");
export const portSchema = z.int().min(0).max(65535);
export const nanosSchema = z.int().describe("Nanoseconds");
export const addressSchema = z.string().describe("Local address: 127.0.0.1, ::1, 0.0.0.0");
export const ruleSchema = z.enum(RULES).meta({ id: "Rule", description: "Rule of the kernel by which the port was refused" });
export const peerSchema = z.object({ address: z.string(), port: portSchema }).nullable().describe("The other end of a connection");

export const groupRecordSchema = z
  .object({
    id: z.string().describe("Id of the group within the trace: g1, g2, …"),
    members: z.array(socketIdSchema).describe("The members that are known"),
    size: z.int().describe("Members that the kernel counts, which may be more than are known here"),
  })
  .meta({ id: "Group", description: "A reuseport group" });

const adviceSchema = z
  .object({
    code: z.enum(ADVICE_CODES),
    target: z.enum(ADVICE_TARGETS),
    change: z.string().describe("The change, as a sentence"),
    wouldBind: z.boolean().describe("With this change alone the bind would have passed"),
  })
  .meta({ id: "Advice", description: "One change that may let the bind through" });

const noteRecordSchema = z
  .object({ code: z.string(), message: z.string() })
  .meta({ id: "Note", description: "What the runtime or the arrangement of processes adds to a failure" });

/** Options of a socket, as they were at the failure. */
const options = {
  reuseAddr: z.boolean().describe("It had SO_REUSEADDR"),
  reusePort: z.boolean().describe("It had SO_REUSEPORT"),
  ipv6Only: z.boolean().describe("It had IPV6_V6ONLY"),
  device: z.int().nullable().describe("Interface index that it was bound to"),
};

export const binderRecordSchema = z
  .object({
    socket: socketIdSchema,
    pid: pidSchema,
    tid: z.int().describe("The thread that made the call"),
    nsPid: z.int().describe("Process id in its own PID namespace"),
    comm: commSchema,
    processUid: z.int().describe("User of the process"),
    socketUid: z.int().nullable().describe("User that the kernel compares: of the socket"),
    fd: z.int().nullable().describe("Null where the call itself was not seen: io_uring, autobind"),
    inode: z.int().nullable(),
    ...options,
    group: groupRecordSchema.nullable(),
    process: processRecordSchema,
  })
  .meta({ id: "Binder", description: "The socket whose bind or listen was refused, and who made the call" });

export const blockerRecordSchema = z
  .object({
    socket: socketIdSchema,
    decisive: z.boolean().describe("The kernel itself stopped at this owner"),
    protocol: protocolSchema,
    state: stateSchema.describe("The kernel's name of its state; BOUND for a bound socket in CLOSE and for UDP"),
    substate: stateSchema.nullable().describe("For TIME_WAIT: the state that the connection is really in"),
    family: familySchema,
    address: addressSchema,
    port: portSchema,
    peer: peerSchema,
    ...options,
    socketUid: z.int().nullable().describe("User that the kernel compares: of the socket"),
    inode: z.int().nullable(),
    expiresAt: timeSchema.nullable().describe("For TIME_WAIT: when its timer ends, estimated"),
    group: groupRecordSchema.nullable(),
    holders: z.array(holderRecordSchema).describe("Who had a descriptor of it"),
    holdersComplete: z.boolean().describe("There was no further holder"),
    rule: ruleSchema,
    boundAt: timeSchema.nullable().describe("When it was bound, null when that was before anything was seen of it"),
    seenAt: timeSchema.describe("When it was first seen, by an event or a look at the bucket"),
    opener: openerRecordSchema.nullable(),
    creator: z.object({ pid: pidSchema, comm: commSchema, at: timeSchema }).nullable().describe("Who made the socket"),
    nature: natureSchema,
    references: z
      .int()
      .nullable()
      .describe("References to its file: descriptors, and copies under way over unix sockets; null where it was not read or there is none"),
    lineage: z.array(stepRecordSchema).describe("Who did what with it, in time order"),
  })
  .meta({ id: "Blocker", description: "An owner of the port that conflicts with the binder, as it was at the refusal" });

export const failureRecordSchema = z
  .object({
    type: z.literal("failure"),
    id: z.string().describe("Id of the failure within the trace: f1, f2, …"),
    enteredAt: timeSchema.describe("When the call was entered"),
    at: timeSchema.describe("When it returned"),
    operation: z.enum(["bind", "listen", "connect", "sendto", "unknown"]).describe("What the process did"),
    errno: z.string().describe("Name of the error: EADDRINUSE or any other"),
    netns: netnsSchema,
    protocol: protocolSchema,
    family: familySchema,
    address: addressSchema.describe("The address that was asked for"),
    port: portSchema.describe(
      "The port that it was about in the end: a cgroup program may have rewritten the one asked for. 0: any free one",
    ),
    requestedPort: portSchema.describe("The port that the process asked for"),
    binder: binderRecordSchema,
    blockers: z.array(blockerRecordSchema).describe("The decisive one first"),
    rule: ruleSchema.describe(
      "Of the decisive blocker, else of the first in the order LISTEN, bound, connected, TIME_WAIT; or no-owner-found, ports-exhausted, not-a-conflict",
    ),
    evidence: z
      .enum(["bucket", "table", "none"])
      .describe("What the verdict rests on: the kernel's bind bucket, what was seen before, nothing"),
    confidence: z.enum(["exact", "inferred", "unknown"]),
    doubts: z.array(z.string()).describe("Why the confidence is not exact"),
    ownersCounted: z.int().describe("Owners of the port that the kernel has"),
    walkComplete: z.boolean().describe("All of them that can conflict were looked at"),
    advice: z.array(adviceSchema),
    notes: z.array(noteRecordSchema),
    repeats: z.int().describe("How many failures in a row before this one were the same: binder's program, address, blockers and rule"),
  })
  .meta({ id: "FailureRecord", title: "failure", description: "A refused bind or listen, with its verdict" });

export type GroupRecord = z.infer<typeof groupRecordSchema>;
/** What the runtime or the arrangement of processes adds to a failure. */
export type NoteRecord = z.infer<typeof noteRecordSchema>;
export type BinderRecord = z.infer<typeof binderRecordSchema>;
export type BlockerRecord = z.infer<typeof blockerRecordSchema>;
export type FailureRecord = z.infer<typeof failureRecordSchema>;
