import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { Btf } from "../../src/probe/btf.ts";
import { readLayout } from "../../src/probe/layout.ts";
import { findSymbols } from "../../src/probe/symbols.ts";
import { btfExcerpt, FUNCTIONS } from "../fixtures/kernels/excerpt.mjs";
import { column, KERNELS, type Kernel, kernelFixture, type Row } from "./kernels.ts";

const OWN_TABLE = (at: number) => `(*(uint64*)($net+${at}))`;
/** What readLayout makes of the whole BTF and kallsyms of each kernel. */
const DEFINES: Record<string, Row<string | null>> = {
  //               5.10     6.1     6.12    6.18   7.2
  OFF_SKC_FAMILY: "16",
  OFF_SKC_PORTPAIR: "8",
  OFF_SKC_V6_LOCAL: "72",
  OFF_SKC_V6_PEER: "56",
  OFF_SKC_BIND_NODE: "24",
  OFF_SKC_NODE: "104",
  OFF_TB_NODE: "48",
  OFF_TB2_NODE: [null, null, "48", "48", "48"],
  OFF_PID_NUMBERS: ["96", "96", "112", "144", "128"],
  OFF_COMM: ["2736", "2976", "2976", "1752", "3344"],
  OFF_TGID_PID: ["360", "368", "360", "368", "384"],
  OFF_SCM_FILES: ["16", "40", "40", "40", "40"],
  OFF_FILE_COUNT: ["56", "56", "0", "176", "168"],
  FILE_COUNT_BASE: ["0", "0", "0", "1", "1"],
  UDP_TABLE: ["0xffffffff8287e9f0", "0xffffffff82c440d0", OWN_TABLE(960), OWN_TABLE(1024), OWN_TABLE(1216)],
};
const CHOICES: Record<string, Row<string | boolean>> = {
  walk: ["owners", "owners", "bhash2", "bhash2", "bhash2"],
  bhash2: [false, true, true, true, true],
  orphanUidIsZero: [true, true, true, false, false],
};
/**
 * Fields that are read, but whose absence is not simply refused by their name: what is named instead, or null where the
 * kernel is traced without.
 */
const NOT_NAMED: Record<string, Row<string | null>> = {
  "inet_bind_bucket.bhash2": "inet_bind_bucket.owners",
  "file.f_count.counter": "file.f_count",
  "file.f_ref.refcnt.counter": "file.f_count",
  // The address of udp_table does as well, but the kernel of 6.18 does not list it.
  "net.ipv4.udp_table": [null, null, null, "net.ipv4.udp_table", null],
};

describe.each(KERNELS)("%s", (kernel) => {
  it("has the layout that was read from all of its BTF", () => {
    expect(layoutOf(kernel)).toEqual({ ok: true, value: { defines: column(DEFINES, kernel), ...column(CHOICES, kernel) } });
  });

  it("is refused without any one of the fields that are read, and that field is named", () => {
    const fields = fieldsRead(kernel);
    expect(fields).toContain("sock.sk_uid");
    const named = fields.map((field) => [field, errorOf(layoutOf(kernel, field))]);
    expect(named).toEqual(fields.map((field) => [field, field in NOT_NAMED ? (column(NOT_NAMED, kernel)[field] ?? null) : field]));
  });
});

it("is refused where neither the network namespace nor kallsyms tells of the UDP table", () => {
  const named = KERNELS.map((kernel) => errorOf(readLayout(kernelFixture(kernel).btf, 0n)));
  expect(named).toEqual(["net.ipv4.udp_table", "net.ipv4.udp_table", null, null, null]);
});

function layoutOf(kernel: Kernel, without?: string) {
  const { btf, kallsyms } = kernelFixture(kernel, without);
  return readLayout(btf, addressOfUdpTable(kallsyms));
}

function addressOfUdpTable(kallsyms: string): bigint {
  return findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address ?? 0n;
}

const errorOf = (layout: ReturnType<typeof readLayout>) => (layout.ok ? null : layout.error);

function fieldsRead(kernel: Kernel): string[] {
  const { btf, kallsyms } = kernelFixture(kernel);
  const member = vi.spyOn(btf, "member");
  readLayout(btf, addressOfUdpTable(kallsyms));
  const asked = [...new Set(member.mock.calls.map(([path]) => path))];
  return asked.filter((path) => btf.member(path));
}

/** Fails when src reads a struct that the excerpts do not have: add it to STRUCTS and make them again. */
describe.skipIf(!existsSync("/sys/kernel/btf/vmlinux"))("an excerpt of this machine's kernel", () => {
  const load = () => {
    const bytes = readFileSync("/sys/kernel/btf/vmlinux");
    return { whole: new Btf(bytes), excerpt: new Btf(btfExcerpt(bytes)) };
  };

  it("has the layout and the functions of the whole", () => {
    const { whole, excerpt } = load();
    const seen = (btf: Btf) => [readLayout(btf, 1n), ...FUNCTIONS.map((name) => [name, btf.parameters(name), btf.takesStruct(name)])];
    expect(seen(excerpt)).toEqual(seen(whole));
  });
});
