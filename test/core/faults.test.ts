import { describe, expect, it } from "vitest";
import { certainFaults, kernelFaults } from "../../src/core/faults.ts";
import type { Party } from "../../src/core/party.ts";
import { parseVersion } from "../../src/core/version.ts";
import { party, udp } from "./parties.ts";

function faultsOf(text: string, exact = true, orphanUidIsZero: boolean | null = null) {
  const version = parseVersion(text);
  if (!version) throw new Error(`no version: ${text}`);
  return kernelFaults({ version, exact }, orphanUidIsZero);
}
const fault = (text: string, code: string, exact = true, orphanUidIsZero: boolean | null = null) =>
  faultsOf(text, exact, orphanUidIsZero).find((found) => found.code === code);

describe("the range of a fault", () => {
  it.each([
    ["listen-succeeds-in-vain", "5.10.163", "5.10.173"],
    ["listen-succeeds-in-vain", "5.15.88", "5.15.95"],
    ["time-wait-not-seen", "6.1.0", "6.1.5"],
    ["dual-stack-wildcard-not-seen", "6.1.0", "6.1.21"],
    ["dual-stack-wildcard-not-seen", "6.2.0", "6.2.8"],
    ["mapped-address-not-seen", "6.1.0", "6.1.54"],
    ["mapped-address-not-seen", "6.3.1", "6.5.4"],
    ["behind-ipv6-only-not-seen", "6.1.0", "6.1.85"],
    ["behind-ipv6-only-not-seen", "6.6.0", "6.6.26"],
    ["behind-ipv6-only-not-seen", "6.7.0", "6.8.5"],
    ["udp-wildcard-not-refused", "6.1.100", "6.1.168"],
    ["udp-wildcard-not-refused", "6.6.57", "6.6.131"],
    ["udp-wildcard-not-refused", "6.12.0", "6.12.80"],
    ["udp-wildcard-not-refused", "6.18.1", "6.18.21"],
    ["udp-wildcard-not-refused", "6.19.10", "6.19.11"],
    ["orphans-count-as-root", "6.15.3", "6.17.0"],
    ["connect-leaves-ports-out", "5.12.0", "6.17.8"],
    ["connect-leaves-ports-out", "6.5.0", "6.17.8"],
    ["connect-leaves-ports-out", "6.17.7", "6.17.8"],
  ])("%s has %s, and no longer %s", (code, first, fixed) => {
    expect(fault(first, code)).toMatchObject({ certain: true, evidence: expect.arrayContaining([expect.any(String)]) });
    expect(fault(fixed, code)).toBeUndefined();
  });

  it.each([
    ["listen-succeeds-in-vain", "5.10.162"],
    ["time-wait-not-seen", "6.0.19"],
    ["mapped-wildcard-not-seen", "6.1.167"],
    ["fast-path-dead", "6.7.12"],
  ])("%s is not in %s yet", (code, before) => expect(fault(before, code)).toBeUndefined());

  it("has the fault that 6.1.168 brought with a fix", () => {
    expect(fault("6.1.168", "mapped-wildcard-not-seen")).toMatchObject({ certain: true });
    expect(fault("6.1.168", "udp-wildcard-not-refused")).toBeUndefined();
  });
});

describe("what is not known", () => {
  it.each([
    ["udp-wildcard-not-refused", "5.10.300"],
    ["udp-wildcard-not-refused", "5.15.200"],
    ["mapped-wildcard-not-seen", "6.1.200"],
    ["mapped-wildcard-not-seen", "6.6.140"],
    ["connect-leaves-ports-out", "5.10.300"],
    ["connect-leaves-ports-out", "5.15.200"],
    ["connect-leaves-ports-out", "6.1.200"],
    ["connect-leaves-ports-out", "6.6.100"],
    ["connect-leaves-ports-out", "6.12.200"],
    ["fast-path-dead", "7.9.0"],
  ])("%s in %s", (code, version) => expect(fault(version, code)).toMatchObject({ certain: false }));

  it("is whether a distribution took over a fix, where its name tells only the series", () => {
    expect(fault("6.1.0", "time-wait-not-seen", false)).toMatchObject({ certain: false });
    expect(fault("6.1.0", "mapped-wildcard-not-seen", false)).toMatchObject({ certain: false });
    expect(fault("5.14.0", "udp-wildcard-not-refused", false)).toMatchObject({ certain: false });
    expect(fault("6.1.0", "fast-path-dead", false)).toBeUndefined();
  });
});

describe("the next version without a fault", () => {
  it.each([
    ["6.1.10", "dual-stack-wildcard-not-seen", "6.1.21"],
    ["5.10.262", "udp-wildcard-not-refused", "6.1.168"],
    ["6.6.1", "udp-wildcard-not-refused", "6.6.131"],
    ["6.12.117", "connect-leaves-ports-out", "6.17.8"],
    ["7.2.12", "fast-path-dead", null],
  ])("for %s, %s is %s", (version, code, fixedIn) => expect(fault(version, code)?.fixedIn).toBe(fixedIn));
});

describe("what BTF says outweighs the version", () => {
  it("of sockets that count as root's", () => {
    expect(fault("6.16.4", "orphans-count-as-root")).toMatchObject({ certain: false });
    expect(fault("6.16.4", "orphans-count-as-root", true, true)).toMatchObject({ certain: true });
    expect(fault("6.12.1", "orphans-count-as-root", true, false)).toBeUndefined();
  });

  it("and of nothing else", () => {
    expect(fault("6.12.1", "fast-path-dead", true, false)).toMatchObject({ certain: true });
    expect(fault("7.9.0", "fast-path-dead", true, true)).toMatchObject({ certain: false });
  });
});

