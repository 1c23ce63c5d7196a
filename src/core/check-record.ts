import type { Nanos } from "../base/nanoseconds.ts";
import type { Family } from "./address.ts";
import type { Certainty } from "./bucket.ts";
import type { Answer, Asked, CheckVerdict } from "./check.ts";
import type { Rule } from "./conflict.ts";
import type { Holder, Protocol } from "./event.ts";
import type { JudgedOwner, Owner } from "./owner.ts";
import type { DescriptorRecord } from "./process-record.ts";
import type { BlockerRecord, FailureRecord, GroupRecord } from "./record.ts";

/**
 * What `check` says, as data: names and meaning are those of the failure record (record.ts), and frozen like them. What
 * could not be seen is null.
 */
export interface CheckRecord extends Pick<FailureRecord, "advice" | "ownersCounted" | "walkComplete"> {
  type: "check";
  schema: 1;
  /** When the owners were looked at. */
  at: string;
  netns: number | null;
  protocol: Protocol;
  family: Family;
  address: string;
  port: number;
  binder: { reuseAddr: boolean; reusePort: boolean; ipv6Only: boolean; device: number | null; socketUid: number | null; user: UserRecord };
  answer: Answer;
  errno: string | null;
  rule: Rule | null;
  reasons: string[];
  evidence: "bucket" | "proc";
  /** The owners that refuse it, worst first, and all that were seen. */
  blockers: OwnerRecord[];
  owners: OwnerRecord[];
  /** The same bind of [::], IPv4 included: asked where no address was, since many servers bind that one. */
  dualStack: { answer: Answer; errno: string | null; rule: Rule | null; blockers: string[] } | null;
}

/** Who is taken to make the bind, and where that was taken from. */
export interface UserRecord {
  uid: number;
  /** Null for a uid without an account. */
  name: string | null;
  from: "option" | "sudo" | "caller";
}

type Unseen = "reuseAddr" | "reusePort" | "ipv6Only" | "device" | "rule";

export type OwnerRecord = Omit<
  BlockerRecord,
  Unseen | "boundAt" | "seenAt" | "opener" | "creator" | "nature" | "references" | "lineage" | "holders"
> & {
  [K in Unseen]: BlockerRecord[K] | null;
} & { holders: DescriptorRecord[]; conflicts: Certainty };

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
