import type { Nanos } from "../base/nanoseconds.ts";
import { adviseOn } from "./advice.ts";
import { conflict, type KernelTraits, type Rule, ruleOf } from "./conflict.ts";
import { type CallEvent, isWhole, portOf, type SocketFacts, type UnseenListener } from "./event.ts";
import type { KernelFault } from "./faults.ts";
import { binderParty, ownerParty, type Party } from "./party.ts";
import type { FailureRecord } from "./record.ts";
import { type Socket, severity } from "./socket.ts";
import type { WalkedOwner } from "./table.ts";
import { doubtsAboutUnseen } from "./unseen-listeners.ts";

/** The answer to one failed bind or listen. */
export type Verdict = Pick<FailureRecord, "rule" | "evidence" | "confidence" | "doubts" | "ownersCounted" | "walkComplete" | "advice"> & {
  /** The sockets to blame, as they were at the refusal. */
  blockers: { socket: Socket; facts: SocketFacts; rule: Rule; decisive: boolean }[];
};

/** A socket that the events before the refusal show to have had the port, and when it let go during the call. */
export interface RememberedOwner {
  socket: Socket;
  facts: SocketFacts;
  endedAt: Nanos | null;
}

export interface Evidence {
  /** Owners that the walk of this very failure showed. */
  owners: readonly WalkedOwner[];
  /** What the events tell, for the case that the walk came too late or was lost. */
  remembered: readonly RememberedOwner[];
  /** Listeners on the port to which the walk of this failure did not come. */
  unseenListeners: readonly UnseenListener[];
  /** What had the port when the trace began is known. */
  seeded: boolean;
  kernel: KernelTraits;
  /** Faults that this kernel is certain to have. */
  faults: readonly KernelFault[];
}

/**
 * Explains a refused call from the owners that the kernel's own bucket held. A socket is blamed only when
 * the kernel's rule says that it conflicts; without such a socket the verdict is `unknown` and says why.
 */
