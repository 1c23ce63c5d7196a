import { closeSync, createReadStream, fstatSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { fail, ok, type Result } from "../base/result.ts";
import type { Header } from "../core/event.ts";
import { isTooDeep } from "./bounds.ts";
import { decodeEvent, decodeHeader, type TraceLine } from "./codec.ts";
import { gunzipped } from "./gunzip.ts";
import { wholeLines } from "./whole-lines.ts";

/** Why a trace cannot be read: the file is not there (usage), or it is no good (damaged). */
export interface ReadProblem {
  kind: "missing" | "damaged";
  message: string;
}

export interface OpenTrace {
  header: Header;
  /** All lines after the header, as many at once as were read at once. */
  lines: AsyncIterable<readonly TraceLine[]>;
  /** Damage met after the header, once `lines` has ended. */
  problem(): string | null;
}

/** Bytes of a file that are read at once. */
const CHUNK = 1 << 18;

/** Opens a trace by name; `-` is standard input. Compression is told from the bytes, not from the name. */
export async function openTrace(path: string): Promise<Result<OpenTrace, ReadProblem>> {
  const name = path === "-" ? "standard input" : path;
  const source = path === "-" ? ok<Readable>(process.stdin) : openFile(path);
  if (!source.ok) return source;
  let problem: string | null = null;
  const bytes = decompressed(source.value, (message) => {
    problem ??= message;
  });
  const batches = ahead(wholeLines(bytes));
  const refuse = (why: string) => {
    source.value.destroy();
    return fail<ReadProblem>({ kind: "damaged", message: `${name} ${problem === null ? why : `is damaged: ${problem}`}` });
  };
  const first = await batches.next();
  if (first.done) return refuse("is empty: nothing was recorded in it");
  const [line = "", ...rest] = first.value;
  const header = decodeHeader(line === null || isTooDeep(line) ? "" : line);
  if (!header.ok) return refuse(header.error);
  return ok({ header: header.value, lines: decoded(rest, batches, source.value), problem: () => problem });
}

function openFile(path: string): Result<Readable, ReadProblem> {
  try {
    const fd = openSync(path, "r");
    if (!fstatSync(fd).isDirectory()) return ok(createReadStream(path, { fd, highWaterMark: CHUNK }));
    closeSync(fd);
    return fail({ kind: "missing", message: `${path} is a folder: name a trace file in it` });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const sentence = code === "ENOENT" ? `${path} does not exist: check the name` : `cannot read ${path}: ${message}`;
    return fail({ kind: "missing", message: sentence });
  }
}

/** The bytes of a stream, gunzipped when it starts like gzip. What came before damage is kept. */
async function* decompressed(source: Readable, onProblem: (message: string) => void): AsyncGenerator<Buffer> {
  try {
    const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await atLeast(2, chunks);
    const all = chain(first, chunks);
    yield* first[0] === 0x1f && first[1] === 0x8b ? gunzipped(all, onProblem) : all;
  } catch (error) {
    onProblem((error as Error).message);
  }
}

/** The first chunks as one, of so many bytes unless it all ends before: a pipe may give one at a time. */
async function atLeast(length: number, chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let first: Buffer = Buffer.alloc(0);
  while (first.length < length) {
    const next = await chunks.next();
    if (next.done) break;
    first = Buffer.concat([first, next.value]);
  }
  return first;
}

async function* chain(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** The same, but the next one is read while this one is used. */
async function* ahead<Value>(source: AsyncGenerator<Value>): AsyncGenerator<Value> {
  const read = () => {
    const next = source.next();
    // It is awaited later, and must not count as unheard of until then.
    next.catch(() => {});
    return next;
  };
  for (let next = read(); ; ) {
    const { done, value } = await next;
    if (done) return;
    next = read();
    yield value;
  }
}

/** Whoever stops early closes the source, too. */
async function* decoded(
  first: readonly (string | null)[],
  rest: AsyncGenerator<(string | null)[]>,
  source: Readable,
): AsyncGenerator<readonly TraceLine[]> {
  try {
    yield decodeAll(first);
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield decodeAll(next.value);
  } finally {
    source.destroy();
  }
}

function decodeAll(lines: readonly (string | null)[]): TraceLine[] {
  const decodedLines: TraceLine[] = [];
  for (const line of lines) {
    if (line === null || isTooDeep(line)) decodedLines.push({ kind: "damaged" });
    else if (line !== "" && line !== "\r") decodedLines.push(decodeEvent(line));
  }
  return decodedLines;
}
