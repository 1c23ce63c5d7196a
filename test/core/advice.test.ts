import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AdviceCode, adviseOn } from "../../src/core/advice.ts";
import { conflict } from "../../src/core/conflict.ts";
import type { State } from "../../src/core/event.ts";
import type { Party } from "../../src/core/party.ts";
import { anyKernel, binderParty, kernel, ownerParty, party } from "./parties.ts";

/** The state that is left of a connection (RFC 9293), null for none. */
const afterOurClose: Partial<Record<State, State | null>> = {
  ESTABLISHED: "TIME_WAIT",
  SYN_RECV: "TIME_WAIT",
  FIN_WAIT1: "TIME_WAIT",
  FIN_WAIT2: "TIME_WAIT",
  CLOSING: "TIME_WAIT",
  CLOSE_WAIT: null,
  LAST_ACK: null,
  SYN_SENT: null,
  LISTEN: null,
  BOUND: null,
};
/** The same when the other end closes (or refuses), and this one after it. Who has closed first stays first. */
const afterPeersClose: Partial<Record<State, State | null>> = {
  ESTABLISHED: null,
  SYN_RECV: null,
  SYN_SENT: null,
  FIN_WAIT1: "TIME_WAIT",
  FIN_WAIT2: "TIME_WAIT",
  CLOSING: "TIME_WAIT",
};

function becomes(owner: Party, table: Partial<Record<State, State | null>>): Party | null {
  const state = table[owner.state];
  if (state === undefined) return owner;
  return state === null ? null : { ...owner, state };
}

type Owners = (Party | null)[];
const hasProcess = ({ state, orphan }: Party) => state !== "TIME_WAIT" && !orphan;
/** TIME_WAIT has no user. An orphan keeps being one, whoever created it. */
const ofUser = (owner: Party, { uid }: Party): Party => (owner.state === "TIME_WAIT" ? owner : { ...owner, uid });
const RA = { reuseAddr: true };
const RP = { reusePort: true };

/** Nobody has accepted it: whatever a process has closed is in another state. */
const unaccepted = ({ orphan, state }: Party) => orphan && ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT"].includes(state);
const listens = ({ state }: Party) => state === "LISTEN";

/** Each piece of advice, followed by hand. */
const followed: Record<AdviceCode, (binder: Party, blockers: Party[]) => { binder: Party; owners: Owners }> = {
  "wait-for-time-wait": (binder, blockers) => ({ binder, owners: blockers.filter(({ state }) => state !== "TIME_WAIT") }),
  "close-owner": (binder, blockers) => ({
    binder,
    owners: blockers.map((owner) => {
      if (unaccepted(owner) && blockers.some(listens)) return null;
      return hasProcess(owner) ? becomes(owner, afterOurClose) : owner;
    }),
  }),
  "peer-closes": (binder, blockers) => ({ binder, owners: blockers.map((owner) => becomes(owner, afterPeersClose)) }),
  "reuseaddr-on-binder": (binder, owners) => ({ binder: { ...binder, ...RA }, owners }),
  "reuseaddr-on-owner": (binder, owners) => ({ binder, owners: owners.map((owner) => ({ ...owner, ...RA })) }),
  "reuseaddr-on-both": (binder, owners) => ({ binder: { ...binder, ...RA }, owners: owners.map((owner) => ({ ...owner, ...RA })) }),
  "same-user": (binder, owners) => ({ binder, owners: owners.map((owner) => ofUser(owner, binder)) }),
  "reuseport-on-binder": (binder, owners) => ({ binder: { ...binder, ...RP }, owners }),
  "reuseport-on-owner": (binder, owners) => ({ binder, owners: owners.map((owner) => ({ ...owner, ...RP })) }),
  "reuseport-on-both": (binder, owners) => ({
    binder: { ...binder, ...RP },
    owners: owners.map((owner) => ofUser({ ...owner, ...RP }, binder)),
  }),
  "ipv6only-on-binder": (binder, owners) => ({ binder: { ...binder, ipv6Only: true }, owners }),
};
const CODES = Object.keys(followed) as AdviceCode[];

const refusal = fc
  .tuple(binderParty, fc.array(ownerParty, { minLength: 1, maxLength: 3 }), anyKernel)
  .map(([binder, owners, traits]) => {
    const blocks = (owner: Party) => conflict(binder, owner, traits) !== null;
    return { binder, blockers: owners.filter(blocks), others: owners.filter((owner) => !blocks(owner)), traits };
  })
  .filter(({ blockers }) => blockers.length > 0);

