import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Btf } from "../../src/probe/btf.ts";
import { readLayout } from "../../src/probe/layout.ts";
import { type BtfType, btfBlob } from "./btf-blob.ts";
import { column, KERNELS, kernelFixture, type Row } from "./kernels.ts";

const INT = 1;

/** Every kind once, so that a wrong length of any would displace all that follows. */
const kinds: BtfType[] = [
  { kind: "int", name: "int" }, // 1
  { kind: "pointer", type: 1 },
  { kind: "array" },
  { kind: "enum", name: "colour", extra: [1, 2, 3] },
  { kind: "forward", name: "sock" },
  { kind: "function", name: "sock_i_uid" },
  { kind: "prototype", extra: [1, 2] },
  { kind: "variable", name: "jiffies" },
  { kind: "section", name: ".data", extra: [1, 2] },
  { kind: "float", name: "double" },
  { kind: "declTag", name: "tag" },
  { kind: "enum64", name: "big", extra: [1, 2] }, // 12
];
const types: BtfType[] = [
  ...kinds,
  // 13: struct inner { int x; int y; }
  {
    kind: "struct",
    name: "inner",
    size: 8,
    members: [
      { name: "x", type: INT, at: 0 },
      { name: "y", type: INT, at: 32 },
    ],
  },
  { kind: "typedef", name: "inner_t", type: 13 }, // 14
  { kind: "const", type: 14 },
  { kind: "volatile", type: 15 },
  { kind: "typeTag", name: "rcu", type: 16 },
  { kind: "restrict", type: 17 }, // 18
  // 19: union { int a; struct inner named; }, 20: struct { union (19); int b; }
  {
    kind: "union",
    size: 8,
    members: [
      { name: "a", type: INT, at: 0 },
      { name: "named", type: 13, at: 0 },
    ],
  },
  {
    kind: "struct",
    size: 16,
    members: [
      { name: "", type: 19, at: 32 },
      { name: "b", type: INT, at: 96 },
    ],
  },
  // 21: struct outer
  {
    kind: "struct",
    name: "outer",
    size: 64,
    members: [
      { name: "first", type: INT, at: 0 },
      { name: "", type: 20, at: 64 },
      { name: "wrapped", type: 18, at: 256 },
      { name: "reference", type: 2, at: 384 },
    ],
  },
  // 22: struct bits, with widths in the upper byte of each offset
  {
    kind: "struct",
    name: "bits",
    size: 8,
    kindFlag: true,
    members: [
      { name: "state", type: INT, at: 16, width: 8 },
      { name: "reuse", type: INT, at: 24, width: 4 },
      { name: "reuseport", type: INT, at: 28, width: 1 },
      { name: "ipv6only", type: INT, at: 29, width: 1 },
      { name: "plain", type: INT, at: 32 },
    ],
  },
  { kind: "struct", name: "outer", size: 1, members: [] },
];
const btf = new Btf(btfBlob(types));

describe("member", () => {
  it.each([
    ["inner.y", 32],
    ["outer.first", 0],
    // through an anonymous struct and the anonymous union in it
    ["outer.a", 64 + 32],
    ["outer.named.y", 64 + 32 + 32],
    ["outer.b", 64 + 96],
    // through restrict, type tag, volatile, const and typedef
    ["outer.wrapped.y", 256 + 32],
    ["bits.state", 16],
    ["bits.reuse", 24],
    ["bits.reuseport", 28],
    ["bits.ipv6only", 29],
    ["bits.plain", 32],
  ])("%s is at bit %d", (path, bit) => {
    expect(btf.member(path)?.bitOffset).toBe(bit);
  });

  it.each(["outer.c", "outer.first.x", "outer.reference.x", "inner_t.x", "nothing.x", "outer..x", "sock.sk_uid"])(
    "%s is not there",
    (path) => {
      expect(btf.member(path)).toBeUndefined();
    },
  );
});

