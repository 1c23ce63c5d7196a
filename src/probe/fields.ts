/** Reads the numbers of one protocol line in order; throws where one is missing or malformed. */
export class LineFields {
  readonly tag: string;
  readonly #values: readonly string[];
  #next = 0;

  private constructor(tag: string, values: readonly string[]) {
    this.tag = tag;
    this.#values = values;
  }

  /** Null when the line is not of this protocol. */
  static parse(line: string): LineFields | null {
    const match = /^bt:([a-z]+) ([0-9a-f -]+)$/.exec(line);
    return match?.[1] && match[2] ? new LineFields(match[1], match[2].split(" ")) : null;
  }

  number(): number {
    const value = Number(this.#take(/^-?\d+$/));
    if (!Number.isSafeInteger(value)) throw new Error(`field ${this.#next} of ${this.tag} is too large`);
    return value;
  }

  big(): bigint {
    return BigInt(this.#take(/^\d+$/));
  }

  hex(): bigint {
    return BigInt(`0x${this.#take(/^[0-9a-f]+$/)}`);
  }

  /** comm: sixteen bytes in two words, up to the first NUL; bytes that are not UTF-8 become \xNN. */
  comm(): string {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(this.hex(), 0);
    bytes.writeBigUInt64LE(this.hex(), 8);
    return decodeName(bytes.subarray(0, bytes.indexOf(0) === -1 ? 16 : bytes.indexOf(0)));
  }

  #take(shape: RegExp): string {
    const value = this.#values[this.#next++];
    if (value === undefined || !shape.test(value)) throw new Error(`field ${this.#next} of ${this.tag} is ${value}`);
    return value;
  }
}

/** A name chosen by anybody: UTF-8 where it is that, `\xNN` for each other byte. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join("");
  }
}
