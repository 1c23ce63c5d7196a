import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressesOverlap, conflict, type Rule } from "../../src/core/conflict.ts";
import type { Protocol, State } from "../../src/core/event.ts";
import { bindsIpv6Only, type Party } from "../../src/core/party.ts";
import { anyKernel, binderParty, boundParty, CONNECTED, kernel, ownerParty, party, udp } from "./parties.ts";

const BOUND_OR_CONNECTED: readonly State[] = ["BOUND", ...CONNECTED];

describe("options, both on the same address (docs/bind-rules.md 2)", () => {
  const OTHER = { uid: 1001 };
  const GROUPED = { inGroup: true };
  it.each<[string, string, string, object, Rule | null, Rule | null, Rule | null]>([
    // binder, owner, what else, owner listens, owner is bound or connected, owner is in TIME_WAIT
    ["", "", "", {}, "listening", "bound", "time-wait-binder-lacks-reuseaddr"],
    ["", "RA", "", {}, "listening", "binder-lacks-reuseaddr", "time-wait-binder-lacks-reuseaddr"],
    ["RA", "", "", {}, "listening", "owner-lacks-reuseaddr", "time-wait-owner-lacked-reuseaddr"],
    ["RA", "RA", "", {}, "reuseaddr-but-listening", null, null],
    ["", "RP", "", {}, "binder-lacks-reuseport", "binder-lacks-reuseport", "binder-lacks-reuseport"],
    ["", "RA RP", "", {}, "binder-lacks-reuseport", "binder-lacks-reuseport", "binder-lacks-reuseport"],
    ["RA", "RP", "", {}, "binder-lacks-reuseport", "binder-lacks-reuseport", "binder-lacks-reuseport"],
    ["RA", "RA RP", "", {}, "binder-lacks-reuseport", null, null],
    ["RP", "", "", {}, "owner-lacks-reuseport", "owner-lacks-reuseport", "owner-lacks-reuseport"],
    ["RP", "RA", "", {}, "owner-lacks-reuseport", "owner-lacks-reuseport", "owner-lacks-reuseport"],
    ["RA RP", "RA", "", {}, "owner-lacks-reuseport", null, null],
    ["RP", "RP", "", {}, null, null, null],
    ["RA RP", "RA RP", "", {}, null, null, null],
    ["RP", "RP", "of another user", OTHER, "reuseport-other-user", "reuseport-other-user", null],
    ["RA RP", "RA RP", "of another user", OTHER, "reuseport-other-user", null, null],
    ["RP", "RP", "in a group", GROUPED, "binder-already-in-group", "binder-already-in-group", "binder-already-in-group"],
    ["RP", "RP", "in a group, of another user", { ...OTHER, ...GROUPED }, ...three("binder-already-in-group")],
    ["RA RP", "RA RP", "in a group", GROUPED, "binder-already-in-group", null, null],
    ["RP", "", "in a group", GROUPED, ...three("owner-lacks-reuseport")],
  ])("binder [%s], owner [%s] %s", (binderOptions, ownerOptions, _, overrides, listening, other, timeWait) => {
    const binder = party("0.0.0.0", binderOptions, overrides);
    const against = (state: State) => {
      const uid = state === "TIME_WAIT" ? null : 1000;
      return conflict(binder, party("0.0.0.0", ownerOptions, { state, uid }), kernel());
    };
    expect(against("LISTEN")).toBe(listening);
    expect(against("TIME_WAIT")).toBe(timeWait);
    for (const state of BOUND_OR_CONNECTED) expect([state, against(state)]).toEqual([state, other]);
  });

  function three(rule: Rule): [Rule, Rule, Rule] {
    return [rule, rule, rule];
  }
});

