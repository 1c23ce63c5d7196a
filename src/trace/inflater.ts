import { constants, createGunzip, gunzipSync } from "node:zlib";

/** The first bytes of a gzip member without a name, as the writer makes them (RFC 1952). */
export const MEMBER = Buffer.from([0x1f, 0x8b, 8, 0]);

/** Bytes of text that zlib gives at once. */
const CHUNK = 1 << 18;

/** What is decompressed once more where it has damage: compressed bytes of it at most, and bytes of text. */
const MOST_AGAIN = 1 << 18;
const MOST_TEXT_AGAIN = 1 << 23;

export interface Inflated {
  text: Buffer[];
  /** What of the compressed data comes after damage; null when there is none. */
  after: Buffer | null;
}

/** Decompresses members of gzip piece by piece, up to damage. */
export class Inflater {
  readonly #gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: CHUNK });
  readonly #ready: Buffer[] = [];
  #state: "open" | "ended" | "broken" = "open";
  #wake = () => {};
  #fed = 0;
  #again: Again | null = null;

  constructor() {
    this.#gunzip.on("data", (chunk: Buffer) => this.#ready.push(chunk));
    this.#gunzip.once("end", () => this.#stop("ended"));
    this.#gunzip.once("error", () => this.#stop("broken"));
  }

  /** Not to be called again once there was damage. */
  async feed(piece: Buffer): Promise<Inflated> {
    if (this.#fed === 0 || piece.indexOf(MEMBER) === 0) this.#again = new Again();
    this.#fed += piece.length;
    // Not by pipe: a stream that fails throws away what it has already decompressed.
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#gunzip.write(piece, () => resolve());
    });
    const text = this.#ready.splice(0);
    if (this.#state === "open") {
      this.#again?.add(piece, text);
      if (this.#again?.isTooMuch) this.#again = null;
      return { text, after: null };
    }
    // Zeros after a member end it all to zlib: they are where a disk lost its data.
    if (this.#state === "ended") return { text, after: piece.subarray(piece.length - (this.#fed - this.#gunzip.bytesWritten)) };
    return this.#again ? this.#again.salvage(piece, text) : { text, after: piece };
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #stop(state: "ended" | "broken"): void {
    this.#state = state;
    this.#wake();
  }
}

/** What was fed since a member began, for the case that the next piece is damaged. */
class Again {
  readonly #fed: Buffer[] = [];
  #fedLength = 0;
  #textLength = 0;

  add(piece: Buffer, text: readonly Buffer[]): void {
    this.#fed.push(piece);
    this.#fedLength += piece.length;
    for (const { length } of text) this.#textLength += length;
  }

  get isTooMuch(): boolean {
    return this.#fedLength > MOST_AGAIN || this.#textLength > MOST_TEXT_AGAIN;
  }

  /** Of the chunk of text in which it finds damage zlib gives nothing: the longest part before that is decompressed once more. */
  salvage(piece: Buffer, text: Buffer[]): Inflated {
    const all = Buffer.concat([...this.#fed, piece]);
    // By itself this is whole: the member before it broke off, and what came of it since then is nothing.
    if (inflated(all)) return { text, after: all };
    let [good, bad] = [this.#fedLength, all.length];
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      if (inflated(all.subarray(0, middle))) good = middle;
      else bad = middle;
    }
    const member = all.lastIndexOf(MEMBER, good);
    const end = member > 0 && !inflated(all.subarray(0, member), constants.Z_FINISH) ? member : good;
    const told = text.reduce((sum, { length }) => sum + length, this.#textLength);
    const found = inflated(all.subarray(0, end))?.subarray(told) ?? Buffer.alloc(0);
    return { text: [...text, found], after: all.subarray(end) };
  }
}

/** Null where it is damaged, or too much; with Z_FINISH also where it breaks off. */
function inflated(bytes: Buffer, finishFlush = constants.Z_SYNC_FLUSH): Buffer | null {
  try {
    return gunzipSync(bytes, { finishFlush, maxOutputLength: MOST_TEXT_AGAIN });
  } catch {
    return null;
  }
}
