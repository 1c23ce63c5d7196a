import type { Nanos } from "../base/nanoseconds.ts";
import type { Family } from "./address.ts";
import type { Certainty } from "./bucket.ts";
import { conflict, type KernelTraits, type Rule } from "./conflict.ts";
import type { Protocol, State } from "./event.ts";
import type { KernelFault } from "./faults.ts";
import type { Party } from "./party.ts";

/** A socket on the port as far as it could be seen: an option or device that is null could not. */
export interface SeenSocket {
  protocol: Protocol;
  family: Family;
  address: string;
  port: number;
  peer: { address: string; port: number } | null;
  state: State;
  substate: State | null;
  /** Of TIME_WAIT, counted from the look at it. */
  expiresAt: Nanos | null;
  inode: number | null;
  /** Null for TIME_WAIT, which has none; of any other socket, not known. */
  uid: number | null;
  group: { id: number; size: number } | null;
  reuseAddr: boolean | null;
  reusePort: boolean | null;
  ipv6Only: boolean | null;
  device: number | null;
}

/** With the name that reports call it by. */
export interface Owner extends SeenSocket {
  socket: string;
}

/** `s1, s2, ...` in the order in which they come. */
export const numbered = (sockets: readonly SeenSocket[]): Owner[] => sockets.map((seen, index) => ({ ...seen, socket: `s${index + 1}` }));

export interface JudgedOwner {
  owner: Owner;
  conflicts: Certainty;
  /** The rule by which it does, where that is the same whatever could not be seen. */
  rule: Rule | null;
  /** The binder shares with it thanks to SO_REUSEPORT: of UDP the kernel asks no owner behind such a one. */
  shares: Certainty;
  /** What leaves it open: an option was not seen, it may have its ports in another VRF, or the kernel may overlook it. */
  open: { unseen: boolean; apart: boolean; fault: KernelFault | null };
}

export interface Rules {
  /** The kernels that this may be: one where its types could be read. */
  kernels: readonly KernelTraits[];
  /** Faults that this kernel has or may have. */
  faults: readonly KernelFault[];
  /** There may be virtual routing domains (VRF): TCP then has a bucket for each. */
  vrfs: boolean;
  /** Sockets on the port's slot of UDP's table, null where that is not known. */
  slotSize: number | null;
}

/** Stands for any interface or user but those of the binder. */
const ANOTHER = -1;
const EITHER = [true, false];

/** Whether the kernel refuses the binder because of this owner, for certain or perhaps. */
export function judge(binder: Party, owner: Owner, { kernels, faults, vrfs, slotSize }: Rules): JudgedOwner {
  const parties = possibleParties(owner, binder);
  const rulesFor = (asking: Party) => parties.flatMap((party) => kernels.map((kernel) => conflict(asking, party, kernel)));
  const rules = rulesFor(binder);
  const alone = rulesFor({ ...binder, reusePort: false });
  const refused = certainty(rules.map((rule) => rule !== null));
  const apart = vrfs && owner.protocol !== "udp" && owner.device !== binder.device;
  const fault = faults.find(({ overlooks }) => overlooks?.(binder, owner, slotSize)) ?? null;
  const named = new Set(rules.filter((rule) => rule !== null));
  const [only = null] = named;
  return {
    owner,
    conflicts: refused === "yes" && (apart || fault !== null) ? "maybe" : refused,
    rule: named.size === 1 ? only : null,
    shares: certainty(rules.map((rule, index) => rule === null && alone[index] !== null)),
    open: { unseen: refused === "maybe", apart: refused !== "no" && apart, fault: refused === "no" ? null : fault },
  };
}

function certainty(facts: readonly boolean[]): Certainty {
  if (facts.every((fact) => fact)) return "yes";
  return facts.some((fact) => fact) ? "maybe" : "no";
}

/** Every socket that this owner may be, given what was seen of it. */
export function possibleParties(owner: Owner, binder: Party): Party[] {
  const { protocol, family, address, state } = owner;
  const known = { protocol, family, address, state, orphan: owner.inode === null && state !== "TIME_WAIT", inGroup: owner.group !== null };
  const seen = <T>(value: T | null, all: readonly T[]): readonly T[] => (value === null ? all : [value]);
  const uids = state === "TIME_WAIT" ? [null] : seen<number | null>(owner.uid, [binder.uid, ANOTHER]);
  return seen(owner.reuseAddr, EITHER).flatMap((reuseAddr) =>
    seen(owner.reusePort, EITHER).flatMap((reusePort) =>
      seen(owner.ipv6Only, EITHER).flatMap((ipv6Only) =>
        seen(owner.device, [0, binder.device, ANOTHER]).flatMap((device) =>
          uids.map((uid) => ({ ...known, reuseAddr, reusePort, ipv6Only, device, uid })),
        ),
      ),
    ),
  );
}