describe.each(CODES)("%s", (code) => {
  const given = refusal.map((all) => ({
    ...all,
    advice: adviseOn(all.binder, all.blockers, all.others, all.traits).find((advice) => advice.code === code),
  }));

  it("would let the bind through where it says so", () => {
    fc.assert(
      fc.property(given, ({ binder, blockers, others, traits, advice }) => {
        if (!advice?.wouldBind) return;
        const { binder: changed, owners } = followed[code](binder, blockers);
        const stillThere = [...owners, ...others].filter((owner) => owner !== null);
        expect(stillThere.filter((owner) => conflict(changed, owner, traits) !== null)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it("is a change", () => {
    fc.assert(
      fc.property(given, ({ binder, blockers, advice }) => {
        if (advice) expect(followed[code](binder, blockers)).not.toEqual({ binder, owners: blockers });
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what helps", () => {
  const inState = (state: State, options = "", overrides: Partial<Party> = {}) =>
    party("0.0.0.0", options, { state, ...(state === "TIME_WAIT" ? { uid: null } : {}), ...overrides });
  it.each<[string, Party, Party[], AdviceCode[], AdviceCode[]]>([
    [
      "two plain servers",
      party("0.0.0.0"),
      [inState("LISTEN")],
      ["close-owner", "reuseport-on-both"],
      ["reuseaddr-on-binder", "reuseaddr-on-both"],
    ],
    ["a restart while the old server listens", party("0.0.0.0", "RA"), [inState("LISTEN", "RA")], ["close-owner", "reuseport-on-both"], []],
    [
      "a socket that is bound only",
      party("0.0.0.0", "RA"),
      [inState("BOUND")],
      ["close-owner", "reuseaddr-on-owner", "reuseport-on-both"],
      [],
    ],
    [
      "a connection that its listener left",
      party("0.0.0.0", "RA"),
      [inState("ESTABLISHED")],
      ["peer-closes", "reuseaddr-on-owner", "reuseport-on-both"],
      ["close-owner"],
    ],
    [
      "a connection that the peer has closed already",
      party("0.0.0.0", "RA"),
      [inState("CLOSE_WAIT")],
      ["close-owner", "reuseaddr-on-owner", "reuseport-on-both"],
      [],
    ],
    [
      "a listener with a connection that nobody has accepted",
      party("0.0.0.0", "RA"),
      [inState("LISTEN"), inState("ESTABLISHED", "", { orphan: true })],
      ["close-owner", "reuseport-on-both"],
      ["peer-closes", "reuseaddr-on-owner"],
    ],
    [
      "a connection that nobody has accepted, and a listener that it is not of",
      party("0.0.0.0", "RA"),
      [party("127.0.0.2"), party("127.0.0.1", "", { state: "ESTABLISHED", orphan: true })],
      ["reuseport-on-both"],
      ["close-owner", "peer-closes", "reuseaddr-on-owner"],
    ],
    [
      "TIME_WAIT, binder plain",
      party("0.0.0.0"),
      [inState("TIME_WAIT", "RA")],
      ["wait-for-time-wait", "reuseaddr-on-binder", "reuseport-on-both"],
      [],
    ],
    [
      "TIME_WAIT, owner was plain",
      party("0.0.0.0", "RA"),
      [inState("TIME_WAIT")],
      ["wait-for-time-wait", "reuseaddr-on-owner", "reuseport-on-both"],
      [],
    ],
    [
      "TIME_WAIT, both plain",
      party("0.0.0.0"),
      [inState("TIME_WAIT")],
      ["wait-for-time-wait", "reuseaddr-on-both", "reuseport-on-both"],
      ["reuseaddr-on-binder"],
    ],
    ["a reuseport listener", party("0.0.0.0", "RA"), [inState("LISTEN", "RA RP")], ["close-owner", "reuseport-on-binder"], []],
    [
      "a reuseport listener of another user",
      party("0.0.0.0", "RA RP"),
      [inState("LISTEN", "RA RP", { uid: 1001 })],
      ["close-owner", "same-user"],
      [],
    ],
    ["a binder with SO_REUSEPORT alone", party("0.0.0.0", "RA RP"), [inState("LISTEN", "RA")], ["close-owner", "reuseport-on-owner"], []],
    [
      "a listener and TIME_WAIT together",
      party("0.0.0.0"),
      [inState("LISTEN", "RA"), inState("TIME_WAIT", "RA")],
      ["reuseport-on-both"],
      ["wait-for-time-wait", "close-owner", "reuseaddr-on-binder"],
    ],
    [
      "a dual-stack server against an IPv4 one",
      party("::", "RA"),
      [inState("LISTEN", "RA")],
      ["close-owner", "reuseport-on-both", "ipv6only-on-binder"],
      [],
    ],
    [
      "a dual-stack server against an IPv6 one",
      party("::", "RA"),
      [party("::1", "RA")],
      ["close-owner", "reuseport-on-both"],
      ["ipv6only-on-binder"],
    ],
  ])("%s", (_, binder, owners, helps, useless) => {
    const advice = adviseOn(binder, owners, [], kernel());
    const codes = (wouldBind: boolean) => advice.filter((one) => one.wouldBind === wouldBind).map(({ code }) => code);
    expect(codes(true).sort()).toEqual([...helps].sort());
    expect(codes(false).sort()).toEqual([...useless].sort());
  });
});