export function explain(call: CallEvent, evidence: Evidence): Verdict {
  const { walk, search } = call;
  if (call.errno !== "EADDRINUSE" && !search?.refused) return withoutBlocker("not-a-conflict", "exact", []);
  // The kernel's search for a port did not fail, or there was none: the error is somebody else's.
  if (search === null || search?.refused === false) return withoutBlocker("not-a-conflict", "exact", []);
  if (portOf(call) === 0) {
    if (search?.refused) return withoutBlocker("ports-exhausted", "exact", []);
    return withoutBlocker("ports-exhausted", "inferred", ["the end of the kernel's search for a free port was not seen"]);
  }
  const walkComplete = walk !== null && isWhole(walk);
  const locked = walk?.locked === true;
  const binder = binderParty(call);
  const doubts: string[] = [];
  if (call.swapped && !search) doubts.push("another thread put a different socket behind the descriptor during the call");
  if (!walkComplete) doubts.push(walk === null ? "the look at the bind bucket was lost" : "not every owner of the port could be looked at");

  // A walk without the lock follows the refusal, so it may show a socket that came only after it: that one is innocent.
  const present = evidence.owners.filter(({ socket }) => locked || socket.bindEnteredAt === null || socket.bindEnteredAt <= call.t);
  const comers = locked || !evidence.seeded ? [] : present.filter(mayBeComing);
  const judge = <T extends { facts: SocketFacts }>(owner: T) => {
    const party = ownerParty(owner.facts);
    return { ...owner, party, rule: conflict(binder, party, evidence.kernel, call.type) };
  };
  const decisive = present.find(({ facts }) => facts.sk === walk?.decisive);
  const judged = without(present, comers)
    .map(judge)
    .map((owner) => {
      if (owner.rule !== null || owner.socket !== decisive?.socket) return owner;
      doubts.push(`the kernel stopped at ${owner.socket.id}, which by the rules known to this version could share the port`);
      return { ...owner, rule: ruleOf(binder, owner.party) };
    });
  const walked = seenByKernel(binder, judged.filter(conflicting), evidence.faults);
  for (const { socket, knownSince } of locked ? [] : walked) {
    if (knownSince === null || knownSince > call.enteredAt) doubts.push(`${socket.id} is not known to have been there before the call`);
  }
  for (const { socket } of comers.map(judge).filter(conflicting)) {
    doubts.push(`${socket.id} has the port, but its bind was not seen: it may have come only after the refusal`);
  }
  // A whole walk that found a blocker needs no help from memory; one that found none came too late for what let go during the call.
  const seen = new Set(evidence.owners.map(({ socket }) => socket));
  const recalled = evidence.remembered
    .filter(({ socket, endedAt }) => !seen.has(socket) && (!walkComplete || (!locked && walked.length === 0 && endedAt !== null)))
    .map(judge)
    .filter(conflicting);
  for (const { socket } of recalled) doubts.push(`${socket.id} is known from earlier events, the look at the bucket did not show it`);
  const known = new Set([...seen, ...recalled.map(({ socket }) => socket)].map(({ inode }) => inode));
  const unseen = evidence.unseenListeners.filter(({ inode }) => inode !== call.socket.inode && !known.has(inode));
  doubts.push(...doubtsAboutUnseen(unseen, binder, portOf(call)));
  const last = (owner: Judged) => (owner.socket === decisive?.socket ? -1 : severity(owner.facts.state));
  const blockers: Judged[] = [...walked, ...recalled].sort((x, y) => last(x) - last(y));
  const ownersCounted = walk?.visited ?? 0;
  const first = blockers[0];
  if (!first) return { ...withoutBlocker("no-owner-found", "unknown", [...doubts, ...whyNobody(call)]), ownersCounted, walkComplete };
  const alone = blockers.length === 1 && doubts.length === 0;
  return {
    rule: first.rule,
    blockers: blockers.map(({ socket, facts, rule }) => ({ socket, facts, rule, decisive: decisive ? socket === decisive.socket : alone })),
    evidence: walked.length > 0 ? "bucket" : "table",
    confidence: doubts.length === 0 ? "exact" : "inferred",
    doubts,
    ownersCounted,
    walkComplete,
    advice: adviseOn(
      binder,
      blockers.map(({ party }) => party),
      judged.filter((owner) => !conflicting(owner)).map(({ party }) => party),
      evidence.kernel,
    ),
  };
}

interface Judged {
  socket: Socket;
  facts: SocketFacts;
  party: Party;
  rule: Rule;
}

const conflicting = <T extends { rule: Rule | null }>(owner: T): owner is T & { rule: Rule } => owner.rule !== null;

/**
 * A TCP socket that neither the seed nor an earlier event knows, and that only has its port yet: its bind may be under way in
 * another thread, or its event was lost. A UDP socket gets its port in ways that the tracepoint set does not see (autobind).
 */
function mayBeComing({ socket, facts, knownSince }: WalkedOwner): boolean {
  return socket.bindEnteredAt === null && knownSince === null && facts.protocol !== "udp" && facts.state === "BOUND";
}

/** With a fault by which the kernel may overlook some of the owners, it is the others that it refused the binder for, if there are any. */
function seenByKernel<T extends { party: Party }>(binder: Party, owners: T[], faults: readonly KernelFault[]): T[] {
  const seen = owners.filter(({ party }) => !faults.some(({ overlooks }) => overlooks?.(binder, party, null)));
  return seen.length > 0 ? seen : owners;
}

const without = <T>(all: readonly T[], some: readonly T[]) => all.filter((one) => !some.includes(one));

/** How EADDRINUSE can come without a socket that conflicts, as far as what was seen of the call leaves it open. */
function whyNobody({ walk, search }: CallEvent): string[] {
  return [
    ...(walk?.locked ? [] : ["the blocker may have gone between the refusal and the look at the bucket"]),
    "the kernel may have had no memory for the bucket",
    ...(search?.refused ? [] : ["a cgroup or LSM program may have returned the error"]),
    "events may have been lost",
  ];
}

function withoutBlocker(rule: Rule, confidence: Verdict["confidence"], doubts: string[]): Verdict {
  return { rule, blockers: [], evidence: "none", confidence, doubts, ownersCounted: 0, walkComplete: false, advice: [] };
}
