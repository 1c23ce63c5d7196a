/** A word of kernel memory as two numbers of 32 bits each: the bytes at the lower addresses, and those at the upper ones. */
export interface Word {
  low: number;
  high: number;
}

/** Names that were decoded, by their bytes in hexadecimal: few processes make most of the lines. */
const names = new Map<string, string>();
const MOST_NAMES = 4096;

/** Of 64 bits. */
const [MOST_DIGITS, MOST_HEX_DIGITS] = [20, 16];
const [SPACE, MINUS, ZERO, LOWER_A] = [32, 45, 48, 97];

/** Reads the numbers of one protocol line in order; throws where one is missing or malformed. */
export class LineFields {
  readonly tag: string;
  readonly #line: string;
  /** Where the next field begins; behind the end when there is none. */
  #at: number;
  #count = 0;

  private constructor(line: string, tagEnd: number) {
    this.tag = line.slice(PREFIX.length, tagEnd);
    this.#line = line;
    this.#at = tagEnd + 1;
  }

  /** Null when the line is not of this protocol. */
  static parse(line: string): LineFields | null {
    return OURS.test(line) ? new LineFields(line, line.indexOf(" ")) : null;
  }

  number(): number {
    const line = this.#line;
    const negative = line.charCodeAt(this.#at) === MINUS;
    const start = negative ? this.#at + 1 : this.#at;
    let value = 0;
    let at = start;
    for (; isDigit(line.charCodeAt(at)); at++) value = value * 10 + line.charCodeAt(at) - ZERO;
    this.#pass(start, at);
    if (value > Number.MAX_SAFE_INTEGER) throw new Error(`field ${this.#count} of ${this.tag} is too large`);
    return negative ? -value : value;
  }

  /** Of 64 bits, as the next one: what is longer was not printed by a program of ours. */
  big(): bigint {
    const start = this.#at;
    let at = start;
    while (isDigit(this.#line.charCodeAt(at)) && at - start < MOST_DIGITS) at++;
    this.#pass(start, at);
    return BigInt(this.#line.slice(start, at));
  }

  hex(): bigint {
    const text = this.#hexText();
    return text === "0" ? 0n : BigInt(`0x${text}`);
  }

  /** A word in hexadecimal. */
  word(): Word {
    const text = this.#hexText();
    const split = Math.max(0, text.length - 8);
    return { low: Number.parseInt(text.slice(split), 16), high: split === 0 ? 0 : Number.parseInt(text.slice(0, split), 16) };
  }

  /** comm: sixteen bytes in two words, up to the first NUL; bytes that are not UTF-8 become \xNN. */
  comm(): string {
    const start = this.#at;
    const words = [this.#hexText(), this.#hexText()];
    const text = this.#line.slice(start, this.#at);
    const known = names.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.alloc(16);
    for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(`0x${word}`), 8 * index);
    const name = decodeName(bytes.subarray(0, bytes.indexOf(0) === -1 ? 16 : bytes.indexOf(0)));
    if (names.size >= MOST_NAMES) names.clear();
    // The key is copied: a part of a string keeps the whole alive, and this one is a batch of lines.
    names.set(Buffer.from(text, "latin1").toString("latin1"), name);
    return name;
  }

  #hexText(): string {
    const start = this.#at;
    let at = start;
    while (isHexDigit(this.#line.charCodeAt(at)) && at - start < MOST_HEX_DIGITS) at++;
    this.#pass(start, at);
    return this.#line.slice(start, at);
  }

  /** The field from `start` has been read to `end`, which must be where it ends. */
  #pass(start: number, end: number): void {
    this.#count++;
    const isWhole = end === this.#line.length || this.#line.charCodeAt(end) === SPACE;
    if (end === start || !isWhole) throw new Error(`field ${this.#count} of ${this.tag} is ${this.#line.slice(this.#at).split(" ", 1)[0]}`);
    this.#at = end + 1;
  }
}

const PREFIX = "bt:";
const OURS = /^bt:[a-z]+ [0-9a-f -]+$/;

const isDigit = (code: number) => code >= ZERO && code < ZERO + 10;
const isHexDigit = (code: number) => isDigit(code) || (code >= LOWER_A && code < LOWER_A + 6);

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
