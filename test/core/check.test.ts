import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Asked, check, type SeenBucket } from "../../src/core/check.ts";
import { conflict, type KernelTraits } from "../../src/core/conflict.ts";
import { certainFaults, type KernelFault } from "../../src/core/faults.ts";
import { judge, numbered, possibleParties, type SeenSocket } from "../../src/core/owner.ts";
import type { Party } from "../../src/core/party.ts";
import { anyKernel, binderParty, kernel, ownerParty, party, udp } from "./parties.ts";

/** The owner as a walk shows it, or with what `hidden` names left out. */
function seen(of: Party, hidden: Partial<SeenSocket> = {}): SeenSocket {
  const { protocol, family, address, state, uid, reuseAddr, reusePort, ipv6Only, device } = of;
  const peer = state === "LISTEN" || state === "BOUND" ? null : { address: "192.0.2.9", port: 40_000 };
  const inode = of.orphan || state === "TIME_WAIT" ? null : 100;
  const group = of.inGroup ? { id: 1, size: 1 } : null;
  const rest = { port: 8080, peer, substate: null, expiresAt: null, inode, group };
  return { protocol, family, address, state, uid, reuseAddr, reusePort, ipv6Only, device, ...rest, ...hidden };
}

/** What /proc shows of it. */
const asInProc = (of: Party) => seen(of, { reuseAddr: null, reusePort: null, device: null, ipv6Only: of.family === "ipv4" ? false : null });

const bucket = (changes: Partial<SeenBucket> = {}): SeenBucket => ({
  complete: true,
  fastReuse: 0,
  fastReusePort: 0,
  fastUid: 0,
  fastAddress: null,
  ...changes,
});

const asked = (binder: Party, owners: readonly SeenSocket[], changes: Partial<Asked> = {}): Asked => ({
  binder,
  owners: numbered(owners),
  kernels: [kernel()],
  faults: [],
  vrfs: false,
  slotSize: 1,
  bucket: bucket(),
  obstacles: [],
  ...changes,
});

const answer = (...args: Parameters<typeof asked>) => check(asked(...args)).answer;
const reasons = (...args: Parameters<typeof asked>) => check(asked(...args)).reasons;
const NEITHER_LISTENS_NOR_CONNECTED = "a socket that is bound but neither listens nor is connected would not show";
const plain = party("0.0.0.0");
const bound = (address: string, options = "", changes: Partial<Party> = {}) => party(address, options, { state: "BOUND", ...changes });

describe("with all owners seen", () => {
  it("passes where nobody has the port", () => {
    expect(check(asked(plain, []))).toMatchObject({ answer: "passes", errno: null, rule: null, reasons: [], advice: [] });
  });

  it("is refused by the worst owner, and says what would help", () => {
    const old = party("0.0.0.0", "RA");
    const child = party("127.0.0.1", "", { state: "ESTABLISHED" });
    const verdict = check(asked(plain, [seen(child), seen(old), seen(party("::", "", { ipv6Only: true }))]));
    expect(verdict).toMatchObject({ answer: "refused", errno: "EADDRINUSE", rule: "listening", reasons: [] });
    expect(verdict.blockers.map(({ owner, rule }) => [owner.socket, rule])).toEqual([
      ["s2", "listening"],
      ["s1", "bound"],
    ]);
    expect(verdict.owners.map(({ conflicts }) => conflicts)).toEqual(["yes", "yes", "no"]);
    expect(verdict.advice.filter(({ wouldBind }) => wouldBind).map(({ code }) => code)).toEqual(["reuseport-on-both"]);
  });

  it("advises on those that are in the way, not on the others", () => {
    const waiting = party("127.0.0.2", "", { state: "TIME_WAIT", uid: null });
    const codes = (owners: Party[]) =>
      check(
        asked(
          party("127.0.0.1"),
          owners.map((owner) => seen(owner)),
        ),
      ).advice.map(({ code }) => code);
    expect(codes([party("127.0.0.1"), waiting])).not.toContain("wait-for-time-wait");
    expect(codes([party("127.0.0.1"), { ...waiting, address: "127.0.0.1" }])).toContain("wait-for-time-wait");
  });

  it.each(["tcp", "mptcp"] as const)("of %s says what the rule says of each", (protocol) => {
    fc.assert(
      fc.property(binderParty, fc.array(ownerParty, { maxLength: 4 }), anyKernel, (binder, parties, traits) => {
        const ask = asked(
          { ...binder, protocol },
          parties.map((each) => seen({ ...each, protocol })),
          { kernels: [traits] },
        );
        const refused = parties.some((owner) => conflict(ask.binder, { ...owner, protocol, inGroup: false }, traits) !== null);
        expect(check(ask).answer).toBe(refused ? "refused" : "passes");
      }),
    );
  });

  it("one owner more never lets a TCP bind pass", () => {
    fc.assert(
      fc.property(binderParty, fc.array(ownerParty, { maxLength: 3 }), ownerParty, anyKernel, (binder, parties, another, traits) => {
        const of = (owners: Party[]) =>
          answer(
            binder,
            owners.map((owner) => seen(owner)),
            { kernels: [traits] },
          );
        if (of(parties) === "refused") expect(of([another, ...parties])).toBe("refused");
      }),
    );
  });
});

