import { type AddressKind, ANY4, addressKind } from "./address.ts";
import type { LocalAddress, Party } from "./party.ts";

/**
 * The kernel's bind rule for one owner and one binder, as a pure predicate: may they share a port?
 * Sources: `inet_csk_bind_conflict`, `inet_bind_conflict`, `inet_bhash2_addr_any_conflict`
 * (net/ipv4/inet_connection_sock.c), `udp_lib_lport_inuse` (net/ipv4/udp.c) and `ipv6_rcv_saddr_equal` of 5.10 to 7.3.
 * What turns a conflict into a success all the same, and so never explains a refusal, is in bucket.ts.
 */

/**
 * What the kernel is asked: a port that the caller names (`bind`), that port once more when the socket begins to listen
 * (`listen`: the same rule), or any free port (`autobind`: bind of port 0, listen without bind) and, with the sysctl
 * `ip_autobind_reuse`, the second round of that search (`autobind-reuse`).
 */
export type Ask = "bind" | "listen" | "autobind" | "autobind-reuse";

/** How kernels differ in this rule. */
export interface KernelTraits {
  /** TCP buckets are indexed by address as well (6.1). */
  bhash2: boolean;
  /** The uid of a socket that no process holds counts as 0 (`sock_i_uid`, up to 6.16). */
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
 * Both are taken to {@link meet}. Faults by which a kernel overlooks an owner are in faults.ts.
 */
export function conflict(binder: Party, owner: Party, kernel: KernelTraits, ask: Ask = "bind"): Rule | null {
  if (!compared(binder, owner, kernel)) return null;
  const shareAddr = binder.reuseAddr && owner.reuseAddr && owner.state !== "LISTEN"; // a UDP socket never listens
  const sharePort = binder.reusePort && owner.reusePort && !binder.inGroup && sameUser(binder, owner, kernel);
  if (binder.protocol !== "udp" && (ask === "autobind" || ask === "autobind-reuse")) {
    return ask === "autobind-reuse" && shareAddr && !sharePort ? null : "autobind-needs-exclusive";
  }
  return shareAddr || sharePort ? null : ruleOf(binder, owner);
}

/** Whether the options of the two matter at all: they overlap in device and address. */
function compared(binder: Party, owner: Party, kernel: KernelTraits): boolean {
  const devices = binder.device === 0 || owner.device === 0 || binder.device === owner.device;
  return devices && addressesOverlap(binder, owner, kernel);
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
  if (kernel.bhash2 && binder.protocol !== "udp" && binder.family === "ipv4" && binder.address !== ANY4) {
    if (addressKind(owner.family, owner.address).kind === "specific6") return false;
  }
  return addressesEqual(binder, owner, true);
}

/**
 * `ipv6_rcv_saddr_equal` and `ipv4_rcv_saddr_equal`: the first's wildcard always stands for every address, the second's only
 * where `eitherWildcard` says so.
 */
export function addressesEqual(first: LocalAddress, second: LocalAddress, eitherWildcard: boolean): boolean {
  const a = addressKind(first.family, first.address);
  const b = addressKind(second.family, second.address);
  if (a.kind === "v4" || (a.kind === "mapped" && isV4Like(b))) {
    return !second.ipv6Only && (a.v4 === b.v4 || a.v4 === ANY4 || (eitherWildcard && b.v4 === ANY4));
  }
  if (b.kind === "any6" && eitherWildcard) return !(second.ipv6Only && a.kind === "mapped");
  if (a.kind === "any6") return !(first.ipv6Only && isV4Like(b));
  return first.address === second.address;
}

const isV4Like = (address: AddressKind) => address.kind === "v4" || address.kind === "mapped";
