import { z } from "zod";
import type { Nanos } from "../base/nanoseconds.ts";
import { CERTAINTIES } from "./bucket.ts";
import { ANSWERS, type Asked, type CheckVerdict } from "./check.ts";
import { familySchema, type Holder, protocolSchema } from "./event.ts";
import {
  addressSchema,
  blockerRecordSchema,
  failureRecordSchema,
  type GroupRecord,
  netnsSchema,
  portSchema,
  ruleSchema,
  socketIdSchema,
} from "./failure-record.ts";
import type { JudgedOwner, Owner } from "./owner.ts";
import { descriptorRecordSchema, timeSchema } from "./process-record.ts";

/**
 * What `check` says, as data: names and meaning are those of the failure record (failure-record.ts), and frozen like them. What
 * could not be seen is null.
 */

const userRecordSchema = z
  .object({
    uid: z.int(),
    name: z.string().nullable().describe("Null for a uid without an account"),
    from: z.enum(["option", "sudo", "caller"]).describe("Where that was taken from"),
  })
  .meta({ id: "User", description: "Who is taken to make the bind" });

const { shape } = blockerRecordSchema;

const ownerRecordSchema = blockerRecordSchema
  .omit({ boundAt: true, seenAt: true, opener: true, creator: true, nature: true, references: true, lineage: true })
  .extend({
    reuseAddr: shape.reuseAddr.nullable(),
    reusePort: shape.reusePort.nullable(),
    ipv6Only: shape.ipv6Only.nullable(),
    rule: shape.rule.nullable(),
    holders: z.array(descriptorRecordSchema),
    conflicts: z.enum(CERTAINTIES).describe("It refuses the bind"),
  })
  .meta({ id: "Owner", description: "A socket in the kernel's list of the port's owners. Null: could not be seen" });

const answer = {
  answer: z.enum(ANSWERS).describe("What the kernel would say"),
  errno: z.string().nullable().describe("Of a refusal"),
  rule: ruleSchema.nullable().describe("Of the first blocker; null where none refuses, or which it is was not seen"),
};

export const checkRecordSchema = z
  .object({
    type: z.literal("check"),
    schema: z.literal(1).describe("Version of this record"),
    at: timeSchema.describe("When the owners were looked at"),
    netns: netnsSchema.nullable(),
    protocol: protocolSchema,
    family: familySchema,
    address: addressSchema,
    port: portSchema,
    binder: z
      .object({
        reuseAddr: z.boolean(),
        reusePort: z.boolean(),
        ipv6Only: z.boolean(),
        device: z.int().nullable(),
        socketUid: z.int().nullable(),
        user: userRecordSchema,
      })
      .describe("The bind that was asked about"),
    ...answer,
    reasons: z.array(z.string()).describe("What the answer depends on, a clause each"),
    evidence: z.enum(["bucket", "proc"]).describe("What the owners were read from: the kernel's bind bucket, or /proc/net"),
    ownersCounted: failureRecordSchema.shape.ownersCounted,
    walkComplete: failureRecordSchema.shape.walkComplete,
    blockers: z.array(ownerRecordSchema).describe("The owners that refuse it, worst first"),
    owners: z.array(ownerRecordSchema).describe("All that were seen"),
    advice: failureRecordSchema.shape.advice,
    dualStack: z
      .object({ ...answer, blockers: z.array(socketIdSchema) })
      .nullable()
      .describe("The same bind of [::], IPv4 included: asked where no address was, since many servers bind that one"),
  })
  .meta({ title: "check --json", description: "Who owns a port now, and whether a bind would pass" });

export type CheckRecord = z.infer<typeof checkRecordSchema>;
/** Who is taken to make the bind, and where that was taken from. */
export type UserRecord = z.infer<typeof userRecordSchema>;
export type OwnerRecord = z.infer<typeof ownerRecordSchema>;

/** What the record says beside the verdict. */
export interface Seen {
  /** ISO 8601. */
  at: string;
  netns: number | null;
  port: number;
  user: UserRecord;
  ownersCounted: number;
  /** Wall time of an instant in the owners' facts, ISO 8601. */
  iso(instant: Nanos): string;
  holders: ReadonlyMap<number, readonly Holder[]>;
  /** Every process could be looked into. */
  everyProcess: boolean;
}

/** Writes down a verdict, and that on the same bind of [::] where that was asked for too. */
export function checkRecord({ binder, bucket }: Asked, verdict: CheckVerdict, dualStack: CheckVerdict | null, seen: Seen): CheckRecord {
  const { answer, errno, rule, reasons, advice } = verdict;
  const groups = groupsOf(verdict.owners.map(({ owner }) => owner));
  const alone = answer === "refused" && errno === "EADDRINUSE" && bucket?.complete === true && verdict.blockers.length === 1;
  const record = (judged: JudgedOwner) => ownerRecord(judged, alone && judged.conflicts === "yes", groups, seen);
  return {
    type: "check",
    schema: 1,
    at: seen.at,
    netns: seen.netns,
    protocol: binder.protocol,
    family: binder.family,
    address: binder.address,
    port: seen.port,
    binder: {
      reuseAddr: binder.reuseAddr,
      reusePort: binder.reusePort,
      ipv6Only: binder.ipv6Only,
      device: binder.device || null,
      socketUid: binder.uid,
      user: seen.user,
    },
    answer,
    errno,
    rule,
    reasons,
    evidence: bucket ? "bucket" : "proc",
    ownersCounted: seen.ownersCounted,
    walkComplete: bucket?.complete === true,
    blockers: verdict.blockers.map(record),
    owners: verdict.owners.map(record),
    advice,
    dualStack: dualStack && {
      answer: dualStack.answer,
      errno: dualStack.errno,
      rule: dualStack.rule,
      blockers: dualStack.blockers.map(({ owner }) => owner.socket),
    },
  };
}

function ownerRecord({ owner, conflicts, rule }: JudgedOwner, decisive: boolean, groups: readonly GroupRecord[], seen: Seen): OwnerRecord {
  const { uid, expiresAt, group, inode, state } = owner;
  const found = inode === null ? [] : (seen.holders.get(inode) ?? []);
  return {
    socket: owner.socket,
    decisive,
    protocol: owner.protocol,
    state,
    substate: owner.substate,
    family: owner.family,
    address: owner.address,
    port: owner.port,
    peer: owner.peer,
    reuseAddr: owner.reuseAddr,
    reusePort: owner.reusePort,
    ipv6Only: owner.ipv6Only,
    device: owner.device === 0 ? null : owner.device,
    socketUid: uid,
    inode,
    expiresAt: expiresAt === null ? null : seen.iso(expiresAt),
    group: group && (groups.find(({ members }) => members.includes(owner.socket)) ?? null),
    holders: found.map(({ pid, comm, fd, command }) => ({ pid, comm, fd, via: "unknown", command })),
    // A socket with an inode has a holder somewhere, so that nobody was found is not the whole answer.
    holdersComplete: inode === null || (seen.everyProcess && found.length > 0),
    conflicts,
    rule: conflicts === "no" ? null : rule,
  };
}

/** Reuseport groups, by the number that the kernel gives each. */
function groupsOf(owners: readonly Owner[]): GroupRecord[] {
  const sizes = new Map(owners.flatMap(({ group }) => (group ? [[group.id, group.size]] : [])));
  return [...sizes].map(([number, size], index) => ({
    id: `g${index + 1}`,
    members: owners.filter(({ group }) => group?.id === number).map(({ socket }) => socket),
    size,
  }));
}
