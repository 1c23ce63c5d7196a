import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answer, type BucketCache, type Certainty, isCrowded, matchesReusePort, passesUnasked } from "../../src/core/bucket.ts";
import { type Ask, addressesOverlap, conflict } from "../../src/core/conflict.ts";
import type { Party } from "../../src/core/party.ts";
import { anyKernel, binderParty, boundParty, kernel, ownerParty, party, udp } from "./parties.ts";

const cache = (changes: Partial<BucketCache> = {}): BucketCache => ({
  fastReuse: 0,
  fastReusePort: 0,
  fastUid: 1000,
  fastAddress: party("0.0.0.0"),
  ...changes,
});
const ALL_HAD_REUSEADDR = cache({ fastReuse: 1 });
const ANY = cache({ fastReusePort: 1 });
const STRICT = cache({ fastReusePort: 2 });

const plain = party("0.0.0.0");
const bound = (address: string, options = "", changes: Partial<Party> = {}) => party(address, options, { state: "BOUND", ...changes });
const said = (binder: Party, owners: readonly Party[], remembered: BucketCache | null = null, ask: Ask = "bind") =>
  answer(binder, { owners, cache: remembered }, kernel(), ask);

describe("the whole port", () => {
  it("is given where nobody has it, or none of the owners conflicts", () => {
    const given = { refused: false, blockers: [], spared: null };
    expect(said(plain, [])).toEqual(given);
    expect(said(plain, [], ANY)).toEqual(given);
    expect(said(party("127.0.0.1"), [party("127.0.0.2"), party("::1")])).toEqual(given);
    expect(said(party("127.0.0.1", "RA RP"), [bound("127.0.0.1", "RA RP")], { ...ANY, fastReuse: 1 })).toEqual(given);
  });

  it("is refused because of each owner that conflicts, by a rule each", () => {
    const [listener, child] = [plain, party("127.0.0.1", "RA", { state: "ESTABLISHED" })];
    expect(said(party("127.0.0.1", "RA"), [child, party("127.0.0.2"), listener])).toEqual({
      refused: true,
      blockers: [{ owner: listener, rule: "listening" }],
      spared: null,
    });
    expect(said(plain, [child, listener]).blockers.map(({ rule }) => rule)).toEqual(["binder-lacks-reuseaddr", "listening"]);
  });

  it("of TCP that remembers nothing is refused as soon as one owner conflicts, whatever the order", () => {
    fc.assert(
      fc.property(binderParty, fc.array(ownerParty, { maxLength: 4 }), anyKernel, (binder, owners, traits) => {
        const refused = owners.some((owner) => conflict(binder, owner, traits) !== null);
        const asked = (those: Party[]) => answer(binder, { owners: those, cache: null }, traits).refused;
        expect([asked(owners), asked(owners.toReversed())]).toEqual([refused, refused]);
      }),
    );
  });
});

describe("what a bucket of TCP remembers (inet_csk_get_port)", () => {
  /** Once bound with the option, which it has cleared since. */
  const cleared = bound("0.0.0.0");

  it.each<[string, Party, BucketCache, Ask, boolean]>([
    // what it says, binder, cache, question, whether it passes
    ["all had SO_REUSEADDR", party("0.0.0.0", "RA"), ALL_HAD_REUSEADDR, "bind", true],
    ["all had SO_REUSEADDR, which a listen does not go by", party("0.0.0.0", "RA"), ALL_HAD_REUSEADDR, "listen", false],
    ["all had SO_REUSEADDR, but the binder has not", plain, ALL_HAD_REUSEADDR, "bind", false],
    ["not all had it", party("0.0.0.0", "RA"), cache(), "bind", false],
    ["connect made it", party("0.0.0.0", "RA RP"), cache({ fastReuse: -1, fastReusePort: -1 }), "bind", false],
    ["all had SO_REUSEPORT", party("0.0.0.0", "RP"), ANY, "bind", true],
    ["all had SO_REUSEPORT, which a listen goes by", party("0.0.0.0", "RP"), ANY, "listen", true],
    ["one with SO_REUSEPORT met no conflict there", party("0.0.0.0", "RP"), STRICT, "bind", true],
    ["one with SO_REUSEPORT met no conflict there, nor shall a listen", party("0.0.0.0", "RP"), STRICT, "listen", true],
    ["it met none on an address that was not seen", party("0.0.0.0", "RP"), { ...STRICT, fastAddress: null }, "bind", false],
    ["all had both, and a search for any port does not ask", party("0.0.0.0", "RA RP"), { ...ANY, fastReuse: 1 }, "autobind", false],
    ["all had both, nor does its second round", party("0.0.0.0", "RA RP"), { ...ANY, fastReuse: 1 }, "autobind-reuse", false],
  ])("%s", (_, binder, remembered, ask, passes) => {
    const { refused, spared, blockers } = said(binder, [cleared], remembered, ask);
    expect({ refused, spared }).toEqual({ refused: !passes, spared: passes ? "cache" : null });
    expect(blockers.map(({ owner }) => owner)).toEqual([cleared]);
  });

  it.each<[string, Certainty, Party, Partial<BucketCache>]>([
    ["of this user", "yes", party("0.0.0.0", "RP"), {}],
    ["of another user", "no", party("0.0.0.0", "RP", { uid: 0 }), {}],
    ["of this user, to whom the binder is not open", "no", party("0.0.0.0", "RA"), {}],
    ["of this user, where the binder is in one already", "no", party("0.0.0.0", "RP", { inGroup: true }), {}],
    ["that is none", "no", party("0.0.0.0", "RP"), { fastReusePort: 0 }],
    ["of this user, on an address that was not seen", "maybe", party("0.0.0.0", "RP"), { fastAddress: null }],
    ["of this user, on any address", "yes", party("0.0.0.0", "RP"), { fastReusePort: 1, fastAddress: party("::1") }],
  ])("a group %s: %s", (_, expected, binder, changes) => {
    expect(matchesReusePort(binder, { ...STRICT, ...changes })).toBe(expected);
    for (const ask of ["bind", "listen"] as const) expect(passesUnasked(binder, { ...STRICT, ...changes }, ask)).toBe(expected);
  });

  // By sk_reuseport_match a wildcard stands for all addresses only where it is the remembered one.
  it.each<[string, string[], string[]]>([
    // remembered, addresses that match, addresses that do not
    ["0.0.0.0", ["0.0.0.0", "127.0.0.1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"], [":: v6only", "::1"]],
    ["127.0.0.1", ["127.0.0.1", "::ffff:127.0.0.1"], ["127.0.0.2", "0.0.0.0", "::", "::ffff:0.0.0.0", "::1"]],
    ["::", ["::", ":: v6only", "::1", "0.0.0.0", "127.0.0.1", "::ffff:127.0.0.1"], []],
    [":: v6only", ["::", ":: v6only", "::1"], ["0.0.0.0", "127.0.0.1", "::ffff:127.0.0.1"]],
    ["::1", ["::1"], ["::2", "::", "0.0.0.0"]],
    ["::ffff:127.0.0.1", ["::ffff:127.0.0.1", "127.0.0.1"], ["0.0.0.0", "::", "::ffff:127.0.0.2"]],
    ["::ffff:0.0.0.0", ["::ffff:0.0.0.0", "0.0.0.0", "127.0.0.1", "::ffff:127.0.0.1"], ["::", "::1"]],
  ])("a bind that met no conflict on %s vouches for some addresses", (remembered, matching, others) => {
    const at = (text: string) => party(text.replace(" v6only", ""), "RP", text.endsWith("v6only") ? { ipv6Only: true } : {});
    const vouched = (text: string) => matchesReusePort(at(text), { ...STRICT, fastAddress: at(remembered) }) === "yes";
    expect([...matching, ...others].filter(vouched)).toEqual(matching);
  });
});

