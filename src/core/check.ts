import { type Advice, adviseOn } from "./advice.ts";
import { type BucketCache, isCrowded, passesUnasked } from "./bucket.ts";
import type { KernelTraits, Rule } from "./conflict.ts";
import type { Obstacle } from "./obstacles.ts";
import { type JudgedOwner, judge, type Owner, possibleParties, type Rules } from "./owner.ts";
import type { Party } from "./party.ts";
import { severity } from "./socket.ts";

export const ANSWERS = ["passes", "refused", "unknown"] as const;
export type Answer = (typeof ANSWERS)[number];

/** What the kernel's own list of the port's owners showed beside them. */
export interface SeenBucket extends BucketCache {
  /** Every owner of the list was seen. */
  complete: boolean;
}

export interface Asked extends Rules {
  binder: Party;
  /** In the order of the kernel's list. */
  owners: readonly Owner[];
  /** Null when only /proc was looked at. */
  bucket: SeenBucket | null;
  obstacles: readonly Obstacle[];
}

export interface CheckVerdict {
  answer: Answer;
  /** Of a refusal. */
  errno: string | null;
  /** Of the first blocker by severity, or not-a-conflict; null where none refuses, or which it is was not seen. */
  rule: Rule | null;
  /** As they were given. */
  owners: JudgedOwner[];
  /** Those of them that refuse it, worst first. */
  blockers: JudgedOwner[];
  /** What the answer depends on, a clause each. */
  reasons: string[];
  advice: Advice[];
}

/**
 * Whether the kernel would let a bind of an explicit port pass now. What could not be seen is taken to be anything, so
 * `passes` and `refused` are said only where they follow whatever it is.
 */
export function check(asked: Asked): CheckVerdict {
  const { binder, bucket, obstacles } = asked;
  const owners = asked.owners.map((owner) => judge(binder, owner, asked));
  const blockers = refusing(owners).sort((a, b) => severity(a.owner.state) - severity(b.owner.state));
  const judged = { owners, blockers, advice: [] };
  const said = binder.protocol === "udp" ? ofUdp(asked, owners) : ofTcp(asked, owners);
  const [obstacle] = obstacles;
  if (obstacle) {
    return { ...judged, answer: "refused", errno: obstacle.errno, rule: "not-a-conflict", reasons: obstacles.map(({ reason }) => reason) };
  }
  if (said.answer !== "refused") return { ...judged, ...said, errno: null, rule: null };
  const [kernel] = asked.kernels;
  // That a change would help holds only if no other owner is in the way.
  const advice = bucket?.complete && kernel ? adviceOn(binder, owners, kernel) : [];
  return { ...judged, ...said, errno: "EADDRINUSE", rule: blockers[0]?.rule ?? null, advice };
}

const refusing = (owners: readonly JudgedOwner[]) => owners.filter(({ conflicts }) => conflicts === "yes");

function adviceOn(binder: Party, owners: readonly JudgedOwner[], kernel: KernelTraits): Advice[] {
  const parties = (blame: boolean) =>
    owners.filter(({ conflicts }) => (conflicts === "yes") === blame).flatMap(({ owner }) => possibleParties(owner, binder));
  return adviseOn(binder, parties(true), parties(false), kernel);
}

interface Said {
  answer: Answer;
  reasons: string[];
}

/** Sources: `inet_csk_get_port`, `sk_reuseport_match` and `inet_csk_update_fastreuse` (net/ipv4/inet_connection_sock.c). */
function ofTcp(asked: Asked, owners: readonly JudgedOwner[]): Said {
  const { binder, bucket, vrfs } = asked;
  const blockers = refusing(owners);
  if (bucket === null) {
    if (blockers.length > 0 && !binder.reusePort) return refused();
    const group = blockers.length > 0 ? ["whether it may join a SO_REUSEPORT group shows in the kernel's own list only"] : [];
    return unknown(...group, ...openQuestions(owners), "a socket that is bound but neither listens nor is connected would not show");
  }
  const cached = passesUnasked(binder, bucket, "bind");
  if (cached === "yes" && !vrfs) {
    return passes(...(blockers.length > 0 ? [byNote(binder, bucket, list(blockers.map(({ owner }) => owner.socket)))] : []));
  }
  if (blockers.length > 0 && cached === "no") return refused();
  if (blockers.length > 0) return unknown("the kernel's note of an earlier bind may let it pass without asking the sockets that refuse it");
  return orOpen(asked, owners);
}