describe("with owners that were not seen", () => {
  it("a cut list passes nothing, but one blocker is enough", () => {
    const cut = { bucket: bucket({ complete: false }) };
    expect(check(asked(plain, [], cut))).toMatchObject({ answer: "unknown", errno: null, rule: null });
    expect(reasons(plain, [], cut)).toEqual(["not every owner of the port could be looked at"]);
    expect(check(asked(plain, [seen(plain)], cut))).toMatchObject({ answer: "refused", advice: [] });
  });

  it.each<[string, Party, Party, string, string | null]>([
    ["a listener refuses whoever has no option", plain, plain, "refused", null],
    ["a listener on another address does not", party("127.0.0.1"), party("127.0.0.2"), "unknown", null],
    ["a listener refuses SO_REUSEADDR, by whichever rule", party("0.0.0.0", "RA"), plain, "refused", null],
    [
      "TIME_WAIT may share with SO_REUSEADDR",
      party("0.0.0.0", "RA"),
      party("0.0.0.0", "", { state: "TIME_WAIT", uid: null }),
      "unknown",
      null,
    ],
    ["a group may let SO_REUSEPORT in", party("0.0.0.0", "RP"), plain, "unknown", null],
    [
      "the kernel's note may let SO_REUSEPORT in past another user",
      party("0.0.0.0", "RP"),
      party("0.0.0.0", "", { uid: 0 }),
      "unknown",
      null,
    ],
    ["a listener on [::] may be IPv6-only", plain, party("::"), "unknown", null],
    ["a device of its own may keep it apart", party("0.0.0.0", "", { device: 1 }), plain, "unknown", null],
    ["a UDP socket refuses whoever has no option", udp("0.0.0.0"), udp("127.0.0.1"), "refused", null],
    ["a UDP socket on another address lets pass: /proc shows all", udp("127.0.0.1"), udp("127.0.0.2"), "passes", null],
  ])("/proc: %s", (_, binder, owner, expected, rule) => {
    expect(check(asked(binder, [asInProc(owner)], { bucket: null, slotSize: null }))).toMatchObject({ answer: expected, rule, advice: [] });
  });

  it("/proc: TCP never passes, even where nobody has the port", () => {
    expect(check(asked(plain, [], { bucket: null }))).toMatchObject({ answer: "unknown", rule: null });
    expect(reasons(plain, [], { bucket: null })).toEqual([NEITHER_LISTENS_NOR_CONNECTED]);
    expect(answer(udp("0.0.0.0"), [], { bucket: null })).toBe("passes");
  });

  it("/proc: says what is not known of TCP, and of whom", () => {
    const joins = "whether it may join a SO_REUSEPORT group shows in the kernel's own list only";
    const options = "the options of s1 could not be seen";
    const of = (binder: Party, owner: Party) => reasons(binder, [asInProc(owner)], { bucket: null });
    expect(of(party("0.0.0.0", "RP"), plain)).toEqual([options, NEITHER_LISTENS_NOR_CONNECTED]);
    expect(of(party("0.0.0.0", "RP"), party("0.0.0.0", "", { uid: 0 }))).toEqual([joins, NEITHER_LISTENS_NOR_CONNECTED]);
    expect(of(party("127.0.0.1", "RP"), party("127.0.0.2"))).toEqual([NEITHER_LISTENS_NOR_CONNECTED]);
    expect(of(plain, party("127.0.0.1"))).toEqual([]);
  });

  it("names at most four sockets", () => {
    const hidden = (count: number) => Array.from({ length: count }, () => seen(bound("0.0.0.0"), { reuseAddr: null }));
    expect(reasons(party("0.0.0.0", "RA"), hidden(4))).toEqual(["the options of s1, s2, s3, s4 could not be seen"]);
    expect(reasons(party("0.0.0.0", "RA"), hidden(6))).toEqual(["the options of s1, s2, s3, s4 and 2 more could not be seen"]);
  });

  const kernels: KernelTraits[] = [true, false].flatMap((bhash2) => [true, false].map((orphanUidIsZero) => ({ bhash2, orphanUidIsZero })));
  const hidden = fc.record({
    reuseAddr: fc.boolean(),
    reusePort: fc.boolean(),
    ipv6Only: fc.boolean(),
    device: fc.boolean(),
    uid: fc.boolean(),
  });
  const hide = (owner: SeenSocket, what: Record<string, boolean>): SeenSocket => ({
    ...owner,
    ...Object.fromEntries(Object.entries(what).flatMap(([name, gone]) => (gone ? [[name, null]] : []))),
  });

  it.each(["tcp", "udp"] as const)("what is hidden of %s can make the answer unknown, and nothing else", (protocol) => {
    const owners = fc.array(fc.tuple(ownerParty, hidden), { maxLength: 3 });
    fc.assert(
      fc.property(binderParty, owners, fc.constantFrom(...kernels), fc.boolean(), (binder, drawn, traits, known) => {
        const as = (each: Party): Party => ({
          ...each,
          protocol,
          ...(protocol === "udp" && { state: "BOUND", uid: each.uid ?? 0, orphan: false }),
        });
        const full = drawn.map(([owner]) => seen(as(owner)));
        const truth = answer(as(binder), full, { kernels: [traits] });
        const partly = drawn.map(([, what], index) => hide(full[index] as SeenSocket, what));
        const guess = answer(as(binder), partly, { kernels: known ? [traits] : kernels, bucket: null, slotSize: null });
        expect([truth, "unknown"]).toContain(guess);
        if (protocol === "tcp") expect(guess).not.toBe("passes");
      }),
    );
  });

  it("an owner that was seen in full can be nothing else", () => {
    fc.assert(
      fc.property(ownerParty, fc.boolean(), binderParty, (each, inGroup, binder) => {
        const owner = { ...each, inGroup };
        expect(numbered([seen(owner)]).flatMap((one) => possibleParties(one, binder))).toEqual([owner]);
      }),
    );
  });

  it("an owner of which a user or an interface was not seen may have the binder's or another", () => {
    const binder = party("0.0.0.0", "", { device: 1, uid: 1 });
    const parties = numbered([seen(plain, { device: null, uid: null })]).flatMap((one) => possibleParties(one, binder));
    for (const mine of [true, false]) {
      expect(parties.some(({ uid }) => (uid === 1) === mine)).toBe(true);
      expect(parties.some(({ device }) => device !== 0 && (device === 1) === mine)).toBe(true);
    }
    expect(parties.some(({ device }) => device === 0)).toBe(true);
  });

  it("an owner that may conflict by one rule only is told with it", () => {
    const rules = { kernels: [kernel()], faults: [], vrfs: false, slotSize: null };
    const judged = (hidden: Partial<SeenSocket>) =>
      numbered([seen(bound("0.0.0.0"), hidden)]).map((owner) => judge(party("0.0.0.0", "RA"), owner, rules));
    expect(judged({ reuseAddr: null })).toMatchObject([{ conflicts: "maybe", rule: "owner-lacks-reuseaddr" }]);
    expect(judged({ reusePort: null })).toMatchObject([{ conflicts: "yes", rule: null }]);
  });

  it("an owner is judged as all that it may be", () => {
    fc.assert(
      fc.property(binderParty, ownerParty, hidden, anyKernel, (binder, owner, what, traits) => {
        const [partly] = numbered([hide(seen(owner), what)]);
        if (!partly) throw new Error("no owner");
        const judged = judge(binder, partly, { kernels: [traits], faults: [], vrfs: false, slotSize: null });
        const rules = possibleParties(partly, binder).map((each) => conflict(binder, each, traits));
        expect(judged.conflicts === "yes").toBe(rules.every((rule) => rule !== null));
        expect(judged.conflicts === "no").toBe(rules.every((rule) => rule === null));
        if (judged.rule !== null) expect(new Set(rules.filter((rule) => rule !== null))).toEqual(new Set([judged.rule]));
        // The truth is among what it may be.
        expect(rules).toContain(conflict(binder, owner, traits));
      }),
    );
  });
});

