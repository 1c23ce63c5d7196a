import { LONGEST_LINE } from "./bounds.ts";

const NEWLINE = 0x0a;

/**
 * The lines of a stream of UTF-8, as many at once as a chunk ends. Null stands for one that is longer than {@link LONGEST_LINE}:
 * it is passed over, not held. Only a newline ends a line: JSON may have U+2028 in a string, where node:readline would break it.
 */
export async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<(string | null)[]> {
  const held = new HeldLine();
  for await (const chunk of chunks) {
    const first = chunk.indexOf(NEWLINE);
    if (first === -1) {
      held.add(chunk);
      continue;
    }
    const lines: (string | null)[] = [];
    let start = 0;
    if (held.begun) {
      held.add(chunk.subarray(0, first));
      lines.push(held.take());
      start = first + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    // At once: to decode each line by itself takes three times as long.
    if (last >= start) for (const line of chunk.toString("utf8", start, last).split("\n")) lines.push(line);
    if (last + 1 < chunk.length) held.add(chunk.subarray(last + 1));
    yield lines;
  }
  if (held.begun) yield [held.take()];
}

/** The beginning of a line whose end has not come yet. */
class HeldLine {
  #pieces: Buffer[] = [];
  #length = 0;

  get begun(): boolean {
    return this.#length > 0;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > LONGEST_LINE) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  take(): string | null {
    const line = this.#length > LONGEST_LINE ? null : Buffer.concat(this.#pieces).toString("utf8");
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}
