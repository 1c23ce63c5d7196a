import { endianness } from "node:os";

/**
 * Reader for the kernel's own type description (BTF), as found in /sys/kernel/btf/vmlinux.
 * Source: Documentation/bpf/btf.rst in the kernel tree.
 */

const MAGIC = 0xeb9f;
const STRUCT = 4;
const UNION = 5;
const FUNCTION = 12;
const PROTOTYPE = 13;
/** typedef, volatile, const, restrict, type tag: names and qualifiers around another type. */
const TRANSPARENT: ReadonlySet<number> = new Set([8, 9, 10, 11, 18]);
/** Bytes that follow the 12-byte record of a type: [fixed, per member]; kinds not listed have none. */
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

export interface Member {
  /** Distance from the start of the outer struct, in bits. */
  bitOffset: number;
  typeId: number;
}

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
    for (let at = headerLength + typeOffset; at + 12 <= end; ) {
      const info = this.#u32(at + 4);
      const kind = this.#kind(at);
      if (kind === STRUCT || kind === UNION) {
        const name = this.#string(this.#u32(at));
        if (name !== "" && !this.#structs.has(name)) this.#structs.set(name, this.#positions.length);
      }
      this.#positions.push(at);
      const [fixed, each] = TRAILER[kind] ?? [0, 0];
      at += 12 + fixed + each * (info & 0xffff);
    }
  }

  /** Whether the kernel has a function of this name, exported or not (inlined and renamed ones are not listed). */
  hasFunction(name: string): boolean {
    return this.#functions().has(name);
  }

  /** Names of a function's parameters in their order, "" for one that has none; undefined when there is no such function. */
  parameters(name: string): string[] | undefined {
    return this.#parametersOf(name)?.map((at) => this.#string(this.#u32(at)));
  }

  /** Whether a function takes a struct or union itself, not its address. False when there is no such function. */
  takesStruct(name: string): boolean {
    const kinds = this.#parametersOf(name)?.map((at) => this.#kind(this.#position(this.#resolve(this.#u32(at + 4)))));
    return kinds?.some((kind) => kind === STRUCT || kind === UNION) ?? false;
  }

  /** Size in bytes of a named struct, or undefined when this kernel has none of that name. */
  sizeOf(struct: string): number | undefined {
    const id = this.#structs.get(struct);
    return id === undefined ? undefined : this.#u32(this.#position(id) + 8);
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
      const inner: Member | undefined = found && this.#memberOf(this.#resolve(found.typeId), name);
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
    const at = this.#position(this.#u32(this.#position(id) + 8));
    if (this.#kind(at) !== PROTOTYPE) throw new Error(`BTF gives ${name} a type that is no prototype`);
    const records = Array.from({ length: this.#u32(at + 4) & 0xffff }, (_, index) => at + 12 + index * 8);
    return records.filter((record) => this.#u32(record + 4) !== 0);
  }

  #memberOf(typeId: number, wanted: string): Member | undefined {
    const at = this.#position(typeId);
    const info = this.#u32(at + 4);
    const kind = this.#kind(at);
    if (kind !== STRUCT && kind !== UNION) return undefined;
    const offsetMask = info >>> 31 ? 0xffffff : 0xffffffff;
    for (let index = 0; index < (info & 0xffff); index++) {
      const member = at + 12 + index * 12;
      const name = this.#string(this.#u32(member));
      const typeIdOfMember = this.#u32(member + 4);
      const bitOffset = (this.#u32(member + 8) & offsetMask) >>> 0;
      if (name === wanted) return { bitOffset, typeId: typeIdOfMember };
      const nested = name === "" ? this.#memberOf(this.#resolve(typeIdOfMember), wanted) : undefined;
      if (nested) return { bitOffset: bitOffset + nested.bitOffset, typeId: nested.typeId };
    }
    return undefined;
  }

  /** Follows typedefs and qualifiers to the type that they stand for. */
  #resolve(typeId: number): number {
    let id = typeId;
    for (;;) {
      if (!TRANSPARENT.has(this.#kind(this.#position(id)))) return id;
      id = this.#u32(this.#position(id) + 8);
    }
  }

  #position(typeId: number): number {
    const at = this.#positions[typeId];
    if (at === undefined) throw new Error(`BTF names type ${typeId}, which it does not define`);
    return at;
  }

  #kind(at: number): number {
    return (this.#u32(at + 4) >>> 24) & 0x1f;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  #string(offset: number): string {
    return this.#strings.slice(offset, this.#strings.indexOf("\0", offset));
  }
}
