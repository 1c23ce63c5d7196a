import { expect, it } from "vitest";
import { type Asked, check } from "../../src/core/check.ts";
import { checkRecord, type Seen } from "../../src/core/check-record.ts";
import { numbered, type SeenSocket } from "../../src/core/owner.ts";
import { connection, facts, timeWait } from "../helpers/events.ts";
import { kernel, party } from "./parties.ts";

const BUCKET = { complete: true, fastReuse: 0, fastReusePort: 0, fastUid: 0, fastAddress: null };
const holder = { pid: 10, fd: 18, comm: "node", command: "node server.js", parent: 1, startedAt: null };

function recordOf(owners: SeenSocket[], seen: Partial<Seen> = {}, asked: Partial<Asked> = {}) {
  const question: Asked = {
    binder: party("0.0.0.0", "", { state: "CLOSE" }),
    owners: numbered(owners),
    kernels: [kernel()],
    faults: [],
    vrfs: false,
    slotSize: 1,
    bucket: BUCKET,
    obstacles: [],
    ...asked,
  };
  return checkRecord(question, check(question), null, {
    at: "AT",
    netns: 1,
    port: 8080,
    user: { uid: 1000, name: null, from: "option" },
    ownersCounted: owners.length,
    iso: (instant) => `AT+${instant}`,
    holders: new Map([[100, [holder]]]),
    everyProcess: true,
    ...seen,
  });
}

it("has the failure record's names for binder, owners and blockers", () => {
  const { owners, ...record } = recordOf([connection(), facts({ device: 2 })]);
  expect(record).toMatchObject({
    type: "check",
    schema: 1,
    at: "AT",
    protocol: "tcp",
    address: "0.0.0.0",
    port: 8080,
    binder: { reuseAddr: false, reusePort: false, ipv6Only: false, device: null, socketUid: 1000 },
    answer: "refused",
    errno: "EADDRINUSE",
    rule: "listening",
    evidence: "bucket",
    walkComplete: true,
    dualStack: null,
  });
  expect(owners.map(({ socket }) => socket)).toEqual(["s1", "s2"]);
  expect(record.blockers.map(({ socket, state }) => [socket, state])).toEqual([
    ["s2", "LISTEN"],
    ["s1", "ESTABLISHED"],
  ]);
  expect(record.blockers[0]).toMatchObject({
    device: 2,
    holders: [{ pid: 10, fd: 18, via: "unknown" }],
    holdersComplete: true,
    decisive: false,
  });
});

it("an owner that nobody was found to hold has a holder all the same, but for TIME_WAIT", () => {
  const { owners } = recordOf([connection(), timeWait(), facts()], { everyProcess: true });
  expect(owners.map(({ holdersComplete }) => holdersComplete)).toEqual([false, true, true]);
  expect(owners[1]?.expiresAt).toBe("AT+60000000000");
  expect(recordOf([facts()], { everyProcess: false }).owners[0]?.holdersComplete).toBe(false);
});

it("the only blocker of a whole list is the one at which the kernel would stop", () => {
  expect(recordOf([facts()]).blockers[0]?.decisive).toBe(true);
  expect(recordOf([facts()], {}, { bucket: { ...BUCKET, complete: false } }).blockers[0]?.decisive).toBe(false);
  expect(recordOf([facts()], {}, { obstacles: [{ errno: "EACCES", reason: "" }] }).blockers[0]?.decisive).toBe(false);
});

it("names the groups", () => {
  const grouped = (changes: object) => facts({ reusePort: true, ...changes });
  const { owners } = recordOf([
    grouped({ group: { id: 7, size: 3 } }),
    grouped({ group: { id: 9, size: 1 } }),
    grouped({ group: { id: 7, size: 3 } }),
  ]);
  expect(owners.map(({ group }) => group)).toEqual([
    { id: "g1", members: ["s1", "s3"], size: 3 },
    { id: "g2", members: ["s2"], size: 1 },
    { id: "g1", members: ["s1", "s3"], size: 3 },
  ]);
});

it("of an owner that does not conflict there is no rule", () => {
  expect(recordOf([facts({ family: "ipv6", address: "::1", ipv6Only: true })])).toMatchObject({
    answer: "passes",
    rule: null,
    blockers: [],
    owners: [{ conflicts: "no", rule: null }],
  });
});