describe("types that lead nowhere", () => {
  const struct = (name: string, ...members: { name: string; type: number }[]): BtfType => ({
    kind: "struct",
    name,
    size: 8,
    members: members.map((member) => ({ ...member, at: 0 })),
  });

  it.each<[string, BtfType[]]>([
    ["a typedef of itself", [struct("a", { name: "b", type: 2 }), { kind: "typedef", name: "t", type: 2 }]],
    ["two of each other", [struct("a", { name: "b", type: 2 }), { kind: "const", type: 3 }, { kind: "volatile", type: 2 }]],
    ["a nameless struct in itself", [struct("a", { name: "", type: 2 }), struct("", { name: "", type: 2 }, { name: "", type: 1 })]],
    ["what there is not", [struct("a", { name: "b", type: 99 })]],
    ["void", [struct("a", { name: "b", type: 0 })]],
    // Without a limit, the number of ways through these doubles with each.
    [
      "nameless structs in one another",
      [
        struct("a", { name: "", type: 2 }),
        ...Array.from({ length: 5000 }, (_, at) => struct("", ...[3, 3].map((more) => ({ name: "", type: at + more })))),
      ],
    ],
  ])("%s", (_, some) => {
    expect(new Btf(btfBlob(some)).member("a.b.c")).toBeUndefined();
  });
});

it("knows sizes of structs by name, the first of each name", () => {
  expect(["inner", "outer", "bits", "inner_t", "sock"].map((name) => btf.sizeOf(name))).toEqual([8, 64, 8, undefined, undefined]);
});

it("knows functions by name", () => {
  expect(["sock_i_uid", "jiffies", "inner", ""].map((name) => btf.hasFunction(name))).toEqual([true, false, false, false]);
});

describe("parameters", () => {
  /** int is type 1 and its name is at 1; function f is of this type; 3 is a prototype of these names and types. */
  const withFunction = (type: number, parameters: number[]) => {
    const blob = btfBlob([
      { kind: "int", name: "int" },
      { kind: "function", name: "f", type },
      { kind: "prototype", extra: parameters.slice(parameters.length / 2) },
    ]);
    // After the header, the int with its extra word, the function, and the prototype's own record.
    blob.set(new Uint8Array(Uint32Array.from(parameters).buffer), 24 + 16 + 12 + 12);
    return new Btf(blob);
  };

  it.each([
    ["nothing", [], []],
    ["one with a name and one without", [1, 1, 0, 1], ["int", ""]],
    ["an ellipsis", [1, 1, 0, 0], ["int"]],
  ])("of a function of %s", (_, parameters, names) => {
    expect(withFunction(3, parameters).parameters("f")).toEqual(names);
  });

  it("of what is no function are not there", () => {
    expect([btf.parameters("inner"), btf.parameters("nothing"), btf.takesStruct("nothing")]).toEqual([undefined, undefined, false]);
  });

  it.each([
    ["another type", 1],
    ["a type that there is not", 99],
    ["void", 0],
  ])("of a function whose prototype is %s are not there", (_, type) => {
    expect(withFunction(type, []).parameters("f")).toBeUndefined();
  });
});

/** Parameters of each function; the columns are KERNELS: 5.10, 6.1, 6.12, 6.18, 7.2. */
const PARAMETERS: Record<string, Row<string | null>> = {
  inet_csk_get_port: "sk snum",
  udp_lib_get_port: "sk snum hash2_nulladdr",
  inet_csk_bind_conflict: since(1, "sk tb tb2 relax reuseport_ok", "sk tb relax reuseport_ok"),
  inet_bhash2_addr_any_conflict: since(1, "sk port l3mdev relax reuseport_ok"),
  inet_bind_conflict: [
    null,
    "sk sk2 sk_uid relax reuseport_cb_ok reuseport_ok",
    "sk sk2 sk_uid relax reuseport_cb_ok reuseport_ok",
    "sk sk2 uid relax reuseport_cb_ok reuseport_ok",
    "sk sk2 uid relax reuseport_cb_ok reuseport_ok",
  ],
  inet_rcv_saddr_equal: "sk sk2 match_wildcard",
  // From 6.18 on it is .isra.0, which BTF does not list.
  udp_lib_lport_inuse: since(3, null, "net num hslot bitmap sk log"),
  udp_lib_lport_inuse2: "net num hslot2 sk",
  __sys_bind: "fd umyaddr addrlen",
  __sys_listen: "fd backlog",
  __sys_bind_socket: since(2, "sock address addrlen"),
  __sys_listen_socket: since(2, "sock backlog"),
  inet_release: "sock",
  sock_setsockopt: "sock level optname optval optlen",
  sk_setsockopt: since(1, "sk level optname optval optlen"),
  ipv6_setsockopt: "sk level optname optval optlen",
  // On 5.10 it is .constprop.0.
  do_ipv6_setsockopt: since(1, "sk level optname optval optlen"),
  inet_csk_destroy_sock: "sk",
  inet_put_port: "sk",
  inet_twsk_bind_unhash: "tw hashinfo",
  udp_lib_unhash: "sk",
  inet_autobind: "sk",
  inet_dgram_connect: "sock uaddr addr_len flags",
  find_vpid: "nr",
  __x64_sys_kill: "regs",
  sock_i_uid: since(3, null, "sk"),
};
/** A sockptr_t is a struct, and so is a kuid_t. */
const TAKE_STRUCT = ["inet_bind_conflict", "sock_setsockopt", "sk_setsockopt", "ipv6_setsockopt", "do_ipv6_setsockopt"];

