import { z } from "zod";
import { protocolSchema, stateSchema } from "./event.ts";
import {
  addressSchema,
  failureRecordSchema,
  groupRecordSchema,
  nanosSchema,
  netnsSchema,
  peerSchema,
  portSchema,
  socketIdSchema,
} from "./failure-record.ts";
import { commSchema, holderRecordSchema, natureSchema, pidSchema, timeSchema, whoSchema } from "./process-record.ts";

export type { BinderRecord, BlockerRecord, FailureRecord, GroupRecord, NoteRecord } from "./failure-record.ts";

/**
 * What bindtrace says, as data: the lines of `--json`, and what the text report is made from.
 * Names and meaning are frozen; fields may be added, never changed.
 */

const precisionSchema = z.enum(["exact", "estimated"]);
const failureIdSchema = z.string().describe("Id of the failure: f1, f2, …");
const place = { netns: netnsSchema, protocol: protocolSchema };

export const sessionRecordSchema = z
  .object({
    type: z.literal("session"),
    schema: z.literal(1).describe("Version of these records"),
    kernel: z.string().describe("Release of the kernel (uname -r)"),
    hooks: z.string().describe("Hook set: kernel or tracepoint"),
    attach: z.string().describe("How it is attached: fentry, kprobe or tracepoint"),
    bpftrace: z.string().describe("Version of bpftrace"),
    ports: z.array(z.tuple([portSchema, portSchema])).describe("Watched ports, as ranges; none: all"),
    armedAt: timeSchema.describe("When the trace was armed"),
    redacted: z
      .literal(true)
      .optional()
      .describe("Names, command lines and addresses are not those of the machine, but stand for them; left out where they are"),
    missingProbes: z
      .array(z.string())
      .describe("Functions of the kernel that could not be probed: the evidence is less than this hook set usually has"),
  })
  .meta({ id: "SessionRecord", title: "session", description: "What was traced, and how" });

const groupHistoryRecordSchema = groupRecordSchema
  .extend({
    history: z
      .array(
        z.object({
          socket: socketIdSchema,
          uid: z.int().nullable(),
          address: addressSchema,
          joinedAt: timeSchema,
          leftAt: timeSchema.nullable().describe("Null: to the end of the trace"),
        }),
      )
      .describe("Everyone that was in it, in the order of joining"),
    largest: z.int().describe("Most members that were counted, or known, at one time"),
    program: z.boolean().nullable().describe("A BPF program chooses the member that gets a connection or datagram; null: not read"),
    notKept: z.int().optional().describe("Of a long history: how many more there were between the first and the last of it"),
  })
  .meta({ id: "GroupHistory", description: "A reuseport group over its whole life" });

export const holdersRecordSchema = z
  .object({
    type: z.literal("holders"),
    failure: failureIdSchema,
    socket: socketIdSchema,
    holders: z.array(holderRecordSchema),
    complete: z.boolean().describe("There was no further holder"),
    scannedAt: timeSchema,
    nature: natureSchema,
  })
  .meta({ id: "HoldersRecord", title: "holders", description: "Holders of a blocker that were found after its failure had been printed" });

const releaseViaSchema = z
  .enum(["close", "exit", "exec", "time-wait-expired", "time-wait-cut-short", "namespace-gone", "unknown"])
  .describe("What let the port go");

export const releaseRecordSchema = z
  .object({
    type: z.literal("release"),
    failure: failureIdSchema,
    socket: socketIdSchema,
    at: timeSchema,
    afterNs: nanosSchema.describe("Nanoseconds since the failure"),
    via: releaseViaSchema,
    precision: precisionSchema,
    by: whoSchema.nullable().describe("The process in which the last reference went, null where it is not known"),
    exitCode: z.int().nullable().describe("For exit: what that process exited with"),
    exitSignal: z.string().nullable().describe("For exit: the signal that ended it"),
    closedAt: timeSchema.nullable().describe("The last close call on it: the port may follow later"),
  })
  .meta({ id: "ReleaseRecord", title: "release", description: "A blocker of a failure let the port go" });

export const attemptsRecordSchema = z
  .object({
    type: z.literal("attempts"),
    operation: z.enum(["bind", "listen"]),
    ...place,
    address: addressSchema,
    port: portSchema,
    first: timeSchema.describe("The first failure"),
    last: timeSchema.describe("The last failure"),
    failures: z.int(),
    lastedNs: nanosSchema.describe("Nanoseconds from the first refusal to the success, or to the last refusal"),
    binders: z.array(whoSchema).describe("The processes that were refused"),
    blockers: z.array(socketIdSchema).describe("Every socket that was in the way"),
    notKept: z
      .object({ binders: z.int(), blockers: z.int() })
      .optional()
      .describe("Of very many: how many more there were between the first and the last of them"),
    unexplained: z.int().describe("How many of the failures no socket is blamed for"),
    bound: z
      .object({ socket: socketIdSchema, at: timeSchema, pid: pidSchema, comm: commSchema })
      .nullable()
      .describe("The socket that got the port in the end, null when none did"),
  })
  .meta({
    id: "AttemptsRecord",
    title: "attempts",
    description: "Failures of one program in a row on one address, as one story: told when a bind passed, else at the end",
  });

