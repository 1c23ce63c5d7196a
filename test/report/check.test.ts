import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLine } from "../../src/base/json-line.ts";
import type { CheckRecord, OwnerRecord } from "../../src/core/check-record.ts";
import { checkText } from "../../src/report/check.ts";
import { type TextOptions, textWidth } from "../../src/report/text.ts";
import { hostile, visible } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };

const owner = (changes: Partial<OwnerRecord> = {}): OwnerRecord => ({
  socket: "s1",
  decisive: true,
  protocol: "tcp",
  state: "LISTEN",
  substate: null,
  family: "ipv4",
  address: "0.0.0.0",
  port: 8080,
  peer: null,
  reuseAddr: true,
  reusePort: false,
  ipv6Only: false,
  device: null,
  socketUid: 1000,
  inode: 100,
  expiresAt: null,
  group: null,
  holders: [{ pid: 10, comm: "node", fd: 18, via: "unknown", command: "node server.js" }],
  holdersComplete: true,
  conflicts: "yes",
  rule: "listening",
  ...changes,
});
const connection = (changes: Partial<OwnerRecord> = {}) =>
  owner({ socket: "s2", state: "ESTABLISHED", peer: { address: "192.0.2.9", port: 40_000 }, ...changes });

function record(changes: Partial<CheckRecord> = {}): CheckRecord {
  const blockers = changes.blockers ?? (changes.answer === undefined ? [owner()] : []);
  return {
    type: "check",
    schema: 1,
    at: "2026-11-22T13:03:07.311000000Z",
    netns: 4026531840,
    protocol: "tcp",
    family: "ipv4",
    address: "0.0.0.0",
    port: 8080,
    binder: {
      reuseAddr: false,
      reusePort: false,
      ipv6Only: false,
      device: null,
      socketUid: 1000,
      user: { uid: 1000, name: "alice", from: "sudo" },
    },
    answer: "refused",
    errno: changes.answer === undefined ? "EADDRINUSE" : null,
    rule: changes.answer === undefined ? "listening" : null,
    reasons: [],
    evidence: "bucket",
    ownersCounted: 1,
    walkComplete: true,
    owners: blockers,
    advice: [],
    dualStack: null,
    ...changes,
    blockers,
  };
}
const text = (value: CheckRecord, options: Partial<TextOptions> = {}) => checkText(value, { ...PLAIN, ...options });

