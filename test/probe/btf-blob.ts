/** A BTF type as a test writes it; `type` is the id of another one, which is its place in the list, from 1. */
export type BtfType =
  | { kind: keyof typeof OTHERS; name?: string; type?: number; extra?: number[] }
  | { kind: "struct" | "union"; name?: string; size: number; kindFlag?: boolean; members: BtfMember[] };
export interface BtfMember {
  name: string;
  type: number;
  /** Distance from the start, in bits. */
  at: number;
  /** Width of a bit field, with `kindFlag` alone. */
  width?: number;
}

/** Kinds without members: number, and how many words follow the record. */
const OTHERS = {
  int: [1, 1],
  pointer: [2, 0],
  array: [3, 3],
  enum: [6, 0],
  forward: [7, 0],
  typedef: [8, 0],
  volatile: [9, 0],
  const: [10, 0],
  restrict: [11, 0],
  function: [12, 0],
  prototype: [13, 0],
  variable: [14, 1],
  section: [15, 0],
  float: [16, 0],
  declTag: [17, 1],
  typeTag: [18, 0],
  enum64: [19, 0],
} as const;
/** Words for each of `extra` in kinds that have a list. */
const LISTS: Partial<Record<keyof typeof OTHERS, number>> = { enum: 2, prototype: 2, section: 3, enum64: 3 };

/** A blob as /sys/kernel/btf/vmlinux has it, in the byte order of this machine. */
export function btfBlob(types: readonly BtfType[]): Uint8Array {
  const names = [
    "",
    ...new Set(types.flatMap((type) => [type.name ?? "", ...("members" in type ? type.members.map(({ name }) => name) : [])])),
  ];
  const strings = Buffer.from(`${[...new Set(names)].join("\0")}\0`);
  const nameAt = (name = "") => (name === "" ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  const words = types.flatMap((type) => {
    if ("members" in type) {
      const info = ((type.kind === "struct" ? 4 : 5) << 24) | type.members.length | (type.kindFlag ? 1 << 31 : 0);
      const members = type.members.flatMap(({ name, type: id, at, width = 0 }) => [
        nameAt(name),
        id,
        type.kindFlag ? at | (width << 24) : at,
      ]);
      return [nameAt(type.name), info, type.size, ...members];
    }
    const [kind, fixed] = OTHERS[type.kind];
    const list = LISTS[type.kind] ? (type.extra ?? [0]) : [];
    const trailer = Array<number>(fixed + list.length * (LISTS[type.kind] ?? 0)).fill(0x7fffffff);
    return [nameAt(type.name), (kind << 24) | list.length, type.type ?? 4, ...trailer];
  });
  // Typed arrays are in the byte order of this machine, as BTF is.
  const bytes = Buffer.from(Uint32Array.from(words).buffer);
  const header = Buffer.from(Uint32Array.from([0, 24, 0, bytes.length, bytes.length, strings.length]).buffer);
  header.set(new Uint8Array(Uint16Array.of(0xeb9f).buffer), 0);
  header[2] = 1;
  return Buffer.concat([header, bytes, strings]);
}
