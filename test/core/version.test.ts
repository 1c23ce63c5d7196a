import { describe, expect, it } from "vitest";
import { compareVersions, parseVersion, upstreamVersion } from "../../src/core/version.ts";

describe("parseVersion", () => {
  it.each([
    ["6.18.44-fc-v669", [6, 18, 44]],
    ["6.1", [6, 1, 0]],
    ["v0.17.0", [0, 17, 0]],
  ])("%s", (text, version) => expect(parseVersion(text)).toEqual(version));
  it("is undefined where there is none", () => expect(parseVersion("custom")).toBeUndefined());
});

describe("compareVersions", () => {
  it.each([
    ["6.1.5", "6.1.5", 0],
    ["6.1.4", "6.1.5", -1],
    ["6.2", "6.1.99", 1],
    ["5.15.99", "6.0", -1],
  ])("%s and %s", (a, b, sign) => {
    const [left, right] = [parseVersion(a), parseVersion(b)];
    if (!left || !right) throw new Error("no version");
    expect(Math.sign(compareVersions(left, right))).toBe(sign);
  });
});

/** Names as such kernels really have them. */
describe("upstreamVersion", () => {
  const of = (release: string, build = "#1 SMP", signature: string | null = null) => upstreamVersion({ release, build, signature });

  it("takes Debian's package version, of which the release shows only the series", () => {
    const build = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)";
    expect(of("6.1.0-56-cloud-amd64", build)).toEqual({ version: [6, 1, 192], exact: true });
  });
  it("takes what Ubuntu says in /proc/version_signature", () => {
    const signature = "Ubuntu 6.8.0-45.45-generic 6.8.12\n";
    expect(of("6.8.0-45-generic", "#45-Ubuntu SMP", signature)).toEqual({ version: [6, 8, 12], exact: true });
  });
  it.each([
    ["6.18.44-fc-v669", [6, 18, 44], true],
    ["6.12.117+deb13-cloud-amd64", [6, 12, 117], true],
    ["6.1.115-126.197.amzn2023.x86_64", [6, 1, 115], true],
    ["7.0.0", [7, 0, 0], true],
    ["7.1.0-rc3+", [7, 1, 0], true],
    // Their patch level says nothing of the fixes that were taken over.
    ["5.14.0-427.13.1.el9_4.x86_64", [5, 14, 0], false],
    ["6.4.0-150600.23-default", [6, 4, 0], false],
    ["6.8.0-45-generic", [6, 8, 0], false],
  ])("%s", (release, version, exact) => expect(of(release)).toEqual({ version, exact }));
  it("is undefined for a name without a version", () => expect(of("custom")).toBeUndefined());
});