/** A row that changes once, with the kernel at this place. */
function since(place: number, then: string | null, before: string | null = null): Row<string | null> {
  return KERNELS.map((_, index) => (index < place ? before : then));
}

describe.each(KERNELS)("functions of %s", (kernel) => {
  const { btf: excerpt } = kernelFixture(kernel);
  const names = Object.keys(PARAMETERS);

  it("have the parameters of its source", () => {
    const found = names.map((name) => [name, excerpt.parameters(name)?.join(" ")] as const);
    expect(Object.fromEntries(found.filter(([, parameters]) => parameters !== undefined))).toEqual(column(PARAMETERS, kernel));
  });

  it("are there when they have parameters", () => {
    expect(names.filter((name) => excerpt.hasFunction(name))).toEqual(Object.keys(column(PARAMETERS, kernel)));
  });

  it("take structs where the source does", () => {
    expect(names.filter((name) => excerpt.takesStruct(name))).toEqual(TAKE_STRUCT.filter((name) => excerpt.hasFunction(name)));
  });
});

describe("bytes that are not BTF", () => {
  it.each([
    ["nothing", new Uint8Array(0), "not BTF"],
    ["a short file", Buffer.from([0x9f, 0xeb, 1]), "not BTF"],
    ["an ELF file", Buffer.from(`\u007fELF${"\0".repeat(64)}`), "not BTF"],
    ["another version", Buffer.from(btfBlob(kinds)).fill(2, 2, 3), "BTF version 2 is unknown"],
  ])("%s", (_, bytes, message) => {
    expect(() => new Btf(bytes)).toThrow(message);
  });

  it("are told wherever the blob is cut", () => {
    const whole = btfBlob(types);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        expect(() => new Btf(whole.subarray(0, length))).toThrow(/^(not BTF|BTF is cut short)$/);
      }),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(!existsSync("/sys/kernel/btf/vmlinux"))("this machine's kernel", () => {
  const load = () => new Btf(readFileSync("/sys/kernel/btf/vmlinux"));

  it("has the fields that every kernel has, where every kernel has them", () => {
    const kernel = load();
    const byte = (path: string) => (kernel.member(path)?.bitOffset ?? Number.NaN) / 8;
    const family = byte("sock_common.skc_family");
    expect(byte("sock_common.skc_daddr")).toBe(0);
    expect(byte("sock_common.skc_rcv_saddr")).toBe(4);
    expect(byte("sock_common.skc_state")).toBe(family + 2);
    expect(byte("sock_common.skc_reuseport")).toBe(family + 3.5);
    expect(byte("sock.__sk_common.skc_family")).toBe(family);
    expect(byte("inet_timewait_sock.__tw_common.skc_num")).toBe(byte("sock_common.skc_num"));
    expect(kernel.hasFunction("inet_csk_get_port")).toBe(true);
  });

  it("gives a layout", () => {
    expect(readLayout(load(), 1n)).toMatchObject({ ok: true, value: { defines: { OFF_SKC_FAMILY: "16" } } });
  });
});