describe("addresses (docs/bind-rules.md 3)", () => {
  const sockets = {
    "0.0.0.0": party("0.0.0.0"),
    "127.0.0.1": party("127.0.0.1"),
    "127.0.0.2": party("127.0.0.2"),
    "::": party("::"),
    ":: v6only": party("::", "", { ipv6Only: true }),
    "::1": party("::1"),
    "::ffff:127.0.0.1": party("::ffff:127.0.0.1"),
    "::ffff:0.0.0.0": party("::ffff:0.0.0.0"),
  };
  // Columns in the order of `sockets`; X is an overlap.
  const matrix: Record<keyof typeof sockets, string> = {
    "0.0.0.0": "XXXX..XX",
    "127.0.0.1": "XX.X..XX",
    "127.0.0.2": "X.XX...X",
    "::": "XXXXXXXX",
    ":: v6only": "...XXX..",
    "::1": "...XXX..",
    "::ffff:127.0.0.1": "XX.X..XX",
    "::ffff:0.0.0.0": "XXXX..XX",
  };
  const pairs = Object.entries(matrix).flatMap(([row, cells]) =>
    Object.keys(sockets).map((column, index) => [row, column, cells[index] === "X" ? "bound" : null] as const),
  );

  describe.each([true, false])("with bhash2 %s", (bhash2) => {
    it.each(pairs)("%s against %s", (row, column, rule) => {
      const [a, b] = [row, column].map((name) => ({ ...sockets[name as keyof typeof sockets], state: "BOUND" as const }));
      if (!a || !b) throw new Error("no such socket");
      expect(conflict(a, b, kernel({ bhash2 }))).toBe(rule);
      expect(conflict(b, a, kernel({ bhash2 }))).toBe(rule);
    });
  });

  it.each([
    ["0.0.0.0", true, "bound"],
    ["0.0.0.0", false, "bound"],
    ["127.0.0.1", true, null],
    ["127.0.0.1", false, null],
    ["::ffff:0.0.0.0", true, null],
    ["::ffff:0.0.0.0", false, null],
    // 127.0.0.6 is what the kernel keeps for a plain IPv6 address; the index by address (bhash2) hides it.
    ["127.0.0.6", true, null],
    ["127.0.0.6", false, "bound"],
  ] as const)("an IPv6 connection without IPV6_V6ONLY against %s, bhash2 %s", (address, bhash2, rule) => {
    const child = party("2001:db8::1", "", { ipv6Only: false, state: "ESTABLISHED" });
    expect(conflict(party(address), child, kernel({ bhash2 }))).toBe(rule);
  });

  it("a bound IPv6 address is IPv6-only and does not do that", () => {
    expect(conflict(party("0.0.0.0"), party("2001:db8::1"), kernel({ bhash2: false }))).toBeNull();
  });

  it.each([
    ["ipv6", "::1", false, true],
    ["ipv6", "::", false, false],
    ["ipv6", "::", true, true],
    ["ipv6", "::ffff:127.0.0.1", false, false],
    ["ipv4", "127.0.0.1", false, false],
  ] as const)("bind of %s %s with IPV6_V6ONLY %s leaves it %s", (family, address, option, expected) => {
    expect(bindsIpv6Only(family, address, option)).toBe(expected);
  });
});

it.each([
  [0, 0, "listening"],
  [2, 0, "listening"],
  [0, 2, "listening"],
  [2, 2, "listening"],
  [2, 3, null],
] as const)("devices %d and %d", (a, b, rule) => {
  expect(conflict(party("0.0.0.0", "", { device: a }), party("0.0.0.0", "", { device: b }), kernel())).toBe(rule);
});