export const restartRecordSchema = z
  .object({
    type: z.literal("restart"),
    ...place,
    address: addressSchema.describe("Of the new listener; of the old one where none came"),
    port: portSchema,
    from: z.array(socketIdSchema).describe("The old listeners"),
    to: socketIdSchema.nullable().describe("The new one"),
    phases: z
      .array(
        z.object({
          phase: z.enum(["signalled", "listener-closed", "last-connection-gone", "exited", "port-free", "bound", "listening"]),
          at: timeSchema,
          precision: precisionSchema,
          pid: pidSchema.nullable(),
          comm: commSchema.nullable(),
          by: whoSchema.nullable().describe("The sender of a signal; pid 0: the kernel"),
          detail: z.string().describe("The signal; how the process ended; else the socket that it is about"),
        }),
      )
      .describe("The steps from one to the next; a step that was not seen is left out"),
    downtimeNs: nanosSchema
      .nullable()
      .describe("Nanoseconds in which nobody listened; null when the new one listened before the old one stopped, or none came"),
    slowest: z.object({ phase: z.string(), ns: nanosSchema }).nullable().describe("The longest step on the way"),
  })
  .meta({ id: "RestartRecord", title: "restart", description: "How a port went from one listener to the next" });

export const absenceRecordSchema = z
  .object({
    type: z.literal("absence"),
    code: z.enum(["none-attempted", "none-refused"]),
    certain: z.boolean().describe("The hook set sees every bind, and no event was lost"),
    message: z.string(),
  })
  .meta({
    id: "AbsenceRecord",
    title: "absence",
    description: "No bind was refused, or none attempted, on a watched port: said in the words that the evidence allows",
  });

export const warningRecordSchema = z
  .object({
    type: z.literal("warning"),
    at: timeSchema,
    code: z.enum(["unrelated-programs-share", "loopback-split", "reuseport-after-bind"]),
    message: z.string(),
    sockets: z.array(socketIdSchema),
  })
  .meta({ id: "WarningRecord", title: "warning", description: "Trouble that gives no error" });

const portSocketRecordSchema = z
  .object({
    socket: socketIdSchema,
    state: stateSchema.describe("The last that was known"),
    address: addressSchema,
    peer: peerSchema,
    inode: z.int().nullable(),
    seenAt: timeSchema.describe("When it was first seen"),
    endedAt: timeSchema.nullable().describe("When it let the port go"),
  })
  .meta({ id: "PortSocket", description: "A socket that held the port" });

const portRecordSchema = z
  .object({
    ...place,
    port: portSchema,
    sockets: z.array(portSocketRecordSchema),
    groups: z.array(groupHistoryRecordSchema),
    unavailableNs: nanosSchema.describe("Nanoseconds from each first refusal to the next bind or listen that passed, or to the end"),
    notKept: z
      .object({ events: z.int(), sockets: z.int() })
      .optional()
      .describe("Of a long history: what was dropped between its beginning and its end (--history); these sockets are not listed"),
  })
  .meta({ id: "Port", description: "A port on which something happened" });

const lossRecordSchema = z
  .object({
    cpu: z.int(),
    count: z.int().describe("Events of this CPU that are known to be missing"),
    first: timeSchema.describe("When the first loss showed: at the latest line that had come before it"),
    last: timeSchema.describe("When the last one did"),
  })
  .meta({ id: "Loss", description: "Events of one CPU that are missing" });

export const summaryRecordSchema = z
  .object({
    type: z.literal("summary"),
    failures: z.int().describe("Refused calls that were reported"),
    explained: z.int().describe("Those of them whose blocker is known"),
    lost: z.int().describe("Events that are known to be missing"),
    losses: z
      .array(lossRecordSchema)
      .optional()
      .describe("Where these are missing, by CPU; left out where none is, or where the trace was cut before it told"),
    ports: z.array(portRecordSchema),
  })
  .meta({ id: "SummaryRecord", title: "summary", description: "The last line" });

export const outputRecordSchema = z
  .discriminatedUnion("type", [
    sessionRecordSchema,
    failureRecordSchema,
    holdersRecordSchema,
    releaseRecordSchema,
    attemptsRecordSchema,
    restartRecordSchema,
    absenceRecordSchema,
    warningRecordSchema,
    summaryRecordSchema,
  ])
  .meta({ title: "A line of --json", description: "What trace and replay say with --json: one such object a line" });

export type SessionRecord = z.infer<typeof sessionRecordSchema>;
/** A group over its whole life, as the summary has it. */
export type GroupHistoryRecord = z.infer<typeof groupHistoryRecordSchema>;
export type HoldersRecord = z.infer<typeof holdersRecordSchema>;
export type ReleaseVia = z.infer<typeof releaseViaSchema>;
export type ReleaseRecord = z.infer<typeof releaseRecordSchema>;
/** Failures of one program in a row on one address, as one story: told when a bind passed, else at the end. */
export type AttemptsRecord = z.infer<typeof attemptsRecordSchema>;
/** How a port went from one listener to the next. */
export type RestartRecord = z.infer<typeof restartRecordSchema>;
/** No bind was refused, or none attempted, on a watched port: said in the words that the evidence allows. */
export type AbsenceRecord = z.infer<typeof absenceRecordSchema>;
/** Trouble that gives no error. */
export type WarningRecord = z.infer<typeof warningRecordSchema>;
export type PortRecord = z.infer<typeof portRecordSchema>;
export type PortSocketRecord = z.infer<typeof portSocketRecordSchema>;
export type SummaryRecord = z.infer<typeof summaryRecordSchema>;
export type OutputRecord = z.infer<typeof outputRecordSchema>;