describe("the faults that a kernel has for certain", () => {
  it.each<[string | undefined, string[]]>([
    ["7.2.12", ["fast-path-dead"]],
    ["7.9.0", []],
    ["no version", []],
    [undefined, []],
  ])("of %s are %j", (release, codes) => expect(certainFaults(release).map(({ code }) => code)).toEqual(codes));
});

it("a fault tells what to do where that is easier than another kernel", () => {
  expect(fault("6.1.170", "mapped-wildcard-not-seen")?.instead).toMatch(/^bind to 0\.0\.0\.0/);
  expect(fault("6.1.0", "time-wait-not-seen")?.instead).toBeNull();
});

describe("the owners that a kernel overlooks", () => {
  const waiting = (address: string) => party(address, "", { state: "TIME_WAIT", uid: null });
  it.each<[string, string, [Party, Party][], [Party, Party][]]>([
    // fault, kernel, binders with owners that it overlooks, and with owners that it sees
    [
      "time-wait-not-seen",
      "6.1.0",
      [
        [party("127.0.0.1"), waiting("127.0.0.1")],
        [party("::1"), waiting("::1")],
      ],
      [
        [party("127.0.0.1"), party("127.0.0.1")],
        [party("0.0.0.0"), waiting("127.0.0.1")],
        [party("::"), waiting("::1")],
      ],
    ],
    [
      "dual-stack-wildcard-not-seen",
      "6.1.0",
      [[party("127.0.0.1"), party("::")]],
      [
        [party("127.0.0.1"), party("0.0.0.0")],
        [party("::"), party("::")],
        [udp("127.0.0.1"), udp("::")],
      ],
    ],
    [
      "behind-ipv6-only-not-seen",
      "6.1.0",
      [
        [party("127.0.0.1"), party("0.0.0.0")],
        [party("::ffff:127.0.0.1"), party("0.0.0.0")],
        [party("127.0.0.1"), party("::ffff:0.0.0.0")],
      ],
      [
        [party("0.0.0.0"), party("0.0.0.0")],
        [party("127.0.0.1"), party("127.0.0.1")],
        [party("::1"), party("::", "", { ipv6Only: true })],
        [udp("127.0.0.1"), udp("0.0.0.0")],
        [udp("::ffff:127.0.0.1"), udp("0.0.0.0")],
      ],
    ],
    [
      "mapped-wildcard-not-seen",
      "6.1.170",
      [
        [party("::ffff:127.0.0.1"), party("::ffff:0.0.0.0")],
        [party("::ffff:127.0.0.1"), party("0.0.0.0")],
      ],
      [
        [party("::ffff:127.0.0.1"), party("::")],
        [party("::ffff:127.0.0.1"), party("::ffff:127.0.0.1")],
        [party("::ffff:0.0.0.0"), party("::ffff:0.0.0.0")],
        [party("127.0.0.1"), party("::ffff:0.0.0.0")],
        [udp("::ffff:127.0.0.1"), udp("::ffff:0.0.0.0")],
      ],
    ],
    [
      "udp-wildcard-not-refused",
      "5.10.262",
      [
        [udp("0.0.0.0"), udp("127.0.0.1")],
        [udp("::"), udp("::1")],
        [udp("::ffff:0.0.0.0"), udp("127.0.0.1")],
      ],
      [
        [udp("0.0.0.0"), udp("0.0.0.0")],
        [udp("0.0.0.0"), udp("::")],
        [udp("127.0.0.1"), udp("127.0.0.1")],
        [party("0.0.0.0"), party("127.0.0.1")],
      ],
    ],
  ])("by %s (%s)", (code, version, overlooked, seen) => {
    const known = fault(version, code);
    const overlooks = ([binder, owner]: [Party, Party]) => known?.overlooks?.(binder, owner, 11);
    expect([...overlooked, ...seen].filter(overlooks)).toEqual(overlooked);
  });

  it("are those of UDP only where the slot is crowded, or may be", () => {
    const overlooks = (slotSize: number | null) =>
      fault("5.10.262", "udp-wildcard-not-refused")?.overlooks?.(udp("0.0.0.0"), udp("127.0.0.1"), slotSize);
    expect([10, 11, null].map(overlooks)).toEqual([false, true, true]);
  });
});

/** Each was run on such a kernel in QEMU, or on this machine. */
it.each([
  ["5.10.262", ["udp-wildcard-not-refused", "orphans-count-as-root", "connect-leaves-ports-out"]],
  ["6.1.192", ["mapped-wildcard-not-seen", "orphans-count-as-root", "connect-leaves-ports-out"]],
  ["6.12.117", ["orphans-count-as-root", "connect-leaves-ports-out", "fast-path-dead"]],
  ["6.18.44", ["fast-path-dead"]],
  ["7.2.12", ["fast-path-dead"]],
])("%s has %j", (version, codes) => {
  expect(faultsOf(version).map(({ code }) => code)).toEqual(codes);
  expect(faultsOf(version).every(({ certain, evidence }) => certain && evidence.includes("run"))).toBe(true);
});
