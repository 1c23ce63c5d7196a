/** IP addresses as the kernel compares them when it binds, and their one canonical text. */

export type Family = "ipv4" | "ipv6";

/**
 * What an address is to the bind rules: a wildcard or not, and which IPv4 address it stands for.
 * `v4` is what the kernel keeps in `sk_rcv_saddr`: for a plain IPv6 address that is 127.0.0.6
 * (`LOOPBACK4_IPV6`, include/net/ipv6.h), for an IPv4-mapped one the IPv4 address.
 */
export interface AddressKind {
  kind: "v4" | "mapped" | "any6" | "specific6";
  v4: string;
}

export const ANY4 = "0.0.0.0";
export const ANY6 = "::";

/** Sorts a canonical address of {@link ipv4Text} or {@link ipv6Text} into its kind. */
export function addressKind(family: Family, address: string): AddressKind {
  if (family === "ipv4") return { kind: "v4", v4: address };
  if (address === ANY6) return { kind: "any6", v4: ANY4 };
  if (address.startsWith("::ffff:") && address.includes(".")) return { kind: "mapped", v4: address.slice(7) };
  return { kind: "specific6", v4: "127.0.0.6" };
}

export function isWildcard(family: Family, address: string): boolean {
  return addressKind(family, address).v4 === ANY4;
}

/** Dotted text of four bytes in network order. */
export function ipv4Text(bytes: readonly number[]): string {
  return bytes.slice(0, 4).join(".");
}

/** Canonical text (RFC 5952) of sixteen bytes in network order. */
export function ipv6Text(bytes: readonly number[]): string {
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return `::ffff:${ipv4Text(bytes.slice(12))}`;
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  const { start, length } = longestZeroRun(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (const start of groups.keys()) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
