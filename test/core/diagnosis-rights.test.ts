import { describe, expect, it } from "vitest";
import { rightsFindings } from "../../src/core/diagnosis-rights.ts";
import type { Rights } from "../../src/core/rights.ts";
import { rights } from "./surveys.ts";

const SYS_ADMIN = 1n << 21n;
const BPF_AND_PERFMON = (1n << 38n) | (1n << 39n);
const rows = (change: Partial<Rights>) => rightsFindings(rights(change)).map(({ code, status }) => `${code} ${status}`);
const finding = (change: Partial<Rights>, code: string) => rightsFindings(rights(change)).find((found) => found.code === code);

describe("the rights", () => {
  it.each<[string, Partial<Rights>, string[]]>([
    ["of root", {}, ["root ok", "capabilities ok"]],
    ["of root where they cannot be read", { effective: null }, ["root ok", "capabilities ok"]],
    [
      "of root with CAP_SYS_ADMIN alone",
      { effective: SYS_ADMIN },
      [
        "root ok",
        "capabilities-held ok",
        "cap-ipc-lock note",
        "cap-sys-ptrace note",
        "cap-dac-read-search note",
        "cap-sys-nice note",
        "cap-syslog note",
      ],
    ],
    ["of root without CAP_SYS_ADMIN", { effective: ~SYS_ADMIN }, ["root ok", "capabilities-held ok", "cap-sys-admin note"]],
    [
      "of root without CAP_SYS_ADMIN where tracefs is not mounted",
      { effective: ~SYS_ADMIN, tracefs: false },
      ["root ok", "capabilities-held ok", "cap-sys-admin problem"],
    ],
    [
      "of root that may load no program",
      { effective: ~SYS_ADMIN & ~BPF_AND_PERFMON },
      ["root ok", "capabilities-held ok", "cap-bpf problem"],
    ],
    [
      "of root without any",
      { effective: 0n },
      [
        "root ok",
        "cap-bpf problem",
        "cap-ipc-lock note",
        "cap-sys-ptrace note",
        "cap-dac-read-search note",
        "cap-sys-nice note",
        "cap-syslog note",
      ],
    ],
    ["of root of a user namespace", { ownUsers: false }, ["root ok", "user-namespace problem"]],
    ["of a user", { uid: 1000, effective: 0n }, ["root problem"]],
    ["of a user whom root would not help", { uid: 1000, effective: 0n, bounding: 0n }, ["cap-bpf problem"]],
  ])("%s", (_, change, expected) => expect(rows(change)).toEqual(expected));

  it("that are held are named", () => {
    expect(finding({ effective: SYS_ADMIN | BPF_AND_PERFMON }, "capabilities-held")?.fact).toMatch(
      /it has CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF$/,
    );
  });

  it("that are missing have what they cost, and what gives them", () => {
    expect(finding({ effective: SYS_ADMIN }, "cap-sys-nice")).toEqual({
      code: "cap-sys-nice",
      status: "note",
      fact: "CAP_SYS_NICE is missing: bpftrace does not go before other processes, so events are lost sooner on a busy machine",
      mend: "run bindtrace as root outside of the container, or start the container with --cap-add SYS_NICE",
    });
  });

  it("of a user are mended by the command that is known to make it root", () => {
    expect(rightsFindings(rights({ uid: 1000 }), "run sudo bindtrace doctor")[0]?.mend).toBe("run sudo bindtrace doctor");
  });
});
