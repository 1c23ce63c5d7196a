import { closeSync, createReadStream, fstatSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { constants, createGunzip, gunzipSync } from "node:zlib";
import { fail, ok, type Result } from "../base/result.ts";
import type { Header } from "../core/event.ts";
import { decodeEvent, decodeHeader, type TraceLine } from "./codec.ts";

/** Why a trace cannot be read: the file is not there (usage), or it is no good (damaged). */
export interface ReadProblem {
  kind: "missing" | "damaged";
  message: string;
}

export interface OpenTrace {
  header: Header;
  lines: AsyncIterable<TraceLine>;
  /** Damage met after the header, once `lines` has ended. */
  problem(): string | null;
}

/** Opens a trace by name; `-` is standard input. Compression is told from the bytes, not from the name. */
export async function openTrace(path: string): Promise<Result<OpenTrace, ReadProblem>> {
  const name = path === "-" ? "standard input" : path;
  const source = path === "-" ? ok<Readable>(process.stdin) : openFile(path);
  if (!source.ok) return source;
  let problem: string | null = null;
  const text = Readable.from(
    decompressed(source.value, (message) => {
      problem ??= message;
    }),
    { objectMode: false },
  );
  const lines = createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) {
    const message = problem ? `${name} is damaged: ${problem}` : `${name} is empty: nothing was recorded in it`;
    return fail({ kind: "damaged", message });
  }
  const header = decodeHeader(first.value);
  if (!header.ok) return fail({ kind: "damaged", message: `${name} ${header.error}` });
  return ok({ header: header.value, lines: decoded(lines), problem: () => problem });
}

function openFile(path: string): Result<Readable, ReadProblem> {
  try {
    const fd = openSync(path, "r");
    if (!fstatSync(fd).isDirectory()) return ok(createReadStream(path, { fd }));
    closeSync(fd);
    return fail({ kind: "missing", message: `${path} is a folder: name a trace file in it` });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const sentence = code === "ENOENT" ? `${path} does not exist: check the name` : `cannot read ${path}: ${message}`;
    return fail({ kind: "missing", message: sentence });
  }
}

/** The bytes of a stream, gunzipped when it starts like gzip. What came before damage is kept. */
async function* decompressed(source: Readable, onProblem: (message: string) => void): AsyncIterable<Buffer> {
  try {
    const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await chunks.next();
    if (first.done) return;
    const all = chain(first.value, chunks);
    yield* first.value[0] === 0x1f && first.value[1] === 0x8b ? gunzipped(all, onProblem) : all;
  } catch (error) {
    onProblem((error as Error).message);
  }
}

async function* chain(first: Buffer, rest: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Not by pipe: a stream that fails throws away what it has already decompressed. */
async function* gunzipped(chunks: AsyncIterable<Buffer>, onProblem: (message: string) => void): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  const ready: Buffer[] = [];
  let broken = false;
  let told = 0;
  let good: Buffer = Buffer.alloc(0);
  gunzip.on("data", (chunk: Buffer) => {
    told += chunk.length;
    ready.push(chunk);
  });
  const over = new Promise<void>((resolve) => {
    gunzip.once("end", resolve);
    gunzip.once("error", () => {
      broken = true;
      resolve();
    });
  });
  for await (const slice of slices(chunks)) {
    await Promise.race([new Promise((resolve) => gunzip.write(slice, resolve)), over]);
    yield* ready.splice(0);
    if (broken) {
      yield salvage(good, slice, told);
      break;
    }
    if (good.length < SMALL_UNTIL) good = Buffer.concat([good, slice]);
  }
  if (!broken) gunzip.end();
  await over;
  yield* ready;
  if (broken) onProblem("its compressed data breaks off or is corrupt");
}

/** What the piece with the damage holds before it: the longest part of it that can still be decompressed. */
function salvage(good: Buffer, damaged: Buffer, told: number): Buffer {
  if (good.length >= SMALL_UNTIL) return Buffer.alloc(0);
  for (let length = damaged.length - 1; length > 0; length--) {
    try {
      const text = gunzipSync(Buffer.concat([good, damaged.subarray(0, length)]), { finishFlush: constants.Z_SYNC_FLUSH });
      return text.subarray(told);
    } catch {
      // Still too long: it reaches into the damage.
    }
  }
  return Buffer.alloc(0);
}

/** zlib gives nothing of a piece in which it finds damage, so pieces are small, and the checksum at the end is one of its own. */
const SLICE = 16_384;
/** So much of it is fed in smaller pieces still: most traces are no longer, and then a large piece would be all of it. */
const SMALL_SLICE = 256;
const SMALL_UNTIL = 65_536;
const CHECKSUM = 8;

async function* slices(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let held = Buffer.alloc(0);
  let size = SMALL_SLICE;
  let done = 0;
  for await (const chunk of chunks) {
    const all = Buffer.concat([held, chunk]);
    const end = Math.max(0, all.length - CHECKSUM);
    for (let at = 0; at < end; at += size) {
      size = done < SMALL_UNTIL ? SMALL_SLICE : SLICE;
      const slice = all.subarray(at, Math.min(at + size, end));
      done += slice.length;
      yield slice;
    }
    held = all.subarray(end);
  }
  yield held;
}

async function* decoded(lines: AsyncIterator<string>): AsyncIterable<TraceLine> {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    if (next.value !== "") yield decodeEvent(next.value);
  }
}
