import fc from "fast-check";
import type { KernelTraits } from "../../src/core/conflict.ts";
import type { State } from "../../src/core/event.ts";
import { bindsIpv6Only, type Party } from "../../src/core/party.ts";

/** Either side of a bind, for the tests of the rule and of the advice. */

export const kernel = (traits: Partial<KernelTraits> = {}): KernelTraits => ({
  bhash2: true,
  orphanUidIsZero: false,
  ...traits,
});

/** `options`: SO_REUSEADDR as RA, SO_REUSEPORT as RP, in any order. */
export function party(address: string, options = "", overrides: Partial<Party> = {}): Party {
  const family = address.includes(":") ? "ipv6" : "ipv4";
  return {
    protocol: "tcp",
    family,
    address,
    ipv6Only: bindsIpv6Only(family, address, false),
    device: 0,
    reuseAddr: options.includes("RA"),
    reusePort: options.includes("RP"),
    uid: 1000,
    state: "LISTEN",
    orphan: false,
    inGroup: false,
    ...overrides,
  };
}

/** The same of UDP, which never listens. */
export const udp = (address: string, options = "", overrides: Partial<Party> = {}): Party =>
  party(address, options, { protocol: "udp", state: "BOUND", ...overrides });

export const CONNECTED: readonly State[] = [
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "CLOSE_WAIT",
  "LAST_ACK",
  "CLOSING",
];
const ADDRESSES = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.6", "::", "::1", "::2", "::ffff:127.0.0.1", "::ffff:0.0.0.0"];

export const anyKernel: fc.Arbitrary<KernelTraits> = fc.record({
  bhash2: fc.boolean(),
  orphanUidIsZero: fc.boolean(),
});

/** A socket that came by its address through bind. */
export const boundParty: fc.Arbitrary<Party> = fc
  .record({
    address: fc.constantFrom(...ADDRESSES),
    v6only: fc.boolean(),
    device: fc.constantFrom(0, 0, 2, 3),
    reuseAddr: fc.boolean(),
    reusePort: fc.boolean(),
    uid: fc.constantFrom(0, 1000, 1001),
    state: fc.constantFrom<State>("LISTEN", "BOUND"),
  })
  .map(({ address, v6only, ...rest }) => {
    const base = party(address);
    const ipv6Only = base.family === "ipv6" && (base.ipv6Only || (v6only && address === "::"));
    return { ...base, ...rest, ipv6Only };
  });

/** What can stand in a bucket: bound, listening, connected with and without a process, TIME_WAIT. */
export const ownerParty: fc.Arbitrary<Party> = fc.oneof(
  boundParty,
  fc
    .tuple(boundParty, fc.constantFrom(...CONNECTED), fc.boolean(), fc.boolean())
    .map(([base, state, orphan, ipv6Only]) => ({ ...base, state, orphan, ipv6Only: base.ipv6Only && ipv6Only })),
  fc.tuple(boundParty, fc.boolean()).map(([base, ipv6Only]): Party => {
    return { ...base, state: "TIME_WAIT", uid: null, ipv6Only: base.ipv6Only && ipv6Only };
  }),
);

export const binderParty: fc.Arbitrary<Party> = fc
  .tuple(boundParty, fc.boolean())
  .map(([base, inGroup]) => ({ ...base, state: "BOUND", inGroup: inGroup && base.reusePort }));
