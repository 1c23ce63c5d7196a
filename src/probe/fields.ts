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

  /** Of 64 bits, as the next one: what is longer was not printed by a program of ours. */
  big(): bigint {
    return BigInt(this.#take(/^\d{1,20}$/));
  }

  hex(): bigint {
    return BigInt(`0x${this.#take(/^[0-9a-f]{1,16}$/)}`);
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
    return UTF8.decode(bytes);
  } catch {
    return decodePieces(bytes);
  }
}

function decodePieces(bytes: Uint8Array): string {
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const [character, length] = characterAt(bytes, at);
    name += character;
    at += length;
  }
  return name;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function characterAt(bytes: Uint8Array, at: number): [string, number] {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  try {
    return [UTF8.decode(bytes.subarray(at, at + length)), length];
  } catch {
    return [`\\x${first.toString(16)}`, 1];
  }
}