/** A listen goes by the note about SO_REUSEPORT, too, but not by that about SO_REUSEADDR. */
function byNote(binder: Party, bucket: SeenBucket, names: string): string {
  if (passesUnasked(binder, bucket, "listen") === "yes")
    return `the kernel's note of a SO_REUSEPORT group of this user lets it in without asking ${names}`;
  return `bind goes by the kernel's note that all had SO_REUSEADDR; a listen would ask, and be refused by ${names}`;
}

/** Source: `udp_lib_lport_inuse` (net/ipv4/udp.c). /proc shows every UDP socket, so there what is missing is options alone. */
function ofUdp(asked: Asked, owners: readonly JudgedOwner[]): Said {
  const blockers = refusing(owners);
  const ordered = owners.some(({ shares }) => shares !== "no") && owners.some(({ conflicts }) => conflicts !== "no");
  if (ordered) return byOrder(asked, owners);
  const mayHideOne = asked.binder.reusePort && asked.bucket?.complete === false;
  if (blockers.length > 0 && !mayHideOne) return refused();
  return orOpen(asked, owners);
}

/** The kernel goes through the list and stops at the first owner that refuses the binder or lets it join its group. */
function byOrder({ bucket, slotSize }: Asked, owners: readonly JudgedOwner[]): Said {
  const met = owners.find(({ conflicts, shares }) => conflicts !== "no" || shares !== "no");
  const sure = bucket?.complete === true && !isCrowded(slotSize);
  if (sure && met?.conflicts === "yes") return refused();
  const behind = owners.filter(({ conflicts }) => conflicts !== "no").map(({ owner }) => owner.socket);
  if (sure && met?.shares === "yes")
    return passes(`the kernel meets ${met.owner.socket}, which shares, before it comes to ${behind.join(", ")}`);
  return unknown("one socket shares and another does not: which of them the kernel asks first is not known", ...openQuestions(owners));
}

/** No owner is known to refuse: it passes if all of them were seen and none of them may. */
function orOpen({ bucket }: Asked, owners: readonly JudgedOwner[]): Said {
  const cut = bucket?.complete === false ? ["not every owner of the port could be looked at"] : [];
  const open = openQuestions(owners);
  return cut.length === 0 && open.length === 0 ? passes() : unknown(...cut, ...open);
}

function openQuestions(owners: readonly JudgedOwner[]): string[] {
  const unseen = owners.filter(({ open }) => open.unseen).map(({ owner }) => owner.socket);
  const apart = owners.filter(({ open }) => open.apart).map(({ owner }) => owner.socket);
  const faults = new Set(owners.map(({ open }) => open.fault?.what).filter((what) => what !== undefined));
  return [
    ...(unseen.length > 0 ? [`the options of ${list(unseen)} could not be seen`] : []),
    ...(apart.length > 0 ? [`${list(apart)} may belong to another routing domain (VRF), which has its ports to itself`] : []),
    ...[...faults].map((what) => `a known fault of this kernel may let it pass: ${what}`),
  ];
}

/** Most sockets named in one sentence. */
const MOST = 4;
const list = (names: readonly string[]) =>
  names.length > MOST ? `${names.slice(0, MOST).join(", ")} and ${names.length - MOST} more` : names.join(", ");

const passes = (...reasons: string[]): Said => ({ answer: "passes", reasons });
const refused = (): Said => ({ answer: "refused", reasons: [] });
const unknown = (...reasons: string[]): Said => ({ answer: "unknown", reasons });
