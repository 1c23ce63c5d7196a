import { addressesEqual, conflict, type KernelTraits } from "./conflict.ts";
import type { Party } from "./party.ts";

export const ADVICE_CODES = [
  "close-owner",
  "peer-closes",
  "wait-for-time-wait",
  "reuseaddr-on-binder",
  "reuseaddr-on-owner",
  "reuseaddr-on-both",
  "reuseport-on-binder",
  "reuseport-on-owner",
  "reuseport-on-both",
  "same-user",
  "ipv6only-on-binder",
] as const;
export type AdviceCode = (typeof ADVICE_CODES)[number];

export const ADVICE_TARGETS = ["binder", "owner", "both", "system"] as const;
export type AdviceTarget = (typeof ADVICE_TARGETS)[number];

/** One change, and whether the bind would have passed with it: asked of the same predicate as the verdict. */
export interface Advice {
  code: AdviceCode;
  target: AdviceTarget;
  change: string;
  wouldBind: boolean;
}

interface Change {
  code: AdviceCode;
  target: AdviceTarget;
  change: string;
  /** Whether the change is one at all for these sockets. */
  applies(binder: Party, blockers: readonly Party[]): boolean;
  binder?(binder: Party): Party;
  /** Null: the owner is gone. */
  owner?(owner: Party, binder: Party, blockers: readonly Party[]): Party | null;
}

const withReuseAddr = (party: Party): Party => ({ ...party, reuseAddr: true });
const withReusePort = (party: Party): Party => ({ ...party, reusePort: true });
const sameUserAs = (owner: Party, binder: Party): Party => ({ ...owner, uid: binder.uid });
/** The first to close such a connection keeps it in TIME_WAIT; elsewhere the other end has closed, or nothing is open yet. */
const leavesTimeWait = (party: Party) => ["SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSING"].includes(party.state);
const hasProcess = (party: Party) => party.state !== "TIME_WAIT" && !party.orphan;
/** A connection that nobody has accepted is reset when its listener is closed (`inet_csk_listen_stop`). */
const goesWithListener = (party: Party, closed: readonly Party[]) =>
  party.orphan &&
  ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT"].includes(party.state) &&
  closed.some((owner) => owner.state === "LISTEN" && addressesEqual(owner, party, false));

/** In the order in which they are worth trying. The sentences are completed by the report where names are known. */
const CHANGES: readonly Change[] = [
  {
    code: "wait-for-time-wait",
    target: "system",
    change: "wait until the TIME_WAIT timer ends",
    applies: (_, blockers) => blockers.some((owner) => owner.state === "TIME_WAIT"),
    owner: (owner) => (owner.state === "TIME_WAIT" ? null : owner),
  },
  {
    code: "close-owner",
    target: "owner",
    change: "close the blocking socket in every process that holds it (a connection closed from this side goes on in TIME_WAIT)",
    applies: (_, blockers) => blockers.some(hasProcess),
    owner: (owner, _, blockers) => {
      if (!hasProcess(owner)) return goesWithListener(owner, blockers) ? null : owner;
      return leavesTimeWait(owner) ? { ...owner, state: "TIME_WAIT" } : null;
    },
  },
  {
    code: "peer-closes",
    target: "owner",
    change: "let the other end close the connection first, so that no TIME_WAIT stays here",
    applies: (_, blockers) => blockers.some(({ state }) => state === "ESTABLISHED"),
    owner: (owner) => (owner.state === "ESTABLISHED" ? null : owner),
  },
  {
    code: "reuseaddr-on-binder",
    target: "binder",
    change: "set SO_REUSEADDR on the new socket before bind",
    applies: (binder) => !binder.reuseAddr,
    binder: withReuseAddr,
  },
  {
    code: "reuseaddr-on-owner",
    target: "owner",
    change: "set SO_REUSEADDR on the socket that holds the port (for a connection: on the listener it came from)",
    applies: (binder, blockers) => binder.reuseAddr && blockers.some((owner) => !owner.reuseAddr),
    owner: withReuseAddr,
  },
  {
    code: "reuseaddr-on-both",
    target: "both",
    change: "set SO_REUSEADDR on both sockets",
    applies: (binder, blockers) => !binder.reuseAddr && blockers.some((owner) => !owner.reuseAddr),
    binder: withReuseAddr,
    owner: withReuseAddr,
  },
  {
    code: "same-user",
    target: "both",
    change: "create all sockets of the port as the user of the new one",
    applies: (binder, blockers) =>
      binder.reusePort && blockers.some((owner) => owner.reusePort && owner.uid !== null && owner.uid !== binder.uid),
    owner: sameUserAs,
  },
  {
    code: "reuseport-on-binder",
    target: "binder",
    change: "set SO_REUSEPORT on the new socket before bind",
    applies: (binder, blockers) => !binder.reusePort && blockers.some((owner) => owner.reusePort),
    binder: withReusePort,
  },
  {
    code: "reuseport-on-owner",
    target: "owner",
    change: "set SO_REUSEPORT on the socket that holds the port",
    applies: (binder, blockers) => binder.reusePort && blockers.some((owner) => !owner.reusePort),
    owner: withReusePort,
  },
  {
    code: "reuseport-on-both",
    target: "both",
    change: "set SO_REUSEPORT on both sockets, created as the user of the new one",
    applies: (binder, blockers) => !binder.reusePort && blockers.some((owner) => !owner.reusePort),
    binder: withReusePort,
    owner: (owner, binder) => withReusePort(sameUserAs(owner, binder)),
  },
  {
    code: "ipv6only-on-binder",
    target: "binder",
    change: "set IPV6_V6ONLY on the new socket before bind, so that it leaves IPv4 alone",
    applies: (binder) => binder.family === "ipv6" && binder.address === "::" && !binder.ipv6Only,
    binder: (binder) => ({ ...binder, ipv6Only: true }),
  },
];

/**
 * What would have let the bind through. `others` are owners that do not conflict as things are; a change
 * must not make one of them conflict.
 */
export function adviseOn(binder: Party, blockers: readonly Party[], others: readonly Party[], kernel: KernelTraits): Advice[] {
  return CHANGES.filter((change) => change.applies(binder, blockers)).map((change) => {
    const changedBinder = change.binder?.(binder) ?? binder;
    const owners = [...blockers.map((owner) => (change.owner ? change.owner(owner, binder, blockers) : owner)), ...others];
    const wouldBind = owners.every((owner) => owner === null || conflict(changedBinder, owner, kernel) === null);
    return { code: change.code, target: change.target, change: change.change, wouldBind };
  });
}
