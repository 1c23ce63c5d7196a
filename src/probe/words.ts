import { type Family, ipv4Text, ipv6Text } from "../core/address.ts";
import { type Protocol, type SocketFacts, type State, stateSchema } from "../core/event.ts";

/** Takes apart the words that the programs in bpf/ read from kernel structs as they lie in memory. */

const AF_INET6 = 10;
const PROTOCOLS: Readonly<Record<number, Protocol>> = { 6: "tcp", 17: "udp", 262: "mptcp" };
/** bpftrace prints 32-bit numbers with %d as signed. */
export const unsigned = (value: number) => value >>> 0;

/** A 64-bit number that JSON can hold; throws when it cannot. */
export function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error(`${value} is too large`);
  return number;
}

export const orNull = (value: number) => (value === 0 ? null : value);

/** A state by its number (include/net/tcp_states.h), in whose order the contract lists them from 1. */
export function stateOf(number: number): State {
  return stateSchema.options[number - 1] ?? "CLOSE";
}

export function protocolOf(number: number): Protocol {
  const protocol = PROTOCOLS[number];
  if (!protocol) throw new Error(`unknown protocol ${number}`);
  return protocol;
}

export function groupOf(pointer: bigint, id: number, size: number, program: bigint): SocketFacts["group"] {
  return pointer === 0n ? null : { id, size, program: program !== 0n };
}

/** Eight bytes as they lie in memory. */
function bytesOf(word: bigint): number[] {
  return Array.from({ length: 8 }, (_, index) => Number((word >> BigInt(8 * index)) & 0xffn));
}

/** Takes apart the words that the programs read from struct sock_common (layout.ts checks that they are adjacent). */
export function commonWords(addresses: bigint, ports: bigint, meta: bigint, local0: bigint, local1: bigint, peer0: bigint, peer1: bigint) {
  const address = bytesOf(addresses);
  const port = bytesOf(ports);
  const bits = Number((meta >> 24n) & 0xffn);
  const family: Family = Number(meta & 0xffffn) === AF_INET6 ? "ipv6" : "ipv4";
  const peerPort = ((port[4] ?? 0) << 8) | (port[5] ?? 0);
  const peer = family === "ipv6" ? ipv6Text([...bytesOf(peer0), ...bytesOf(peer1)]) : ipv4Text(address);
  return {
    family,
    address: family === "ipv6" ? ipv6Text([...bytesOf(local0), ...bytesOf(local1)]) : ipv4Text(address.slice(4)),
    port: (port[6] ?? 0) | ((port[7] ?? 0) << 8),
    peer: peerPort === 0 ? null : { address: peer, port: peerPort },
    state: stateOf(Number((meta >> 16n) & 0xffn)),
    reuseAddr: (bits & 0xf) !== 0,
    reusePort: (bits & 0x10) !== 0,
    ipv6Only: (bits & 0x20) !== 0,
    device: Number((meta >> 32n) & 0xffffffffn),
  };
}

/** The user's sockaddr_in or sockaddr_in6. AF_UNSPEC with 0.0.0.0 is taken as AF_INET by bind(2). */
export function sockaddr(head: bigint, low: bigint, high: bigint, family: Family) {
  const bytes = bytesOf(head);
  const asked: Family = Number(head & 0xffffn) === AF_INET6 ? "ipv6" : "ipv4";
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const address = asked === "ipv6" ? ipv6Text([...bytesOf(low), ...bytesOf(high)]) : ipv4Text(bytes.slice(4));
  return { family: Number(head & 0xffffn) === 0 ? family : asked, address, port };
}