describe("UDP, which asks one owner after the other (udp_lib_lport_inuse)", () => {
  const shares = udp("127.0.0.1", "RP");
  const refuses = udp("127.0.0.1");
  const excused = udp("127.0.0.1", "RA");
  const apart = udp("127.0.0.2");
  it.each<[string, string, Party[], boolean, boolean]>([
    // what is special, binder's options, owners, whether it is refused, whether the group spares it
    ["the first shares", "RP", [shares, refuses], false, true],
    ["the first that is not apart shares", "RP", [apart, shares, refuses], false, true],
    ["the first refuses", "RP", [refuses, shares], true, false],
    ["the first refuses, of several", "RP", [refuses, shares, refuses], true, false],
    ["the first is excused by SO_REUSEADDR, the second shares", "RA RP", [excused, shares, refuses], false, true],
    ["the first is excused by SO_REUSEADDR, the second refuses", "RA RP", [excused, refuses, shares], true, false],
    ["the first would share, but the binder has not the option", "", [shares, refuses], true, false],
    ["all share", "RP", [shares, shares], false, false],
  ])("%s", (_, options, owners, refused, spared) => {
    expect(said(udp("127.0.0.1", options), owners)).toMatchObject({ refused, spared: spared ? "group" : null });
  });

  it("names the owners that it did not ask", () => {
    expect(said(udp("127.0.0.1", "RP"), [shares, refuses]).blockers).toEqual([{ owner: refuses, rule: "owner-lacks-reuseport" }]);
  });

  it("searches for any port without a look at who came first", () => {
    expect(said(udp("127.0.0.1", "RP"), [shares, refuses], null, "autobind")).toMatchObject({ refused: true, spared: null });
    expect(said(udp("127.0.0.1", "RP"), [shares], null, "autobind").refused).toBe(false);
  });

  it("says what the kernel's loop says", () => {
    const asUdp = (each: Party): Party => ({ ...each, protocol: "udp", state: "BOUND" });
    const owners = fc.array(boundParty.map(asUdp), { maxLength: 5 });
    fc.assert(
      fc.property(binderParty.map(asUdp), owners, anyKernel, (binder, parties, traits) => {
        const met = parties.find(
          (owner) =>
            !(binder.reuseAddr && owner.reuseAddr) &&
            (binder.device === 0 || owner.device === 0 || binder.device === owner.device) &&
            addressesOverlap(binder, owner, traits),
        );
        const passes = !met || (binder.reusePort && met.reusePort && !binder.inGroup && binder.uid === met.uid);
        expect(answer(binder, { owners: parties, cache: null }, traits).refused).toBe(!passes);
      }),
    );
  });

  it.each([
    [10, false],
    [11, true],
    [null, true],
  ])("keeps that order on a slot of %s sockets, unless it is crowded: %s", (sockets, crowded) => {
    expect(isCrowded(sockets)).toBe(crowded);
  });
});