describe("the answer for people", () => {
  it("is the question, the answer, every owner, the rule and what would help", () => {
    const advice: CheckRecord["advice"] = [
      { code: "close-owner", target: "owner", change: "", wouldBind: true },
      { code: "reuseaddr-on-binder", target: "binder", change: "", wouldBind: false },
    ];
    const beside = owner({
      socket: "s2",
      address: "::",
      family: "ipv6",
      ipv6Only: true,
      conflicts: "no",
      rule: null,
      holders: [],
      inode: null,
    });
    expect(text(record({ advice, owners: [owner(), beside] }))).toBe(
      [
        "bind of 0.0.0.0:8080/tcp (every IPv4 address), without SO_REUSEADDR or",
        "SO_REUSEPORT, as alice (uid 1000, who called sudo), network namespace 4026531840",
        "✗ 14:03:07.311  would be refused  (EADDRINUSE)",
        "  blocked by  s1  0.0.0.0:8080  LISTEN  uid 1000, SO_REUSEADDR",
        "              held by node[10] through fd 18: node server.js",
        "  no conflict s2  [::]:8080  LISTEN  uid 1000, SO_REUSEADDR, IPV6_V6ONLY",
        "              no process holds it",
        "  rule        a socket that listens has the port, and the two have not both",
        "              opted into sharing it (SO_REUSEPORT)",
        "  would help  closing the blocking socket in every process that holds it",
        "  no help     SO_REUSEADDR on the new socket",
        "",
      ].join("\n"),
    );
  });

  it("passes", () => {
    expect(text(record({ answer: "passes" }))).toContain("\n✓ 14:03:07.311  would pass\n  owners      no socket has this port\n");
    const shared = { owners: [owner({ conflicts: "no" })], reasons: ["WHY"] };
    expect(text(record({ answer: "passes", ...shared }))).toMatch(/would pass\n {2}no conflict s1 [\s\S]*\n {2}note +WHY\n/);
  });

  it("is not determined, and says why", () => {
    const owners = [owner({ conflicts: "maybe", rule: null, reuseAddr: null, reusePort: null, holders: [], holdersComplete: false })];
    expect(text(record({ answer: "unknown", owners, reasons: ["ONE", "TWO"] }))).toMatch(
      /\n\? 14:03:07\.311 {2}not determined\n {2}may block +s1 .* options not visible\n +holder not found\n {2}because +ONE\n +TWO\n$/,
    );
  });

  it("another error comes with its reason, and the owners all the same", () => {
    const value = record({ errno: "EACCES", rule: "not-a-conflict", reasons: ["WHY"] });
    expect(text(value)).toMatch(/would be refused {2}\(EACCES\)\n {2}also taken {2}s1 [\s\S]*\n {2}because +WHY\n$/);
    expect(text(value)).not.toContain("rule ");
  });

  it("does not name a rule that was not seen", () => {
    expect(text(record({ rule: null }))).toMatch(/\n {2}rule +the port is taken whatever options its socket has/);
  });

  it("shows a blocker that the kernel would not ask, or may not", () => {
    expect(text(record({ answer: "passes", blockers: [owner()] }))).toContain("\n  overlooked  s1 ");
    expect(text(record({ answer: "unknown", blockers: [owner()] }))).toContain("\n  may block   s1 ");
  });

  it("counts many connections, and says who holds them", () => {
    const some = (count: number) => Array.from({ length: count }, (_, at) => connection({ state: at === 0 ? "TIME_WAIT" : "ESTABLISHED" }));
    expect(text(record({ blockers: [owner(), ...some(4)] }))).toContain(
      "\n  blocked by  4 connections: 1 TIME_WAIT, 3 ESTABLISHED; held by node[10]\n",
    );
    expect(text(record({ blockers: some(3) }))).toContain("→ 192.0.2.9:40000  TIME_WAIT");
    const bound = Array.from({ length: 10 }, () => owner({ state: "BOUND" }));
    expect(text(record({ blockers: bound }))).toContain("\n              and 2 more sockets\n");
  });

  it.each<[string, Partial<CheckRecord>, RegExp]>([
    ["IPv6, dual-stack", { address: "::", family: "ipv6" }, /^bind of \[::\]:8080\/tcp \(every address, IPv4 too\), without/],
    ["an address", { address: "127.0.0.1" }, /^bind of 127\.0\.0\.1:8080\/tcp, without/],
    ["UDP", { protocol: "udp" }, /^bind of 0\.0\.0\.0:8080\/udp/],
  ])("describes the bind: %s", (_, changes, expected) => {
    expect(text(record(changes))).toMatch(expected);
  });

  it("describes the bind: options, device and user", () => {
    const binder = {
      ...record().binder,
      reuseAddr: true,
      reusePort: true,
      device: 2,
      user: { uid: 7, name: null, from: "option" as const },
    };
    expect(text(record({ binder })).replace(/\s+/g, " ")).toContain(", with SO_REUSEADDR and SO_REUSEPORT and device 2, as uid 7, ");
  });

  it("tells of [::] where that would end in another way", () => {
    const dualStack = { answer: "refused" as const, errno: "EADDRINUSE", rule: "listening" as const, blockers: ["s1"] };
    expect(text(record({ answer: "passes", dualStack }))).toMatch(/\n {2}note +\[::\]:8080, .* would be refused by\n +s1 \(--host ::\)\n/);
    expect(text(record({ dualStack }))).not.toContain("--host");
  });
});

describe("whatever names there are", () => {
  const options = fc.record({ color: fc.boolean(), ascii: fc.boolean(), width: fc.integer({ min: 40, max: 160 }) });

  it("the text is safe on a terminal, and fits its width", () => {
    fc.assert(
      fc.property(hostile, options, (name, chosen) => {
        const holders = [{ pid: 10, comm: name, fd: 3, via: "unknown" as const, command: name }];
        const binder = { ...record().binder, user: { uid: 1, name, from: "option" as const } };
        const many = Array.from({ length: 5 }, () => connection({ holders }));
        const shown = text(record({ binder, blockers: [owner({ holders }), ...many], reasons: [name] }), chosen);
        const lines = visible(shown).split("\n");
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect(textWidth(line) <= chosen.width || !line.slice(14).trim().includes(" ")).toBe(true);
        }
        expect(shown.includes("\u001b")).toBe(chosen.color);
        if (chosen.ascii) expect(lines.join("")).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  it("the JSON is one line, safe on a terminal, and the same record", () => {
    fc.assert(
      fc.property(hostile, (name) => {
        const value = record({ blockers: [owner({ holders: [{ pid: 10, comm: name, fd: 3, via: "unknown", command: name }] })] });
        const line = jsonLine(value);
        expect(JSON.parse(line)).toEqual(value);
        expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
