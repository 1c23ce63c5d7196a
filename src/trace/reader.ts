import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { PassThrough, type Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
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
  const text = await decompressed(source.value, (message) => {
    problem ??= message;
  });
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
    if (statSync(path).isDirectory()) return fail({ kind: "missing", message: `${path} is a folder: name a trace file in it` });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return fail({ kind: "missing", message: `${path} does not exist: check the name` });
    return fail({ kind: "missing", message: `cannot read ${path}: ${message}` });
  }
  return ok(createReadStream(path));
}

/** The text of a stream, gunzipped when it starts like gzip. What came before damage is kept. */
async function decompressed(source: Readable, onProblem: (message: string) => void): Promise<Readable> {
  const output = new PassThrough();
  const fails = (message: string) => {
    onProblem(message);
    output.end();
  };
  source.once("error", (error: NodeJS.ErrnoException) => fails(error.message));
  const head = await new Promise<Buffer | null>((resolve) => {
    source.once("readable", () => resolve(source.read() as Buffer | null));
    source.once("end", () => resolve(null));
    source.once("error", () => resolve(null));
  });
  if (head === null) {
    output.end();
    return output;
  }
  source.unshift(head);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    source.pipe(output);
    return output;
  }
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  gunzip.once("error", () => fails("its compressed data breaks off or is corrupt"));
  source.pipe(gunzip).pipe(output);
  return output;
}

async function* decoded(lines: AsyncIterator<string>): AsyncIterable<TraceLine> {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    if (next.value !== "") yield decodeEvent(next.value);
  }
}
