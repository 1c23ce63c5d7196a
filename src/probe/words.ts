import { type Family, ipv4Text, ipv6Text } from "../core/address.ts";
import { type Protocol, type SocketFacts, type State, stateSchema } from "../core/event.ts";
import type { Word } from "./fields.ts";

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

/** Four bytes as they lie in memory. */
const bytesOf = (half: number): number[] => [half & 0xff, (half >>> 8) & 0xff, (half >>> 16) & 0xff, half >>> 24];

/** An IPv6 address in two words. */
const ipv6Of = (first: Word, second: Word) =>
  ipv6Text([...bytesOf(first.low), ...bytesOf(first.high), ...bytesOf(second.low), ...bytesOf(second.high)]);

/** Two bytes in network order, of a number that holds them as they lie in memory. */
const swapped = (half: number) => ((half & 0xff) << 8) | ((half >>> 8) & 0xff);

export const ZERO_WORD: Word = { low: 0, high: 0 };

/** Takes apart the words that the programs read from struct sock_common (layout.ts checks that they are adjacent). */
export function commonWords(addresses: Word, ports: Word, meta: Word, local0: Word, local1: Word, peer0: Word, peer1: Word) {
  const family: Family = (meta.low & 0xffff) === AF_INET6 ? "ipv6" : "ipv4";
  const peerPort = swapped(ports.high);
  const peer = peerPort === 0 ? null : family === "ipv6" ? ipv6Of(peer0, peer1) : ipv4Text(bytesOf(addresses.low));
  return {
    family,
    address: family === "ipv6" ? ipv6Of(local0, local1) : ipv4Text(bytesOf(addresses.high)),
    port: ports.high >>> 16,
    peer: peer === null ? null : { address: peer, port: peerPort },
    state: stateOf((meta.low >>> 16) & 0xff),
    ...optionWords(meta),
  };
}

/** What of it is options: the word that begins with the family. */
export function optionWords(meta: Word) {
  const bits = meta.low >>> 24;
  return { reuseAddr: (bits & 0xf) !== 0, reusePort: (bits & 0x10) !== 0, ipv6Only: (bits & 0x20) !== 0, device: meta.high };
}

/** The user's sockaddr_in or sockaddr_in6. AF_UNSPEC with 0.0.0.0 is taken as AF_INET by bind(2). */
export function sockaddr(head: Word, low: Word, high: Word, family: Family) {
  const given = head.low & 0xffff;
  const asked: Family = given === AF_INET6 ? "ipv6" : "ipv4";
  const address = asked === "ipv6" ? ipv6Of(low, high) : ipv4Text(bytesOf(head.high));
  return { family: given === 0 ? family : asked, address, port: swapped(head.low >>> 16) };
}
