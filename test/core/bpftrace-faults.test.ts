import { describe, expect, it } from "vitest";
import { bpftraceFaults } from "../../src/core/bpftrace-faults.ts";
import { parseVersion, type Version } from "../../src/core/version.ts";

const version = (text: string) => parseVersion(text) as Version;
const codes = (bpftrace: string, kernel = "6.12.1", contained = false) =>
  bpftraceFaults({ bpftrace: version(bpftrace), kernel: version(kernel), contained }).map(({ code }) => code);

describe("faults of bpftrace", () => {
  it.each([
    ["0.17.0", ["perf-buffer"]],
    ["0.20.4", []],
    ["0.23.2", []],
    ["0.24.0", ["losses-undercounted"]],
    ["0.27.0", ["losses-undercounted", "shorter-walks"]],
  ])("%s: %j", (bpftrace, expected) => expect(codes(bpftrace)).toEqual(expected));

  it("0.17 on a kernel whose BTF it cannot read", () => {
    expect(codes("0.17.0", "5.10.262")).toContain("cannot-read-btf");
    expect(codes("0.23.2", "5.10.262")).toEqual([]);
  });

  it("process ids, in a container only", () => {
    expect(codes("0.23.2", "6.12.1", true)).toEqual(["pids-of-its-own-namespace"]);
    expect(codes("0.20.4", "6.12.1", true)).toEqual([]);
  });
});
