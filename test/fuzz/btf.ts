import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { Btf } from "../../src/probe/btf.ts";
import { findHooks } from "../../src/probe/hooks.ts";
import { readLayout } from "../../src/probe/layout.ts";
import { ROOT } from "../helpers/cli.ts";
import { type BtfType, btfBlob } from "../probe/btf-blob.ts";
import { KERNELS } from "../probe/kernels.ts";
import { kind } from "./kind.ts";
import { mutated, mutations } from "./mutation.ts";

const FOLDER = join(ROOT, "test/fixtures/kernels");
const OWN = "/sys/kernel/btf/vmlinux";

const PROBLEM = /^(not BTF|BTF is cut short|BTF version \d+ is unknown)$/;

/** Whatever the bytes are, they are refused by a name, or everything that is asked of them has an answer that a program can be made of. */
function expectAnswers(bytes: Uint8Array, kallsyms: Buffer): void {
  const btf = read(bytes);
  if (!btf) return;
  for (const path of ["a.b.c", "sock.sk_uid", "sock_common.skc_reuseport", "", ".", "b.", "a"]) {
    const bits = btf.member(path)?.bitOffset;
    if (bits !== undefined && !(Number.isSafeInteger(bits) && bits >= 0)) throw new Error(`${path} is at ${bits}`);
  }
  for (const name of ["a", "b", "inet_bind_conflict", ""]) {
    for (const parameter of btf.parameters(name) ?? []) if (!/^\w*$/.test(parameter)) throw new Error(`a parameter ${parameter}`);
    if (typeof btf.takesStruct(name) !== "boolean" || typeof btf.hasFunction(name) !== "boolean") throw new Error("no answer");
    const size = btf.sizeOf(name);
    if (size !== undefined && !Number.isSafeInteger(size)) throw new Error(`${name} has ${size} bytes`);
  }
  const layout = readLayout(btf, 0xffff_ffff_8000_0000n);
  for (const define of layout.ok ? Object.values(layout.value.defines) : []) {
    if (!/^(\d+|0x[0-9a-f]+|\(\*\(uint64\*\)\(\$net\+\d+\)\))$/.test(define)) throw new Error(`defines ${define}`);
  }
  for (const attach of ["fentry", "kprobe"] as const) findHooks(attach, { btf, kallsyms, without: [] });
}

function read(bytes: Uint8Array): Btf | null {
  try {
    return new Btf(bytes);
  } catch (error) {
    if (!PROBLEM.test((error as Error).message)) throw error;
    return null;
  }
}

const names = fc.constantFrom("", "a", "b", "c", "sock", "sock_common", "skc_family", "inet_bind_conflict", "sk", "x y", "a".repeat(600));
/** Ids of a type that is there, of one that is not, of itself: there are some twenty. */
const ids = fc.oneof({ arbitrary: fc.nat(24), weight: 9 }, fc.constantFrom(0, 0xffff, 0x7fffffff));
const members = fc.array(fc.record({ name: names, type: ids, at: fc.nat(2 ** 24 - 1), width: fc.nat(255) }), { maxLength: 6 });
const OTHERS = [
  ...(["int", "pointer", "array", "enum", "forward", "typedef", "volatile", "const", "restrict", "function", "prototype"] as const),
  ...(["variable", "section", "float", "declTag", "typeTag", "enum64"] as const),
];
const type: fc.Arbitrary<BtfType> = fc.oneof(
  fc.record({ kind: fc.constantFrom("struct" as const, "union" as const), name: names, size: fc.nat(), kindFlag: fc.boolean(), members }),
  fc.record({ kind: fc.constantFrom(...OTHERS), name: names, type: ids, extra: fc.array(fc.nat(), { maxLength: 4 }) }),
);

export const madeUpBtf = kind({
  name: "made-up BTF",
  share: 140_000,
  few: 1000,
  input: fc.record({
    types: fc.array(type, { maxLength: 20, size: "max" }),
    changes: fc.oneof(fc.constant([]), mutations),
  }),
  check: ({ types, changes }) => expectAnswers(mutated(Buffer.from(btfBlob(types)), changes), Buffer.alloc(0)),
});

const excerpts = KERNELS.map((name) => ({
  bytes: gunzipSync(readFileSync(join(FOLDER, `${name}.btf.gz`))),
  kallsyms: readFileSync(join(FOLDER, `${name}.kallsyms`)),
}));

export const trueBtf = kind({
  name: "excerpts of true BTF, changed",
  share: 9000,
  few: 40,
  input: fc.record({ kernel: fc.nat(excerpts.length - 1), changes: mutations }),
  check: ({ kernel, changes }) => {
    const { bytes, kallsyms } = excerpts[kernel] as (typeof excerpts)[number];
    expectAnswers(mutated(bytes, changes), kallsyms);
  },
});

export const ownBtf = kind({
  name: "the BTF of this machine, changed",
  share: 400,
  few: 2,
  missing: existsSync(OWN) ? null : "this kernel has no BTF",
  input: mutations,
  check: (changes) => expectAnswers(mutated(readFileSync(OWN), changes), (excerpts[0] as (typeof excerpts)[number]).kallsyms),
});
