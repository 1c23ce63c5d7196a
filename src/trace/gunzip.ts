import { Inflater, MEMBER } from "./inflater.ts";

/** Compressed bytes that are decompressed at once: they become 34 MB at most. */
const PIECE = 1 << 15;

/**
 * A trace shrinks to a tenth, and to a fiftieth where one bind is refused all the time; gzip can make a thousandth of what is made
 * for it. Judged each time that there is so much text more.
 */
const MOST_EXPANSION = 500;
const JUDGED = 1 << 24;

/** Damaged places after which the rest is given up: to search each costs up to half a second. */
const MOST_DAMAGE = 32;

const NEWLINE = Buffer.from("\n");

const CORRUPT = "its compressed data breaks off or is corrupt";
const BOMB = `it expands to more than ${MOST_EXPANSION} times its size, so it is no trace`;

/**
 * Decompresses a row of gzip members. Damage is told of once; what comes before it is kept, and so are the members after it. What
 * expands too far is told of and not read on. Throws what `chunks` throws.
 */
export async function* gunzipped(chunks: AsyncIterable<Buffer>, onProblem: (message: string) => void): AsyncGenerator<Buffer> {
  const expansion = new Expansion();
  let inflater: Inflater | null = new Inflater();
  let damaged = 0;
  /** The end of what was passed over: a member may begin in it. */
  let passed: Buffer = Buffer.alloc(0);
  try {
    for await (const piece of pieces(chunks)) {
      let rest: Buffer | null = piece;
      while (rest !== null) {
        if (inflater === null) {
          const all: Buffer = Buffer.concat([passed, rest]);
          const at = all.indexOf(MEMBER);
          passed = at === -1 ? all.subarray(Math.max(0, all.length - MEMBER.length + 1)) : Buffer.alloc(0);
          if (at === -1) break;
          rest = all.subarray(at);
          inflater = new Inflater();
          // A line that the damage tore does not go on here.
          yield NEWLINE;
        }
        const { text, after }: { text: Buffer[]; after: Buffer | null } = await inflater.feed(rest);
        yield* text;
        if (expansion.isBomb(piece, text)) return onProblem(BOMB);
        rest = after;
        if (after === null) break;
        onProblem(CORRUPT);
        inflater.close();
        inflater = null;
        if (++damaged === MOST_DAMAGE) return;
      }
    }
  } finally {
    inflater?.close();
  }
}

/** Pieces of a stream that end where a member begins, if one does in reach. */
async function* pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const end = Math.min(at + PIECE, chunk.length);
      const member = chunk.subarray(at + 1, end).lastIndexOf(MEMBER);
      const next = member === -1 ? end : at + 1 + member;
      yield chunk.subarray(at, next);
      at = next;
    }
  }
}

/** How far the data has expanded of late. */
class Expansion {
  #compressed = 0;
  #text = 0;

  isBomb(compressed: Buffer, text: readonly Buffer[]): boolean {
    this.#compressed += compressed.length;
    for (const { length } of text) this.#text += length;
    if (this.#text < JUDGED) return false;
    const bomb = this.#text > MOST_EXPANSION * this.#compressed;
    [this.#compressed, this.#text] = [0, 0];
    return bomb;
  }
}