describe("any free port (docs/bind-rules.md 5)", () => {
  const OTHER = { uid: 1001 };
  const GROUPED = { inGroup: true };
  const taken = "autobind-needs-exclusive";
  it.each<[string, string, State, string, object, Rule | null]>([
    // binder, owner, owner's state, what else, the answer of the second round (ip_autobind_reuse)
    ["", "", "BOUND", "", {}, taken],
    ["RA", "RA", "BOUND", "", {}, null],
    ["RA", "RA", "ESTABLISHED", "", {}, null],
    ["RA", "RA", "LISTEN", "", {}, taken],
    ["RA", "", "BOUND", "", {}, taken],
    ["RP", "RP", "BOUND", "", {}, taken],
    ["RA RP", "RA", "BOUND", "", {}, null],
    ["RA RP", "RA RP", "BOUND", "whose group it would join", {}, taken],
    ["RA RP", "RA RP", "BOUND", "of another user", OTHER, null],
    ["RA RP", "RA RP", "BOUND", "and a group of its own", GROUPED, null],
  ])(
    "of TCP has no owner, or in the second round one that shares: binder [%s], owner [%s] %s %s",
    (ours, theirs, state, _, changes, again) => {
      for (const protocol of ["tcp", "mptcp"] as const) {
        const binder = party("0.0.0.0", ours, { protocol, ...changes });
        const owner = party("127.0.0.1", theirs, { state });
        expect(conflict(binder, owner, kernel(), "autobind")).toBe(taken);
        expect(conflict(binder, owner, kernel(), "autobind-reuse")).toBe(again);
      }
    },
  );

  it("of TCP may have owners are on another address or device", () => {
    for (const ask of ["autobind", "autobind-reuse"] as const) {
      expect(conflict(party("127.0.0.1"), party("127.0.0.2"), kernel(), ask)).toBeNull();
      expect(conflict(party("0.0.0.0", "", { device: 2 }), party("0.0.0.0", "", { device: 3 }), kernel(), ask)).toBeNull();
    }
  });

  it("of UDP is one that an explicit bind would get, and so is a listen's of TCP", () => {
    fc.assert(
      fc.property(binderParty, ownerParty, anyKernel, (a, b, traits) => {
        const as = (each: Party): Party => ({ ...each, protocol: "udp" });
        for (const ask of ["autobind", "autobind-reuse"] as const) {
          expect(conflict(as(a), as(b), traits, ask)).toBe(conflict(as(a), as(b), traits, "bind"));
        }
        expect(conflict(a, b, traits, "listen")).toBe(conflict(a, b, traits, "bind"));
      }),
    );
  });
});

describe("users of a reuseport pair", () => {
  it.each([
    // binder's uid, owner's uid, owner is an orphan, orphans count as uid 0
    [1000, 1000, true, true, "reuseport-other-user"],
    [1000, 1000, true, false, null],
    [0, 1000, true, true, null],
    [0, 1000, true, false, "reuseport-other-user"],
    [0, 1000, false, true, "reuseport-other-user"],
    [1000, 1000, false, true, null],
  ] as const)("binder %d, owner %d, orphan %s, sock_i_uid %s", (uid, ownerUid, orphan, orphanUidIsZero, rule) => {
    const owner = party("0.0.0.0", "RP", { uid: ownerUid, orphan, state: "FIN_WAIT1" });
    expect(conflict(party("0.0.0.0", "RP", { uid }), owner, kernel({ orphanUidIsZero }))).toBe(rule);
  });
});

describe("UDP", () => {
  const OTHER = { uid: 1001 };
  const GROUPED = { inGroup: true };
  it.each<[string, string, string, object, Rule | null]>([
    ["", "", "", {}, "bound"],
    ["RA", "RA", "", {}, null],
    ["RA", "RA", "of another user", OTHER, null],
    ["RA", "", "", {}, "owner-lacks-reuseaddr"],
    ["", "RA", "", {}, "binder-lacks-reuseaddr"],
    ["RP", "RP", "", {}, null],
    ["RP", "RP", "of another user", OTHER, "reuseport-other-user"],
    ["RP", "RP", "in a group", GROUPED, "binder-already-in-group"],
    ["RA RP", "RA RP", "in a group", GROUPED, null],
    ["RA RP", "RA RP", "of another user", OTHER, null],
    ["RP", "", "", {}, "owner-lacks-reuseport"],
    ["", "RP", "", {}, "binder-lacks-reuseport"],
    ["RA", "RP", "", {}, "binder-lacks-reuseport"],
    ["RP", "RA", "", {}, "owner-lacks-reuseport"],
  ])("binder [%s], owner [%s] %s", (binderOptions, ownerOptions, _, overrides, rule) => {
    const [binder, owner] = [udp("0.0.0.0", binderOptions, overrides), udp("0.0.0.0", ownerOptions)];
    expect(conflict(binder, owner, kernel())).toBe(rule);
  });

  it.each([
    ["0.0.0.0", "::", "bound"],
    ["::", "0.0.0.0", "bound"],
    ["127.0.0.1", "::", "bound"],
    ["::", "127.0.0.1", "bound"],
    ["::ffff:127.0.0.1", "127.0.0.1", "bound"],
    ["0.0.0.0", ":: v6only", null],
    [":: v6only", "0.0.0.0", null],
    ["::1", ":: v6only", "bound"],
    ["127.0.0.1", "127.0.0.2", null],
    ["0.0.0.0", "::1", null],
  ])("%s against %s", (binder, owner, rule) => {
    const at = (text: string) => udp(text.split(" ")[0] ?? "", "", text.endsWith("v6only") ? { ipv6Only: true } : {});
    for (const bhash2 of [true, false]) expect(conflict(at(binder), at(owner), kernel({ bhash2 }))).toBe(rule);
  });

  it("has no index by address that hides what the kernel keeps of a plain IPv6 address: 127.0.0.6", () => {
    const owner = { ipv6Only: false };
    expect(conflict(party("127.0.0.6"), party("2001:db8::1", "", owner), kernel({ bhash2: true }))).toBeNull();
    expect(conflict(udp("127.0.0.6"), udp("2001:db8::1", "", owner), kernel({ bhash2: true }))).toBe("bound");
  });

  it("of different devices shares", () => {
    expect(conflict(udp("0.0.0.0", "", { device: 2 }), udp("0.0.0.0", "", { device: 3 }), kernel())).toBeNull();
  });
});

