import { type Advice, adviseOn } from "./advice.ts";
import { bindsIpv6Only, conflict, type KernelTraits, type Party, type Rule } from "./conflict.ts";
import type { CallEvent, SocketFacts } from "./event.ts";
import type { Socket } from "./socket.ts";
import type { WalkedOwner } from "./table.ts";

/** The answer to one failed bind or listen. */
export interface Verdict {
  rule: Rule;
  blockers: { socket: Socket; rule: Rule; decisive: boolean }[];
  evidence: "bucket" | "table" | "none";
  confidence: "exact" | "inferred" | "unknown";
  /** Why it is not exact, one clause each. */
  doubts: string[];
  ownersCounted: number;
  walkComplete: boolean;
  advice: Advice[];
}

/**
 * Explains a refused call from the owners that the kernel's own bucket held. A socket is blamed only when
 * the kernel's rule says that it conflicts; without such a socket the verdict is `unknown` and says why.
 */
export function explain(call: CallEvent, owners: readonly WalkedOwner[], kernel: KernelTraits): Verdict {
  if (call.errno !== "EADDRINUSE") return withoutBlocker("not-a-conflict", "exact", []);
  if (call.type === "bind" ? call.requested.port === 0 : call.socket.port === 0) {
    return withoutBlocker("ports-exhausted", "inferred", ["the tracepoint hook set does not see the kernel's search for a free port"]);
  }
  const { walk } = call;
  if (call.socket.protocol === "udp") {
    return withoutBlocker("no-owner-found", "unknown", ["the owners of UDP ports are not walked by this version"]);
  }
  if (walk === null) return withoutBlocker("no-owner-found", "unknown", ["the look at the bind bucket was lost"]);

  const binder = binderParty(call);
  const judged = owners
    .map((owner) => ({ ...owner, party: ownerParty(owner.facts) }))
    .map((owner) => ({ ...owner, rule: conflict(binder, owner.party, kernel) }));
  const blockers = judged
    .filter((owner): owner is typeof owner & { rule: Rule } => owner.rule !== null)
    .sort((a, b) => severity(a.facts) - severity(b.facts));
  const walkComplete = !walk.lost && walk.missed === 0 && walk.printed === walk.possible && walk.buckets === 1;
  const counted = { evidence: "bucket" as const, ownersCounted: walk.visited, walkComplete };
  const first = blockers[0];
  if (!first) {
    return { ...withoutBlocker("no-owner-found", "unknown", whyNobody(walk.lost || !walkComplete)), ...counted };
  }

  const doubts: string[] = [];
  if (call.swapped) doubts.push("another thread put a different socket behind the descriptor during the call");
  if (!walkComplete) doubts.push("not every owner of the port could be looked at");
  for (const { socket, knownSince } of blockers) {
    if (knownSince === null || knownSince > call.enteredAt) doubts.push(`${socket.id} is not known to have been there before the call`);
  }
  const onlyOne = blockers.length === 1 && doubts.length === 0;
  return {
    ...counted,
    rule: first.rule,
    blockers: blockers.map(({ socket, rule }) => ({ socket, rule, decisive: onlyOne })),
    confidence: doubts.length === 0 ? "exact" : "inferred",
    doubts,
    advice: adviseOn(
      binder,
      blockers.map((owner) => owner.party),
      judged.filter((owner) => owner.rule === null).map((owner) => owner.party),
      kernel,
    ),
  };
}

/** The binder as the kernel saw it during the call. */
export function binderParty(call: CallEvent): Party {
  const { socket } = call;
  const asked = call.type === "bind" ? call.requested : socket;
  return {
    ...socket,
    family: socket.family,
    address: asked.address,
    ipv6Only: bindsIpv6Only(socket.family, asked.address, socket.ipv6Only),
    orphan: false,
    inGroup: socket.group !== null,
  };
}

export function ownerParty(facts: SocketFacts): Party {
  return { ...facts, orphan: facts.inode === null && facts.state !== "TIME_WAIT", inGroup: facts.group !== null };
}

/** Order of blame where the kernel's own decisive owner is not known. */
function severity({ state }: SocketFacts): number {
  if (state === "LISTEN") return 0;
  if (state === "BOUND" || state === "CLOSE") return 1;
  return state === "TIME_WAIT" ? 3 : 2;
}

function whyNobody(incomplete: boolean): string[] {
  return [
    "the blocker may have gone between the refusal and the look at the bucket",
    "the kernel may have had no memory for the bucket",
    "a cgroup or LSM program may have returned the error",
    ...(incomplete ? ["owners were lost or not looked at"] : []),
  ];
}

function withoutBlocker(rule: Rule, confidence: Verdict["confidence"], doubts: string[]): Verdict {
  return { rule, blockers: [], evidence: "none", confidence, doubts, ownersCounted: 0, walkComplete: false, advice: [] };
}
