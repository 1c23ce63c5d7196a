import { addressKind, isWildcard } from "./address.ts";
import { isCrowded } from "./bucket.ts";
import type { Party } from "./party.ts";
import { compareVersions, parseVersion, type Upstream, type Version } from "./version.ts";

/**
 * Known faults of kernels from 5.10 on that decide whether a port is given, as far as a user can notice them. Ranges
 * come from the announcements of stable kernels, from the CVE record (udp-wildcard-not-refused: CVE-2026-31503), and
 * from running Debian's 5.10.262, 6.1.192, 6.12.117 and 7.2.12.
 */

/** How it is known: net/ read in such a version, run on one, told in mail archives or a CVE record. */
export type Evidence = "source" | "run" | "mail";

/** From the first version that has it to the first that has not; a third member says that it is not certain in between. */
type Range = readonly [from: string, before: string, doubt?: "unsure"];

interface KnownFault {
  code: string;
  /** The commit that mended it, or that made it when none has. */
  commit: string;
  what: string;
  /** What to do about it that is easier than another kernel. */
  instead?: string;
  evidence: readonly Evidence[];
  ranges: readonly Range[];
  /** For a fault by which a bind passes that the rule refuses: whether it may concern this owner. `slotSize`: see `isCrowded`. */
  overlooks?(binder: Party, owner: Pick<Party, "family" | "address" | "state">, slotSize: number | null): boolean;
}

const kindOf = ({ family, address }: Pick<Party, "family" | "address">) => addressKind(family, address).kind;
const isAny = ({ family, address }: Pick<Party, "family" | "address">) => isWildcard(family, address);
const isTcp = ({ protocol }: Party) => protocol !== "udp";

/** A range that has no end yet. */
const OPEN = "9999.0";

const KERNEL_FAULTS: readonly KnownFault[] = [
  {
    code: "listen-succeeds-in-vain",
    commit: "fdaf88531cfd",
    what: "listen returns 0 where it should say EADDRINUSE, and the socket does not listen (a backport to stable kernels)",
    evidence: ["mail"],
    ranges: [
      ["5.10.163", "5.10.173"],
      ["5.15.88", "5.15.95"],
    ],
  },
  {
    code: "time-wait-not-seen",
    commit: "936a192f9740",
    what: "a TCP bind to one address does not see connections in TIME_WAIT, and succeeds where it should be refused",
    evidence: ["mail"],
    overlooks: (binder, owner) => owner.state === "TIME_WAIT" && !isAny(binder),
    ranges: [["6.1", "6.1.5"]],
  },
  {
    code: "dual-stack-wildcard-not-seen",
    commit: "d9ba99342855",
    what: "a TCP bind to a single IPv4 address succeeds though a dual-stack [::] socket has the port",
    evidence: ["mail"],
    overlooks: (binder, owner) => isTcp(binder) && kindOf(binder) !== kindOf(owner),
    ranges: [
      ["6.1", "6.1.21"],
      ["6.2", "6.2.8"],
    ],
  },
  {
    code: "mapped-address-not-seen",
    commit: "aa99e5f87bd5, c48ef9c4aed3",
    what: "TCP binds to IPv4 and to IPv4-mapped addresses (::ffff:a.b.c.d) of one port can miss each other, and both succeed",
    evidence: ["mail"],
    ranges: [
      ["6.1", "6.1.54"],
      ["6.2", "6.5.4"],
    ],
  },
  {
    code: "behind-ipv6-only-not-seen",
    commit: "d91ef1e1b55f, ea111449501e",
    what: "where an IPv6-only [::] socket has the port as well, a TCP bind to a single IPv4 address succeeds though 0.0.0.0 has it",
    evidence: ["mail"],
    overlooks: (binder, owner) =>
      isTcp(binder) && (kindOf(binder) === "v4" || kindOf(binder) === "mapped") && !isAny(binder) && isAny(owner),
    ranges: [
      ["6.1", "6.1.85"],
      ["6.2", "6.6.26"],
      ["6.7", "6.8.5"],
    ],
  },
  {
    code: "mapped-wildcard-not-seen",
    commit: "5e07e672412b, taken over in part",
    what: "a TCP bind to an IPv4-mapped address (::ffff:a.b.c.d) succeeds though a socket on ::ffff:0.0.0.0 has the port",
    instead: "bind to 0.0.0.0 or [::] instead of ::ffff:0.0.0.0",
    evidence: ["source", "run"],
    // So it does with 0.0.0.0 where a socket on ::ffff:0.0.0.0 was there first, and not where it came later (inet_bind2_bucket.family).
    overlooks: (binder, owner) =>
      isTcp(binder) && kindOf(binder) === "mapped" && !isAny(binder) && isAny(owner) && kindOf(owner) !== "any6",
    ranges: [
      ["6.1.168", "6.1.193"],
      ["6.1.193", "6.2", "unsure"],
      ["6.6.131", "6.7", "unsure"],
    ],
  },
  {
    code: "udp-wildcard-not-refused",
    commit: "e537dd15d0d4",
    what: "a UDP bind to all addresses succeeds though sockets on single addresses have the port, once there are more than ten on its hash slot",
    evidence: ["source", "run", "mail"],
    overlooks: (binder, owner, slotSize) => !isTcp(binder) && isAny(binder) && !isAny(owner) && isCrowded(slotSize),
    ranges: [
      ["2.6.33", "5.10.263"],
      ["5.10.263", "5.11", "unsure"],
      ["5.11", "5.15"],
      ["5.15", "5.16", "unsure"],
      ["5.16", "6.1.168"],
      ["6.2", "6.6.131"],
      ["6.7", "6.12.80"],
      ["6.13", "6.18.21"],
      ["6.19", "6.19.11"],
    ],
  },
  {
    code: "orphans-count-as-root",
    commit: "c51da3f7a161",
    what: "for SO_REUSEPORT, a socket that no process holds, or a connection not yet accepted, counts as root's: others cannot share its port",
    instead: "let both sockets have SO_REUSEADDR too, or use a kernel from 6.17 on",
    evidence: ["source", "run"],
    ranges: [
      ["2.6", "6.16"],
      ["6.16", "6.17", "unsure"],
    ],
  },
  {
    code: "connect-leaves-ports-out",
    commit: "d57f4b874946",
    what: "connect can say EADDRNOTAVAIL while ports are free: one that was bound explicitly stays out of its choice as long as a connection has it",
    evidence: ["run", "mail"],
    ranges: [
      ["2.6", "5.10.263"],
      ["5.10.263", "5.11", "unsure"],
      ["5.11", "5.15"],
      ["5.15", "5.16", "unsure"],
      ["5.16", "6.1.193"],
      ["6.1.193", "6.2", "unsure"],
      ["6.2", "6.6"],
      ["6.6", "6.7", "unsure"],
      ["6.7", "6.12.118"],
      ["6.12.118", "6.13", "unsure"],
      ["6.13", "6.17.8"],
    ],
  },
  {
    code: "fast-path-dead",
    commit: "8002d44fe84d",
    what: "a TCP bind to a port in use looks at all of its sockets (slower), and an owner that cleared SO_REUSEADDR after its bind no longer shares",
    instead: "nothing to do, the answer is right",
    evidence: ["source", "run"],
    ranges: [
      ["6.8", "7.3.5"],
      ["7.3.5", OPEN, "unsure"],
    ],
  },
];