describe("what the bucket remembers (docs/bind-rules.md 7)", () => {
  const cleared = [seen(bound("127.0.0.1"))];
  it.each<[string, Party, Partial<SeenBucket>, string, RegExp | null]>([
    ["all had SO_REUSEADDR", party("0.0.0.0", "RA"), { fastReuse: 1 }, "passes", /a listen would ask, and be refused by s1$/],
    [
      "all had SO_REUSEADDR, even where the list was cut",
      party("0.0.0.0", "RA"),
      { fastReuse: 1, complete: false },
      "passes",
      /refused by s1$/,
    ],
    ["all had SO_REUSEADDR, the binder has not", plain, { fastReuse: 1 }, "refused", null],
    ["a connect, which is no permission", party("0.0.0.0", "RA"), { fastReuse: -1 }, "refused", null],
    [
      "a group of this user, of any address",
      party("0.0.0.0", "RP"),
      { fastReusePort: 1, fastUid: 1000 },
      "passes",
      /lets it in without asking s1$/,
    ],
    [
      "a group of this user, of an address",
      party("0.0.0.0", "RP"),
      { fastReusePort: 2, fastUid: 1000 },
      "unknown",
      /note of an earlier bind/,
    ],
    ["a group of another user", party("0.0.0.0", "RP"), { fastReusePort: 1, fastUid: 0 }, "refused", null],
    ["a group, the binder is in one", party("0.0.0.0", "RP", { inGroup: true }), { fastReusePort: 1, fastUid: 1000 }, "refused", null],
    [
      "both of these, of which a listen goes by one",
      party("0.0.0.0", "RA RP"),
      { fastReuse: 1, fastReusePort: 1, fastUid: 1000 },
      "passes",
      /^the kernel's note of a SO_REUSEPORT group of this user lets it in without asking s1$/,
    ],
    [
      "a group, of which not all had SO_REUSEADDR",
      party("0.0.0.0", "RA RP"),
      { fastReuse: 0, fastReusePort: 1, fastUid: 1000 },
      "passes",
      /lets it in without asking s1$/,
    ],
    ["all had SO_REUSEADDR, to a binder with nobody in its way", party("127.0.0.2", "RA"), { fastReuse: 1 }, "passes", null],
  ])("%s", (_, binder, cache, expected, reason) => {
    const verdict = check(asked(binder, cleared, { bucket: bucket(cache) }));
    expect(verdict.answer).toBe(expected);
    expect(verdict.reasons.join()).toMatch(reason ?? /^$/);
  });
});

