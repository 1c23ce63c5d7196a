import { z } from "zod";
import { ADVICE_CODES } from "./advice.ts";
import { protocolSchema, stateSchema } from "./facts.ts";
import { failureRecordSchema, ruleSchema, socketIdSchema } from "./failure-record.ts";
import { natureSchema, timeSchema } from "./process-record.ts";
import { releaseRecordSchema } from "./record.ts";

const KINDS = [
  "there",
  "bound",
  "listening",
  "joined",
  "member",
  "left",
  "copy-closed",
  "stopped-listening",
  "option",
  "state",
  "gone",
  "missing",
  "released",
  "exited",
  "refused",
  "blocker",
  "holder",
  "attempts",
  "restart",
  "port",
  "trace",
] as const;

const text = z.string().nullable();
const number = z.int().nullable();
const truth = z.boolean().nullable();
const { operation, evidence, confidence } = failureRecordSchema.shape;

/**
 * A line of `export --ndjson`: scalars only, every column in every row, null where it does not apply, so that the rows of many traces
 * are one table. Columns are named like the fields of the records (record.ts), but for `time`: `at` is a word of SQL. They are frozen, more may be added.
 */
export const flatRowSchema = z
  .object({
    trace: z.string().describe("Which recording: host, and when it was armed. Sockets, groups and failures are numbered anew in each"),
    host: z.string().describe("Name of the machine"),
    kernel: z.string().describe("Release of its kernel"),
    hooks: z.string().describe("Hook set: kernel or tracepoint"),
    lost: z.int().describe("Events that are known to be missing from this trace"),
    time: timeSchema.describe("When it happened: ISO 8601 in UTC, with nine decimals"),
    t: z.int().describe("The same in nanoseconds since the trace was armed: exact"),
    kind: z
      .enum(KINDS)
      .describe(
        "What it is: refused (a refused call), blocker and holder (those of a refused call, a row each), attempts (refusals in a row), " +
          "restart, port (one for each port), trace (one for the whole), or a row of the port's timeline",
      ),
    netns: number.describe("Inode of the network namespace"),
    protocol: protocolSchema.nullable().describe("tcp, udp or mptcp, which shares the ports of tcp"),
    port: number.describe("Local port; 0: any free one"),
    address: text.describe("Local address; of a refused call the one that was asked for"),
    peer: text.describe("The other end of a connection, with its port"),
    socket: socketIdSchema
      .nullable()
      .describe("The socket that it is about; of a refused call the binder; of attempts and restart the one that got the port"),
    state: stateSchema.nullable().describe("State of the socket after it; of a blocker at the refusal"),
    pid: number.describe(
      "The process that did it; of a refused call the caller; of a holder the holder; of attempts the first that was refused",
    ),
    comm: text.describe("Its name"),
    program: text.describe("Its program, for refused and holder"),
    command: text.describe("Its command line, for refused and holder"),
    unit: text.describe("Its systemd unit, for refused and holder"),
    container: text.describe("Id of its container, for refused and holder"),
    pod: text.describe("Its Kubernetes pod, for refused and holder"),
    uid: number.describe("User that the kernel compares: of the socket, for refused and blocker"),
    fd: number.describe("Descriptor, for refused and holder"),
    via: z.enum(["created", "inherited", "received", "unknown"]).nullable().describe("How a holder came by its descriptor"),
    reuseAddr: truth.describe("SO_REUSEADDR at the refusal, for refused and blocker"),
    reusePort: truth.describe("SO_REUSEPORT at the refusal, for refused and blocker"),
    detail: text.describe(
      "copy-closed: copies left; option: its name; joined, member, left: the group; released: what let it go; exited: code or signal; restart: the longest step; trace: none-attempted or none-refused",
    ),
    failure: text.describe("Id of the refused call, for refused, blocker and holder"),
    operation: operation.nullable().describe("What was refused, for refused and attempts"),
    errno: text.describe("Name of its error"),
    rule: ruleSchema.nullable().describe("Rule of the kernel, for refused and blocker"),
    evidence: evidence.nullable().describe("What the verdict rests on: the kernel's bind bucket, what was seen before, nothing"),
    confidence: confidence.nullable().describe("How sure the verdict is"),
    advice: text.describe(`What alone would have let it bind, codes with a space between: ${ADVICE_CODES.join(", ")}`),
    repeats: number.describe("How many refusals in a row before this one were the same"),
    blocker: text.describe("Of a refused call: the decisive blocker, else the first"),
    blockerState: stateSchema.nullable().describe("Its state at the refusal"),
    blockerPid: number.describe("Its first holder; null where nobody had it, or was found"),
    blockerComm: text.describe("Name of that process"),
    blockerCommand: text.describe("Its command line"),
    blockers: number.describe("How many sockets were in the way, for refused and attempts"),
    nature: natureSchema.nullable().describe("Who stands behind it, for refused and blocker"),
    decisive: truth.describe("Of a blocker: the kernel itself stopped at it"),
    freedNs: number.describe("Nanoseconds from the refusal until the blocker let the port go, for refused and blocker; null: not seen"),
    timeWaitNs: number.describe(
      "Nanoseconds from the refusal until the timer of the blocker's TIME_WAIT ends, estimated, for refused and blocker",
    ),
    freedVia: releaseRecordSchema.shape.via.nullable().describe("What let it go"),
    failures: number.describe("Of attempts: refusals in a row; of port and trace: refusals that were reported"),
    lastedNs: number.describe(
      "Of attempts: from the first refusal to the success, or to the last refusal; of restart: from its first step to its last; of trace: until it ended",
    ),
    stepNs: number.describe("Of restart: how long its longest step took, which detail names"),
    downtimeNs: number.describe("Of restart: how long nobody listened; null when the new listener came first, or none came"),
    unavailableNs: number.describe("Of port: from each first refusal to the next bind or listen that passed, or to the end"),
  })
  .meta({ title: "A line of export --ndjson", description: "One thing that happened on a port, or one part of a verdict" });

export type FlatRow = z.infer<typeof flatRowSchema>;

/** In the order of the schema. */
export const COLUMNS = Object.keys(flatRowSchema.shape) as readonly (keyof FlatRow)[];
