import { type AddressKind, ANY4, ANY6, addressKind, type Family } from "./address.ts";
import type { Protocol, State } from "./event.ts";

/**
 * The kernel's bind rule as a pure predicate: may this owner and this binder share a port?
 * Sources: `inet_csk_bind_conflict`, `inet_bind_conflict`, `inet_bhash2_addr_any_conflict`
 * (net/ipv4/inet_connection_sock.c), `udp_lib_lport_inuse` (net/ipv4/udp.c) and `ipv6_rcv_saddr_equal` of 5.10 to 7.3.
 * What only ever turns a conflict into a success is left out: the caches of TCP's bind bucket (`fastreuse`,
 * `fastreuseport`), and that UDP's search ends, without asking the owners behind it, at the first whose group the binder may join.
 */

/** One side of the question. Option values are the current ones: the kernel asks at the moment of the bind. */
export interface Party {
  protocol: Protocol;
  family: Family;
  address: string;
  ipv6Only: boolean;
  /** Interface index, 0 for none. */
  device: number;
  reuseAddr: boolean;
  reusePort: boolean;
  /** Owner of the socket's inode, null where the kernel keeps none (TIME_WAIT). */
  uid: number | null;
  state: State;
  /** No process holds the socket any more. */
  orphan: boolean;
  /** The socket is in a reuseport group already (`sk_reuseport_cb`). */
  inGroup: boolean;
}

/** How kernels differ in this rule. */
export interface KernelTraits {
  bhash2: boolean;
  orphanUidIsZero: boolean;
}

export const RULES = [
  "listening",
  "reuseaddr-but-listening",
  "bound",
  "binder-lacks-reuseaddr",
  "owner-lacks-reuseaddr",
  "time-wait-binder-lacks-reuseaddr",
  "time-wait-owner-lacked-reuseaddr",
  "binder-lacks-reuseport",
  "owner-lacks-reuseport",
  "reuseport-other-user",
  "binder-already-in-group",
  "autobind-needs-exclusive",
  "ports-exhausted",
  "no-owner-found",
  "not-a-conflict",
] as const;
export type Rule = (typeof RULES)[number];

/**
 * Whether the kernel refuses the binder because of this owner, and by which rule; null when they can share.
 * Both are taken to have the same network namespace and port, and to be of TCP (MPTCP counts as TCP) in the same VRF, or of UDP.
 */
export function conflict(binder: Party, owner: Party, kernel: KernelTraits): Rule | null {
  if (binder.device !== 0 && owner.device !== 0 && binder.device !== owner.device) return null;
  if (!addressesOverlap(binder, owner, kernel)) return null;
  if (binder.reuseAddr && owner.reuseAddr && owner.state !== "LISTEN") return null; // a UDP socket never listens
  if (binder.reusePort && owner.reusePort && !binder.inGroup && sameUser(binder, owner, kernel)) return null;
  return ruleOf(binder, owner);
}

/** TIME_WAIT keeps no uid and is not asked for one; up to 6.16 `sock_i_uid` says 0 for an orphan. */
function sameUser(binder: Party, owner: Party, kernel: KernelTraits): boolean {
  if (owner.state === "TIME_WAIT") return true;
  return binder.uid === (owner.orphan && kernel.orphanUidIsZero ? 0 : owner.uid);
}

/** Why an owner that conflicts does: the first that fits. */
export function ruleOf(binder: Party, owner: Party): Rule {
  if (binder.reusePort && owner.reusePort) return binder.inGroup ? "binder-already-in-group" : "reuseport-other-user";
  if (binder.reusePort) return "owner-lacks-reuseport";
  if (owner.reusePort) return "binder-lacks-reuseport";
  if (binder.reuseAddr && owner.reuseAddr) return "reuseaddr-but-listening";
  if (owner.state === "TIME_WAIT") {
    return binder.reuseAddr ? "time-wait-owner-lacked-reuseaddr" : "time-wait-binder-lacks-reuseaddr";
  }
  if (owner.state !== "LISTEN" && binder.reuseAddr) return "owner-lacks-reuseaddr";
  if (owner.state !== "LISTEN" && owner.reuseAddr) return "binder-lacks-reuseaddr";
  return owner.state === "LISTEN" ? "listening" : "bound";
}

/**
 * `inet_rcv_saddr_equal(binder, owner, true)`, and for TCP on kernels with bhash2 its index by address, which
 * hides owners with a plain IPv6 address from an IPv4 binder with a specific address.
 */
export function addressesOverlap(binder: Party, owner: Party, kernel: KernelTraits): boolean {
  const b = addressKind(binder.family, binder.address);
  const o = addressKind(owner.family, owner.address);
  if (kernel.bhash2 && binder.protocol !== "udp" && b.kind === "v4" && b.v4 !== ANY4 && o.kind === "specific6") return false;
  if (b.kind === "v4") return !owner.ipv6Only && sameOrAny(b, o);
  if (b.kind === "mapped" && isV4Like(o)) return !owner.ipv6Only && sameOrAny(b, o);
  if (o.kind === "any6") return b.kind === "any6" || !(owner.ipv6Only && b.kind === "mapped");
  if (b.kind === "any6") return !(binder.ipv6Only && isV4Like(o));
  return o.kind !== "v4" && binder.address === owner.address;
}

const isV4Like = (address: AddressKind) => address.kind === "v4" || address.kind === "mapped";
const sameOrAny = (b: AddressKind, o: AddressKind) => b.v4 === o.v4 || b.v4 === ANY4 || o.v4 === ANY4;

/** The address as the kernel files it: binding a plain IPv6 address makes the socket IPv6-only (`__inet6_bind`). */
export function bindsIpv6Only(family: Family, address: string, option: boolean): boolean {
  return option || (family === "ipv6" && address !== ANY6 && addressKind(family, address).kind === "specific6");
}
