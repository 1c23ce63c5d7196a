import { type Ask, addressesEqual, conflict, type KernelTraits, type Rule } from "./conflict.ts";
import type { LocalAddress, Party } from "./party.ts";

/**
 * The kernel's bind rule for a whole port: what it answers a binder, given all owners and what the bucket remembers of
 * earlier binds. Sources: `inet_csk_get_port`, `sk_reuseport_match` (net/ipv4/inet_connection_sock.c) and
 * `udp_lib_get_port` (net/ipv4/udp.c) of 5.10 to 7.3.
 */

/** What a bind bucket of TCP remembers, by which a bind passes without a look at the owners. */
export interface BucketCache {
  /** Above 0: every owner had SO_REUSEADDR when it was bound, and none listened. From 6.8 on never above 0. */
  fastReuse: number;
  /** 1 (ANY): every owner had SO_REUSEPORT. 2 (STRICT): a bind with SO_REUSEPORT and {@link fastAddress} met no conflict. Else 0 or less. */
  fastReusePort: number;
  /** User and address of the bind that set {@link fastReusePort}; the walk does not tell the address. */
  fastUid: number;
  fastAddress: LocalAddress | null;
}

export interface Bucket {
  /** Of UDP in the order in which the kernel comes to them, which holds for a slot that is not {@link isCrowded}. */
  owners: readonly Party[];
  /** Null for UDP, and for a port that nobody owns. */
  cache: BucketCache | null;
}

export interface Answer {
  refused: boolean;
  /** The owners that conflict, and by which rule each: of a bind that passes, those that the kernel did not ask. */
  blockers: { owner: Party; rule: Rule }[];
  /** Why the bind passes in spite of these: the bucket's memory, or that UDP's search ends at an owner whose group it may join. */
  spared: "cache" | "group" | null;
}

/** What the kernel says to this binder. For port 0: whether this port, with these owners, can be the one that is chosen. */
export function answer(binder: Party, { owners, cache }: Bucket, kernel: KernelTraits, ask: Ask = "bind"): Answer {
  const blockers = owners.flatMap((owner) => {
    const rule = conflict(binder, owner, kernel, ask);
    return rule ? [{ owner, rule }] : [];
  });
  const spared = blockers.length === 0 ? null : sparedBy(binder, owners, cache, kernel, ask);
  return { refused: blockers.length > 0 && spared === null, blockers, spared };
}

function sparedBy(binder: Party, owners: readonly Party[], cache: BucketCache | null, kernel: KernelTraits, ask: Ask): Answer["spared"] {
  if (ask === "autobind" || ask === "autobind-reuse") return null;
  if (binder.protocol === "udp") return decisiveSpares(binder, owners, kernel) ? "group" : null;
  return cache !== null && passesUnasked(binder, cache, ask) === "yes" ? "cache" : null;
}

/** `udp_lib_lport_inuse`: the first owner that SO_REUSEADDR does not excuse decides. */
function decisiveSpares(binder: Party, owners: readonly Party[], kernel: KernelTraits): boolean {
  const firstAgainst = (asking: Party) => owners.find((owner) => conflict(asking, owner, kernel) !== null);
  return firstAgainst({ ...binder, reusePort: false }) !== firstAgainst(binder);
}

export const CERTAINTIES = ["yes", "no", "maybe"] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** `inet_csk_get_port` and `sk_reuseport_match`: whether the bucket's memory lets a bind, or listen, pass. */
export function passesUnasked(binder: Party, cache: BucketCache, ask: Ask): Certainty {
  return cache.fastReuse > 0 && binder.reuseAddr && ask !== "listen" ? "yes" : matchesReusePort(binder, cache);
}

/** `sk_reuseport_match`. The kernel asks `sk_reuseport_cb` alone here, so a group with a closed listener does not match either. */
export function matchesReusePort(binder: Party, { fastReusePort, fastUid, fastAddress }: BucketCache): Certainty {
  if (fastReusePort <= 0 || !binder.reusePort || binder.inGroup || binder.uid !== fastUid) return "no";
  if (fastReusePort === 1) return "yes";
  return fastAddress === null ? "maybe" : addressesEqual(fastAddress, binder, false) ? "yes" : "no";
}

/** Sockets on a slot of UDP's table from which on the kernel looks by address (`udp_lib_get_port`). Null: not known. */
export const isCrowded = (slotSize: number | null) => slotSize === null || slotSize > 10;
