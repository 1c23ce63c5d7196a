import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ok } from "../../src/base/result.ts";
import { findSymbols, readKallsyms, udpTable } from "../../src/probe/symbols.ts";
import { FUNCTIONS } from "../fixtures/kernels/excerpt.mjs";
import { column, KERNELS, kernelFixture, type Row } from "./kernels.ts";

const WANTED = [...FUNCTIONS, "udp_table"];
/** What the compiler added to each name, null where the kernel has no such symbol. */
const ADDED: Record<string, Row<string | null>> = {
  ...Object.fromEntries(WANTED.map((name) => [name, ""])),
  //                              5.10  6.1   6.12  6.18  7.2
  inet_bhash2_addr_any_conflict: [null, "", "", "", ""],
  inet_bind_conflict: [null, "", "", "", ""],
  udp_lib_lport_inuse: ["", "", "", ".isra.0", ".isra.0"],
  __sys_bind_socket: [null, null, "", "", ""],
  __sys_listen_socket: [null, null, "", "", ""],
  sk_setsockopt: [null, "", "", "", ""],
  do_ipv6_setsockopt: [".constprop.0", "", "", "", ""],
  sock_i_uid: ["", "", "", null, null],
  // Built without KALLSYMS_ALL, the kernel of 6.18 lists functions only.
  udp_table: ["", "", "", null, ""],
};

describe.each(KERNELS)("symbols of %s", (kernel) => {
  const { kallsyms } = kernelFixture(kernel);
  const found = findSymbols(kallsyms, WANTED);

  it("are found by name or as what the compiler made of them", () => {
    const added = [...found].map(([wanted, { name }]) => [wanted, name.slice(wanted.length)]);
    expect(Object.fromEntries(added)).toEqual(column(ADDED, kernel));
    expect([...found].every(([wanted, { name, exact }]) => exact === (name === wanted))).toBe(true);
  });

  it("are where their line says", () => {
    const lines = kallsyms.split("\n");
    for (const { name, address } of found.values()) {
      expect(lines.filter((line) => line.startsWith(address.toString(16)) && line.endsWith(` ${name}`))).toHaveLength(1);
    }
  });

  it("are not found under a name that several have", () => {
    expect(kallsyms.match(/ udp_lib_hash$/gm)?.length).toBeGreaterThan(1);
    expect(findSymbols(kallsyms, ["udp_lib_hash", "udp_lib_close"])).toEqual(new Map());
  });
});

describe("one symbol", () => {
  const only = (lines: string[]) => findSymbols(`${lines.join("\n")}\n`, ["f"]).get("f");
  const FROM_1 = { name: "f", exact: true, address: 1n };

  it.each([
    ["as it is rather than a copy", ["2 t f.isra.0", "1 t f", "3 t f.constprop.1"], FROM_1],
    ["of vmlinux rather than of a module", ["2 t f\t[a]", "1 t f", "3 t f\t[b]"], FROM_1],
    ["of vmlinux even if it is a copy there", ["2 t f\t[a]", "1 t f.isra.0"], { name: "f.isra.0", exact: false, address: 1n }],
    ["of a module", ["1 t f\t[a]"], FROM_1],
    ["of a copy of a copy", ["1 t f.constprop.0.isra.10"], { name: "f.constprop.0.isra.10", exact: false, address: 1n }],
    ["whose address is hidden", ["0000000000000000 T f"], { name: "f", exact: true, address: 0n }],
    ["of which only the last line tells", ["2 t g", "1 W f"], FROM_1],
  ])("%s", (_, lines, expected) => {
    expect(only(lines)).toEqual(expected);
    expect(only(lines.toReversed())).toEqual(expected);
  });

  it.each([
    ["twice", ["1 t f", "2 t f"]],
    ["twice, hidden", ["0 t f", "0 t f"]],
    ["twice, with a copy or in a module besides", ["1 t f", "2 t f", "3 t f.isra.0", "4 t f\t[a]"]],
    ["as two copies", ["1 t f.constprop.0", "2 t f.constprop.1"]],
    ["in two modules", ["1 t f\t[a]", "2 t f\t[b]"]],
    ["as a part", ["1 t f.part.0", "2 t f.isra.0.part.1", "3 t f.part.0.isra.0", "4 t f.cold", "5 t f.isra.0.cold"]],
    ["as the padding before it", ["1 t __pfx_f"]],
    ["as a constant", ["1 A f", "2 a f"]],
    ["not at all", ["1 t ff", "2 t f2", "3 t f.isra", "4 t f.isra.", "5 t f.isra.x", "6 t g\t[f]", ""]],
  ])("%s", (_, lines) => {
    expect(only(lines)).toBeUndefined();
  });
});

