import { z } from "zod";
import { SECTION_CODES } from "./diagnosis.ts";
import { STATUSES } from "./finding.ts";
import { ATTACHMENTS } from "./probes.ts";

const findingRecordSchema = z
  .object({
    section: z.enum(SECTION_CODES).describe("What it belongs to"),
    code: z.string().describe("What scripts know it by; of a setting, its name"),
    status: z.enum(STATUSES).describe("note: worth knowing; problem: live tracing does not work until it is mended"),
    fact: z.string().describe("What was found, as one sentence"),
    mend: z.string().nullable().describe("What to do about it, as one sentence; null where all is well"),
    value: z.string().optional().describe("Of a setting: what it is set to"),
    details: z.array(z.string()).optional().describe("What belongs to the fact, one item each"),
  })
  .meta({ id: "Finding", description: "One thing that was looked at" });

/** What `doctor` says, as data. Names and meaning are frozen, fields may be added. */
export const doctorRecordSchema = z
  .object({
    type: z.literal("doctor"),
    schema: z.literal(1).describe("Version of this record"),
    kernel: z.string().describe("Release of the kernel (uname -r)"),
    upstream: z.string().nullable().describe("The kernel.org version that it was made from, where that is known to the last number"),
    bpftrace: z.string().nullable().describe("Version of bpftrace; null: there is none to use"),
    works: z.boolean().describe("Live tracing will work"),
    hooks: z.enum(["kernel", "tracepoint"]).nullable().describe("The hook set that tracing will use"),
    attach: z.enum(ATTACHMENTS).nullable().describe("How it will be attached"),
    verdict: z.string().describe("All of it in one clause"),
    findings: z.array(findingRecordSchema),
  })
  .meta({ title: "doctor --json", description: "What this machine can and cannot show, and the mend for each" });

export type DoctorRecord = z.infer<typeof doctorRecordSchema>;
