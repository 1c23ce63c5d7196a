import fc from "fast-check";

/** One change to bytes. `at` and `length` are parts of the whole, in 2^-16. */
export interface Mutation {
  how: (typeof WAYS)[number];
  at: number;
  length: number;
  bytes: Uint8Array;
}

const WAYS = ["flip", "set", "insert", "remove", "repeat", "zero", "cut", "move"] as const;
const PART = 2 ** 16;

const some = (ways: readonly Mutation["how"][]): fc.Arbitrary<Mutation[]> =>
  fc.array(
    fc.record({
      how: fc.constantFrom(...ways),
      at: fc.nat(PART - 1),
      // Short ones more often: 2^-16 of a small file is one byte.
      length: fc.oneof({ arbitrary: fc.nat(20), weight: 3 }, fc.nat(PART - 1)),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 6 },
  );

/** Half of them move nothing: what has offsets in it is refused otherwise before it is looked at. */
export const mutations = fc.oneof(some(WAYS), some(["flip", "set", "zero"]));

/** Longest that bytes become by repeating parts of them. */
const LONGEST = 1 << 23;

export function mutated(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  let after: Buffer = Buffer.from(bytes);
  for (const change of changes) if (after.length <= LONGEST) after = changed(after, change);
  return after;
}

function changed(before: Buffer, { how, at, length, bytes }: Mutation): Buffer {
  const from = Math.floor((at / PART) * before.length);
  const to = Math.min(before.length, from + Math.ceil((length / PART) * before.length));
  const [head, part, tail] = [before.subarray(0, from), before.subarray(from, to), before.subarray(to)];
  switch (how) {
    case "flip":
      return Buffer.concat([head, part.map((byte, index) => byte ^ (bytes[index % bytes.length] ?? 0)), tail]);
    case "set":
      return Buffer.concat([head, bytes, before.subarray(from + bytes.length)]);
    case "insert":
      return Buffer.concat([head, bytes, part, tail]);
    case "remove":
      return Buffer.concat([head, tail]);
    case "repeat":
      return Buffer.concat([head, part, part, tail]);
    case "zero":
      return Buffer.concat([head, Buffer.alloc(part.length), tail]);
    case "cut":
      return head;
    case "move":
      return Buffer.concat([part, head, tail]);
  }
}
