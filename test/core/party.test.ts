import { describe, expect, it } from "vitest";
import { binderParty, meet, ownerParty, type Place } from "../../src/core/party.ts";
import { bind, connection, facts, listen, NETNS, timeWait } from "../helpers/events.ts";

describe("sockets meet where they take the same ports (docs/bind-rules.md 1)", () => {
  const place = (changes: Partial<Place> = {}): Place => ({ netns: NETNS, protocol: "tcp", port: 8080, vrf: 0, ...changes });
  const unseen: Place = { netns: NETNS, protocol: "tcp", port: 8080 };
  it.each<[string, Place, Place, boolean]>([
    ["two of TCP", place(), place(), true],
    ["MPTCP and TCP", place({ protocol: "mptcp" }), place(), true],
    ["two of UDP", place({ protocol: "udp" }), place({ protocol: "udp" }), true],
    ["UDP and TCP", place({ protocol: "udp" }), place(), false],
    ["UDP and MPTCP", place({ protocol: "udp" }), place({ protocol: "mptcp" }), false],
    ["another port", place(), place({ port: 8081 }), false],
    ["another port of UDP", place({ protocol: "udp" }), place({ protocol: "udp", port: 8081 }), false],
    ["another network namespace", place(), place({ netns: NETNS + 1 }), false],
    ["another network namespace, of UDP", place({ protocol: "udp" }), place({ protocol: "udp", netns: NETNS + 1 }), false],
    ["one VRF", place({ vrf: 7 }), place({ vrf: 7 }), true],
    ["another VRF", place({ vrf: 7 }), place(), false],
    ["another VRF, of UDP, which does not ask", place({ protocol: "udp", vrf: 7 }), place({ protocol: "udp" }), true],
    ["a VRF that was not seen", unseen, place({ vrf: 7 }), true],
    ["UDP and TCP of which no VRF was seen", unseen, { ...unseen, protocol: "udp" }, false],
  ])("%s", (_, a, b, expected) => {
    expect(meet(a, b)).toBe(expected);
    expect(meet(b, a)).toBe(expected);
  });
});

describe("an owner", () => {
  it.each([
    ["that a process holds is none", false, facts()],
    ["without a process is one", true, connection({ inode: null, state: "FIN_WAIT1" })],
    ["in TIME_WAIT, which no process ever holds, is none", false, timeWait()],
  ])("or an orphan: one %s", (_, orphan, owner) => expect(ownerParty(owner)).toMatchObject({ orphan }));

  it("is in a group or not", () => {
    expect(ownerParty(facts())).toMatchObject({ inGroup: false });
    expect(ownerParty(facts({ group: { id: 1, size: 2 } }))).toMatchObject({ inGroup: true });
  });
});

describe("a binder", () => {
  /** A refused socket: the kernel has put its address back. */
  const socket = facts({ family: "ipv6", address: "::", state: "CLOSE", inode: null });
  const requested = { family: "ipv6" as const, address: "::1", port: 8080 };

  it("binds to the address that was asked for", () => {
    expect(binderParty(bind({ socket, requested }))).toMatchObject({ family: "ipv6", address: "::1", ipv6Only: true });
    expect(binderParty(bind({ socket, requested, search: null }))).toMatchObject({ address: "::1" });
  });

  it("or to the one that the kernel's search for the port was made with", () => {
    const search = { port: 8080, refused: true };
    expect(binderParty(bind({ socket, requested, search }))).toMatchObject({ address: "::", ipv6Only: false });
  });

  it("listens on the address that it has", () => {
    expect(binderParty(listen({ socket }))).toMatchObject({ address: "::", ipv6Only: false });
    expect(binderParty(listen({ socket: { ...socket, ipv6Only: true } }))).toMatchObject({ ipv6Only: true });
  });

  it("has a process, and is in a group or not", () => {
    expect(binderParty(bind({ socket }))).toMatchObject({ orphan: false, inGroup: false });
    expect(binderParty(bind({ socket: { ...socket, group: { id: 1, size: 1 } } }))).toMatchObject({ inGroup: true });
  });
});