it("takes wanted names literally", () => {
  expect([...findSymbols("1 t f\n2 t fff\n3 t f.isra.0\n", ["f.isra.0", "f+", "."]).keys()]).toEqual(["f.isra.0"]);
});

describe("of any list", () => {
  const line = fc.record({
    address: fc.nat(3),
    letter: fc.constantFrom(..."tTdDbBrRwWaAVU"),
    base: fc.constantFrom("bind", "bind2", "__bind", "bin", "rebind"),
    added: fc.constantFrom(
      "",
      "",
      ".isra.0",
      ".isra.12",
      ".constprop.0",
      ".constprop.0.isra.1",
      ".part.0",
      ".cold",
      ".isra.0.cold",
      ".isra",
    ),
    module: fc.constantFrom(undefined, undefined, "bind", "ipv6"),
  });
  type Line = typeof line extends fc.Arbitrary<infer Value> ? Value : never;
  const text = (lines: readonly Line[]) =>
    lines
      .map(({ address, letter, base, added, module }) => `${address} ${letter} ${base}${added}${module ? `\t[${module}]` : ""}\n`)
      .join("");

  /** The rule as it is told, one line after the other. */
  const chosen = (lines: readonly Line[], wanted: string) => {
    const fit = lines.filter(({ base, letter, added }) => base === wanted && !"aAVU".includes(letter) && !/part|cold|isra$/.test(added));
    for (const inModule of [false, true]) {
      for (const exact of [true, false]) {
        const equals = fit.filter(({ added, module }) => (module !== undefined) === inModule && (added === "") === exact);
        const [first, ...others] = equals;
        if (first) return others.length > 0 ? undefined : { name: wanted + first.added, exact, address: BigInt(first.address) };
      }
    }
    return undefined;
  };

  it("takes the one that is best", () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.uniqueArray(fc.constantFrom("bind", "bind2", "__bind", "other")),
        (lines, wanted) => {
          const found = findSymbols(text(lines), wanted);
          expect(wanted).toEqual(expect.arrayContaining([...found.keys()]));
          for (const name of wanted) expect(found.get(name)).toEqual(chosen(lines, name));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("does not depend on the order, nor on the form", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const found = findSymbols(text(lines), ["bind", "bin"]);
        expect(findSymbols(Buffer.from(text(lines.toReversed())), ["bin", "bind"])).toEqual(found);
      }),
    );
  });
});

it("is read from the running kernel", () => {
  expect(readKallsyms()?.subarray(0, 40).toString()).toMatch(/^[0-9a-f]{8,16} [A-Za-z] /);
  expect(readKallsyms(`/nowhere/${randomUUID()}`)).toBeNull();
});

describe("the table of UDP", () => {
  const at = (address: string) => udpTable(Buffer.from(`${address} D udp_table\n`));

  it("is where the list says", () => expect(at("ffffffff8287e9f0")).toEqual(ok(0xffffffff8287e9f0n)));
  it("is not known where the list has none", () => {
    expect([udpTable(null), udpTable(Buffer.from("1 t f\n"))]).toEqual([ok(0n), ok(0n)]);
  });
  it("is a matter of rights where its address is hidden", () => {
    expect(at("0000000000000000")).toMatchObject({
      ok: false,
      error: { kind: "not-permitted", message: expect.stringContaining(": give CAP_SYSLOG") },
    });
  });
});
