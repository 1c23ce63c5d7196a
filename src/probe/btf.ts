import { endianness } from "node:os";

/**
 * Reader for the kernel's own type description (BTF), as found in /sys/kernel/btf/vmlinux.
 * Source: Documentation/bpf/btf.rst in the kernel tree.
 */

const MAGIC = 0xeb9f;
/** Bytes of the record that each type begins with. */
const RECORD = 12;
const STRUCT = 4;
const UNION = 5;
const FUNCTION = 12;
const PROTOTYPE = 13;
/** typedef, volatile, const, restrict, type tag: names and qualifiers around another type. */
const TRANSPARENT: ReadonlySet<number> = new Set([8, 9, 10, 11, 18]);
/** Bytes that follow the record of a type: [fixed, per member]; kinds not listed have none. */
const TRAILER: Readonly<Record<number, readonly [number, number]>> = {
  1: [4, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  17: [4, 0],
  19: [0, 12],
};

/** A typedef of a typedef and so on: kernels come to six. A chain that is longer leads back into itself. */
const LONGEST_CHAIN = 64;
/** Structs and unions without a name in one struct, and in each other: kernels come to some dozens. */
const MOST_NAMELESS = 1000;
/** KSYM_NAME_LEN, include/linux/kallsyms.h. */
const LONGEST_NAME = 512;

export interface Member {
  /** Distance from the start of the outer struct, in bits. */
  bitOffset: number;
  typeId: number;
}

/**
 * Whatever the bytes are, reading them ends, and what they do not define is not there: a type may name one that there is not, or itself.
 */
export class Btf {
  readonly #view: DataView;
  readonly #little: boolean;
  /** The string section, decoded at once: decoding each name by itself takes longer than all else here. */
  readonly #strings: string;
  /** Byte position of each type record; index is the BTF type id. */
  readonly #positions: number[] = [0];
  readonly #structs = new Map<string, number>();
  /** Type id of each function by name, the first of each name; filled at the first question. */
  #functionIds: Map<string, number> | undefined;

  /** @throws Error when the bytes are not BTF of version 1 */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = endianness() === "LE";
    if (bytes.byteLength < 24 || this.#view.getUint16(0, this.#little) !== MAGIC) throw new Error("not BTF");
    if (bytes[2] !== 1) throw new Error(`BTF version ${bytes[2]} is unknown`);
    const [headerLength, typeOffset, typeLength, stringOffset, stringLength] = [4, 8, 12, 16, 20].map((at) => this.#u32(at)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const strings = bytes.subarray(headerLength + stringOffset, headerLength + stringOffset + stringLength);
    this.#strings = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength).toString("latin1");
    const end = headerLength + typeOffset + typeLength;
    if (Math.max(end, headerLength + stringOffset + stringLength) > bytes.byteLength) throw new Error("BTF is cut short");
    for (let at = headerLength + typeOffset; at < end; ) {
      if (at + RECORD > end) throw new Error("BTF is cut short");
      const info = this.#u32(at + 4);
      const kind = this.#kind(at);
      if (kind === STRUCT || kind === UNION) {
        const name = this.#string(this.#u32(at));
        if (name !== "" && !this.#structs.has(name)) this.#structs.set(name, this.#positions.length);
      }
      this.#positions.push(at);
      const [fixed, each] = TRAILER[kind] ?? [0, 0];
      at += RECORD + fixed + each * (info & 0xffff);
      if (at > end) throw new Error("BTF is cut short");
    }
  }

  /** Whether the kernel has a function of this name, exported or not (inlined and renamed ones are not listed). */
  hasFunction(name: string): boolean {
    return this.#functions().has(name);
  }

  /** Names of a function's parameters in their order, "" for one that has none; undefined when there is no such function or prototype. */
  parameters(name: string): string[] | undefined {
    const names = this.#parametersOf(name)?.map((at) => this.#string(this.#u32(at)));
    // They become part of a program.
    return names?.every((one) => /^\w*$/.test(one)) ? names : undefined;
  }

  /** Whether a function takes a struct or union itself, not its address. False when there is no such function. */
  takesStruct(name: string): boolean {
    const types = this.#parametersOf(name)?.map((at) => this.#resolve(this.#u32(at + 4)));
    return types?.some((type) => type !== undefined && (this.#kind(type) === STRUCT || this.#kind(type) === UNION)) ?? false;
  }

  /** Size in bytes of a named struct, or undefined when this kernel has none of that name. */
  sizeOf(struct: string): number | undefined {
    const at = this.#positions[this.#structs.get(struct) ?? 0];
    return at ? this.#u32(at + 8) : undefined;
  }

  /**
   * Finds `struct.member[.member...]`, looking through anonymous members as C does.
   * Returns undefined when this kernel has no such field.
   */
  member(path: string): Member | undefined {
    const [struct, ...names] = path.split(".");
    const id = this.#structs.get(struct ?? "");
    if (id === undefined) return undefined;
    let found: Member | undefined = { bitOffset: 0, typeId: id };
    for (const name of names) {
      const inner: Member | undefined = found && this.#memberOf(found.typeId, name, new Set());
      found = inner && { bitOffset: (found?.bitOffset ?? 0) + inner.bitOffset, typeId: inner.typeId };
    }
    return found;
  }

  #functions(): Map<string, number> {
    if (this.#functionIds) return this.#functionIds;
    const ids = new Map<string, number>();
    for (const [id, at] of this.#positions.entries()) {
      if (id === 0 || this.#kind(at) !== FUNCTION) continue;
      const name = this.#string(this.#u32(at));
      if (!ids.has(name)) ids.set(name, id);
    }
    this.#functionIds = ids;
    return ids;
  }

  /**
   * Where the records of a function's parameters are: each of name and type. The list of a variadic one ends in a
   * nameless parameter of type 0 (btf.rst, BTF_KIND_FUNC_PROTO), which is left out.
   */
  #parametersOf(name: string): number[] | undefined {
    const id = this.#functions().get(name);
    if (id === undefined) return undefined;
    const at = this.#positions[this.#u32((this.#positions[id] ?? 0) + 8)];
    if (!at || this.#kind(at) !== PROTOTYPE) return undefined;
    const records = Array.from({ length: this.#u32(at + 4) & 0xffff }, (_, index) => at + RECORD + index * 8);
    return records.filter((record) => this.#u32(record + 4) !== 0);
  }

  /** `seen`: where the structs and unions are that have been searched for it in vain. */
  #memberOf(typeId: number, wanted: string, seen: Set<number>): Member | undefined {
    const at = this.#resolve(typeId);
    if (at === undefined || seen.has(at) || seen.size > MOST_NAMELESS) return undefined;
    seen.add(at);
    const info = this.#u32(at + 4);
    const kind = this.#kind(at);
    if (kind !== STRUCT && kind !== UNION) return undefined;
    const offsetMask = info >>> 31 ? 0xffffff : 0xffffffff;
    for (let index = 0; index < (info & 0xffff); index++) {
      const member = at + RECORD + index * 12;
      const name = this.#string(this.#u32(member));
      const typeIdOfMember = this.#u32(member + 4);
      const bitOffset = (this.#u32(member + 8) & offsetMask) >>> 0;
      if (name === wanted) return { bitOffset, typeId: typeIdOfMember };
      const nested = name === "" ? this.#memberOf(typeIdOfMember, wanted, seen) : undefined;
      if (nested) return { bitOffset: bitOffset + nested.bitOffset, typeId: nested.typeId };
    }
    return undefined;
  }

  /** Follows typedefs and qualifiers to where the type is that they stand for; undefined when it is not defined, and for void. */
  #resolve(typeId: number): number | undefined {
    let at = this.#positions[typeId];
    for (let step = 0; at && TRANSPARENT.has(this.#kind(at)); step++) {
      if (step === LONGEST_CHAIN) return undefined;
      at = this.#positions[this.#u32(at + 8)];
    }
    return at || undefined;
  }

  #kind(at: number): number {
    return (this.#u32(at + 4) >>> 24) & 0x1f;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  #string(offset: number): string {
    const some = this.#strings.slice(offset, offset + LONGEST_NAME);
    const end = some.indexOf("\0");
    return end === -1 ? "" : some.slice(0, end);
  }
}