describe("UDP, which stops at the first socket that shares (docs/bind-rules.md 4)", () => {
  const binder = udp("0.0.0.0", "RP");
  const shares = seen(udp("127.0.0.2", "RP"));
  const refuses = seen(udp("127.0.0.1"));

  it("passes or not by their order", () => {
    expect(check(asked(binder, [shares, refuses]))).toMatchObject({
      answer: "passes",
      reasons: ["the kernel meets s1, which shares, before it comes to s2"],
    });
    expect(check(asked(binder, [refuses, shares]))).toMatchObject({ answer: "refused", rule: "owner-lacks-reuseport", reasons: [] });
  });

  it.each<[string, Partial<Asked>]>([
    ["/proc has another order", { bucket: null, slotSize: null }],
    ["the slot is crowded, and the kernel goes by another index", { slotSize: 11 }],
    ["some were not seen", { bucket: bucket({ complete: false }) }],
  ])("is not determined where %s", (_, changes) => {
    for (const owners of [
      [shares, refuses],
      [refuses, shares],
    ]) {
      expect(check(asked(binder, owners, changes))).toMatchObject({ answer: "unknown", rule: null });
    }
  });

  it("passes where all share, whatever their order", () => {
    for (const changes of [{}, { bucket: null, slotSize: null }, { slotSize: 11 }]) {
      expect(check(asked(binder, [shares, shares], changes))).toMatchObject({ answer: "passes", reasons: [] });
    }
  });

  it("is not determined where it may stop at one of which not all was seen", () => {
    const hidden = seen(udp("127.0.0.1", "RP"), { reusePort: null });
    expect(answer(binder, [hidden, refuses])).toBe("unknown");
    expect(answer(binder, [hidden, shares])).toBe("unknown");
    expect(answer(binder, [shares, hidden])).toBe("passes");
    expect(answer(binder, [refuses, hidden])).toBe("refused");
  });

  it("one that shares may stand before those that were seen", () => {
    const cut = { bucket: bucket({ complete: false }) };
    expect(answer(binder, [refuses], cut)).toBe("unknown");
    expect(answer(udp("0.0.0.0"), [refuses], cut)).toBe("refused");
  });

  it("says what the kernel's loop over the list says", () => {
    const udpParty = ownerParty.map((each): Party => ({ ...each, protocol: "udp", state: "BOUND", uid: each.uid ?? 0, orphan: false }));
    const udpBinder = binderParty.map((each): Party => ({ ...each, protocol: "udp" }));
    fc.assert(
      fc.property(udpBinder, fc.array(udpParty, { maxLength: 5 }), anyKernel, (asking, parties, traits) => {
        let passes = true;
        for (const owner of parties) {
          if (conflict({ ...asking, reusePort: false }, owner, traits) === null) continue;
          passes = conflict(asking, owner, traits) === null;
          break;
        }
        expect(
          answer(
            asking,
            parties.map((owner) => seen(owner)),
            { kernels: [traits] },
          ),
        ).toBe(passes ? "passes" : "refused");
      }),
    );
  });
});

