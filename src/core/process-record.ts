import { z } from "zod";

/**
 * What bindtrace says of processes and of what they did with a socket: parts of the records in record.ts. Schemas of JSON, from which
 * schemas/ is made; nothing is parsed with them.
 */

export const timeSchema = z.string().meta({ format: "date-time", description: "ISO 8601 in UTC, with nine decimals" });
export const pidSchema = z.int().describe("Process id in bindtrace's own PID namespace");
export const commSchema = z.string().describe("Name of the process (comm: 15 bytes at most)");
export const whoSchema = z.object({ pid: pidSchema, comm: commSchema }).meta({ id: "Who", description: "A process, by its id and name" });

export const processRecordSchema = z
  .object({
    pid: pidSchema,
    comm: commSchema,
    command: z.string().nullable().describe("Its command line, words joined by spaces"),
    program: z.string().nullable().describe("Last part of its program's path"),
    startedAt: timeSchema.nullable().describe("When it started"),
    parents: z.array(whoSchema).describe("Its parent, the parent of that, and so on"),
    exitedAt: timeSchema.nullable().describe("When it ended, as far as the trace goes"),
    exitCode: z.int().nullable().describe("What it exited with"),
    exitSignal: z.string().nullable().describe("The signal that ended it"),
    unit: z.string().nullable().describe("systemd's unit, as the path of its control group tells"),
    container: z.string().nullable().describe("Id of its container, as the path of its control group tells"),
    pod: z.string().nullable().describe("Its Kubernetes pod, as the path of its control group tells"),
    nsPids: z.array(z.int()).describe("Its ids in the PID namespaces from the outermost inwards"),
  })
  .meta({ id: "Process", description: "A process as far as the trace tells. Null: not known" });

export const descriptorRecordSchema = z
  .object({
    pid: pidSchema,
    comm: commSchema,
    fd: z.int().nullable().describe("The descriptor; null where only the end of the socket told of this process"),
    via: z.enum(["created", "inherited", "received", "unknown"]).describe("How the process came by it"),
    command: z.string().describe("Its command line, words joined by spaces"),
  })
  .meta({ id: "Descriptor", description: "A descriptor of a socket, and the process that has it" });

export const holderRecordSchema = descriptorRecordSchema
  .extend({
    from: whoSchema.nullable().describe("Of a received one: who sent it, null where that was not seen"),
    process: processRecordSchema.nullable(),
  })
  .meta({ id: "Holder", description: "A descriptor of a socket, and the process that has it" });

export const openerRecordSchema = z
  .object({
    pid: pidSchema,
    comm: commSchema,
    fd: z.int().nullable().describe("The descriptor that it had then"),
    exitedAt: timeSchema.nullable().describe("When it ended, null while it lives"),
    process: processRecordSchema,
  })
  .meta({ id: "Opener", description: "Who bound a socket, and what has become of that process" });

export const stepRecordSchema = z
  .object({
    at: timeSchema,
    step: z.enum([
      "created",
      "bound",
      "listened",
      "forked",
      "execed",
      "duplicated",
      "sent",
      "received",
      "copy-closed",
      "signalled",
      "exited",
    ]),
    pid: pidSchema.nullable(),
    comm: commSchema.nullable(),
    fd: z.int().nullable(),
    other: whoSchema.nullable().describe("The child of a fork, the sender of a signal"),
    detail: z.string().describe("signalled, exited: signal or exit code; copy-closed: copies left; received: how"),
  })
  .meta({ id: "Step", description: "What a process did with a socket, or what happened to a process that had it" });

export const natureSchema = z
  .enum(["process", "time-wait", "orphan", "in-flight", "kernel", "unknown"])
  .meta({ id: "Nature", description: "Who stands behind a blocker: a process; or nobody, and why" });

/** A process as far as the trace tells. Null: not known. */
export type ProcessRecord = z.infer<typeof processRecordSchema>;
/** A descriptor of a socket, and the process that has it. */
export type DescriptorRecord = z.infer<typeof descriptorRecordSchema>;
export type HolderRecord = z.infer<typeof holderRecordSchema>;
/** Who bound a socket, and what has become of that process. */
export type OpenerRecord = z.infer<typeof openerRecordSchema>;
/** What a process did with a socket, or what happened to a process that had it. */
export type StepRecord = z.infer<typeof stepRecordSchema>;
/** Who stands behind a blocker: a process; or nobody, and why. */
export type Nature = z.infer<typeof natureSchema>;