/** A fault that a kernel has, or may have. */
export interface KernelFault {
  code: string;
  commit: string;
  what: string;
  instead: string | null;
  evidence: readonly Evidence[];
  /** The next version without it, null where none is known. */
  fixedIn: string | null;
  certain: boolean;
  overlooks?: KnownFault["overlooks"];
}

/** Which of the known faults a kernel has. `orphanUidIsZero`: what its BTF says of that fault, null when unread. */
export function kernelFaults(kernel: Upstream, orphanUidIsZero: boolean | null): KernelFault[] {
  return KERNEL_FAULTS.flatMap(({ ranges, instead, ...fault }) => {
    const range = ranges.find((candidate) => contains(candidate, kernel));
    if (!range || (fault.code === "orphans-count-as-root" && orphanUidIsZero === false)) return [];
    const told = fault.code === "orphans-count-as-root" && orphanUidIsZero === true;
    const certain = told || (kernel.exact && range[2] === undefined);
    return [{ ...fault, instead: instead ?? null, fixedIn: nextWithout(range, ranges), certain }];
  });
}

/** The faults that a kernel of this version is certain to have; none are where the version is not known. */
export function certainFaults(release: string | undefined): KernelFault[] {
  const version = parseVersion(release ?? "");
  return version ? kernelFaults({ version, exact: true }, null).filter(({ certain }) => certain) : [];
}

/** Where a range and those that follow it without a gap end. */
function nextWithout([, before]: Range, ranges: readonly Range[]): string | null {
  const next = ranges.find(([from]) => from === before);
  if (next) return nextWithout(next, ranges);
  return before === OPEN ? null : before;
}

/** Whether a range touches this kernel: where only its series is known, any version of the series. */
function contains([from, before]: Range, { version, exact }: Upstream): boolean {
  const [low, high] = [from, before].map((text) => parseVersion(text) ?? version) as [Version, Version];
  const latest: Version = exact ? version : [version[0], version[1], Number.MAX_SAFE_INTEGER];
  return compareVersions(latest, low) >= 0 && compareVersions(version, high) < 0;
}