describe("what may keep an owner out of the way", () => {
  it("another routing domain (VRF), for TCP", () => {
    const vrfs = { vrfs: true };
    const inVrf = seen(party("0.0.0.0", "", { device: 7 }));
    expect(answer(plain, [inVrf], vrfs)).toBe("unknown");
    const elsewhere = seen(party("127.0.0.2", "", { device: 7 }));
    const mayBelong = "s2 may belong to another routing domain (VRF), which has its ports to itself";
    expect(reasons(party("127.0.0.1"), [elsewhere, inVrf], vrfs)).toEqual([mayBelong]);
    expect(check(asked(party("127.0.0.1"), [elsewhere], vrfs))).toMatchObject({ answer: "passes", owners: [{ conflicts: "no" }] });
    expect(answer(plain, [inVrf])).toBe("refused");
    expect(answer(plain, [inVrf, seen(plain)], vrfs)).toBe("refused");
    expect(answer(udp("0.0.0.0"), [seen(udp("0.0.0.0", "", { device: 7 }))], vrfs)).toBe("refused");
    // What the bucket remembers may be of another routing domain, too.
    expect(answer(party("0.0.0.0", "RA"), [seen(bound("0.0.0.0"))], { ...vrfs, bucket: bucket({ fastReuse: 1 }) })).toBe("unknown");
  });

  const known = (["5.10.200", "6.1.0", "6.1.180"] as const).flatMap((release) => certainFaults(release));
  const fault = (code: string): KernelFault => {
    const found = known.find((each) => each.code === code);
    if (!found) throw new Error(`no fault ${code}`);
    return { ...found, what: "WHAT" };
  };
  const waiting = (address: string) => party(address, "", { state: "TIME_WAIT", uid: null });
  it.each<[string, Party, Party, Party]>([
    // a pair that the fault concerns, and a binder that it does not
    ["time-wait-not-seen", party("127.0.0.1"), waiting("127.0.0.1"), plain],
    ["dual-stack-wildcard-not-seen", party("127.0.0.1"), party("::"), party("::")],
    ["behind-ipv6-only-not-seen", party("127.0.0.1"), party("0.0.0.0"), plain],
    ["mapped-wildcard-not-seen", party("::ffff:127.0.0.1"), party("::ffff:0.0.0.0"), plain],
  ])("the known fault %s of the kernel", (code, binder, owner, other) => {
    const faults = [fault(code)];
    expect(answer(binder, [seen(owner)], { faults })).toBe("unknown");
    expect(reasons(binder, [seen(owner), seen(owner)], { faults })).toEqual(["a known fault of this kernel may let it pass: WHAT"]);
    expect(answer(binder, [seen(owner)], { faults: [fault("connect-leaves-ports-out")] })).toBe("refused");
    expect(answer(other, [seen(owner)], { faults })).toBe("refused");
  });

  it("no fault where the owner would not be in the way anyway", () => {
    expect(answer(party("127.0.0.1"), [seen(waiting("127.0.0.2"))], { faults: [fault("time-wait-not-seen")] })).toBe("passes");
  });

  it("the known fault udp-wildcard-not-refused, on a crowded slot", () => {
    const faults = [fault("udp-wildcard-not-refused")];
    const owners = [seen(udp("127.0.0.1"))];
    expect(answer(udp("0.0.0.0"), owners, { faults, slotSize: 11 })).toBe("unknown");
    expect(answer(udp("0.0.0.0"), owners, { faults, slotSize: 10 })).toBe("refused");
    expect(answer(udp("127.0.0.1"), owners, { faults, slotSize: 11 })).toBe("refused");
  });
});

it("another error comes first, and the owners are told all the same", () => {
  const obstacles = [{ errno: "EACCES", reason: "WHY" }];
  for (const owners of [[], [seen(plain)]]) {
    const verdict = check(asked(plain, owners, { obstacles }));
    expect(verdict).toMatchObject({ answer: "refused", errno: "EACCES", rule: "not-a-conflict", reasons: ["WHY"], advice: [] });
    expect(verdict.blockers).toHaveLength(owners.length);
  }
});
