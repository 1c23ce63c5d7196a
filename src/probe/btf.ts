import { endianness } from "node:os";

/**
 * Reader for the kernel's own type description (BTF), as found in /sys/kernel/btf/vmlinux.
 * Source: Documentation/bpf/btf.rst in the kernel tree.
 */

const MAGIC = 0xeb9f;
const STRUCT = 4;
const UNION = 5;
const FUNCTION = 12;
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
  readonly #strings: Uint8Array;
  /** Byte position of each type record; index is the BTF type id. */
  readonly #positions: number[] = [0];
  readonly #structs = new Map<string, number>();

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
    this.#strings = bytes.subarray(headerLength + stringOffset, headerLength + stringOffset + stringLength);
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
    return this.#positions.some((at, id) => id > 0 && this.#kind(at) === FUNCTION && this.#string(this.#u32(at)) === name);
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
    const end = this.#strings.indexOf(0, offset);
    return Buffer.from(this.#strings.subarray(offset, end)).toString("latin1");
  }
}