describe("for any two sockets", () => {
  it.each(["tcp", "udp", "mptcp"] as const)(
    "of %s outside of groups it does not matter who was there first, but for the name of the rule",
    (protocol) => {
      fc.assert(
        fc.property(boundParty, boundParty, anyKernel, (a, b, traits) => {
          // A TCP socket asks before it listens, and then the owner may not listen either.
          const [one, other] = [a, b].map((each): Party => ({ ...each, protocol, state: "BOUND" })) as [Party, Party];
          expect(conflict(one, other, traits) === null).toBe(conflict(other, one, traits) === null);
        }),
      );
    },
  );

  it("UDP and bound TCP share alike, but for what TCP's index by address hides", () => {
    fc.assert(
      fc.property(boundParty, boundParty, fc.boolean(), fc.boolean(), (a, b, orphanUidIsZero, inGroup) => {
        const as = (protocol: Protocol) =>
          conflict({ ...a, protocol, inGroup }, { ...b, protocol, state: "BOUND" }, kernel({ bhash2: false, orphanUidIsZero }));
        expect(as("udp")).toBe(as("tcp"));
      }),
    );
  });

  it("SO_REUSEADDR on both shares for UDP", () => {
    fc.assert(
      fc.property(boundParty, boundParty, fc.boolean(), anyKernel, (a, b, inGroup, traits) => {
        const shared = { protocol: "udp", state: "BOUND", reuseAddr: true } as const;
        expect(conflict({ ...a, ...shared, inGroup }, { ...b, ...shared }, traits)).toBeNull();
      }),
    );
  });

  it("without options an overlap is a conflict", () => {
    fc.assert(
      fc.property(boundParty, ownerParty, anyKernel, (a, b, traits) => {
        const plain = { reuseAddr: false, reusePort: false, device: 0 };
        const refuses = conflict({ ...a, ...plain }, { ...b, ...plain }, traits) !== null;
        expect(refuses).toBe(addressesOverlap(a, b, traits));
      }),
    );
  });

  it("the overlap of bound sockets is symmetric", () => {
    fc.assert(
      fc.property(boundParty, boundParty, anyKernel, (a, b, traits) => {
        expect(addressesOverlap(a, b, traits)).toBe(addressesOverlap(b, a, traits));
      }),
    );
  });

  it("SO_REUSEADDR on both shares with an owner that does not listen", () => {
    fc.assert(
      fc.property(
        boundParty,
        ownerParty.filter(({ state }) => state !== "LISTEN"),
        anyKernel,
        (a, b, traits) => {
          expect(conflict({ ...a, reuseAddr: true }, { ...b, reuseAddr: true }, traits)).toBeNull();
        },
      ),
    );
  });

  it("SO_REUSEPORT on both shares within one user, outside of groups", () => {
    fc.assert(
      fc.property(boundParty, ownerParty, anyKernel, (a, b, traits) => {
        const shared = { reusePort: true, uid: 1000, orphan: false };
        expect(conflict({ ...a, ...shared }, { ...b, ...shared }, traits)).toBeNull();
      }),
    );
  });
});
