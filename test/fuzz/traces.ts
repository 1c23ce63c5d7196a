import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../src/commands/failure.ts";
import type { FilterOptions } from "../../src/commands/options.ts";
import { openRecording, play } from "../../src/commands/playback.ts";
import { storyOptions } from "../../src/commands/report-choice.ts";
import { decodeEvent, decodeHeader, type TraceLine } from "../../src/trace/codec.ts";
import { keptOutput } from "../helpers/kept-output.ts";
import { hostileTrace, textOf } from "./hostile-trace.ts";
import { kind } from "./kind.ts";
import { mutated, mutations } from "./mutation.ts";
import { FORMATS, type Format, REPORTS } from "./reports.ts";
import { expectSafe } from "./safe.ts";

/** Replays bytes as a file. Gives the exit code; throws where a report, a sentence or the code is not what it may be. */
async function replay(bytes: Uint8Array, format: Format, filter: FilterOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bindtrace-fuzz-"));
  const path = join(folder, "trace");
  const { output, text } = keptOutput();
  const sentences: string[] = [];
  const { write } = process.stderr;
  process.stderr.write = (said: string | Uint8Array) => sentences.push(String(said)) > 0;
  try {
    writeFileSync(path, bytes);
    const trace = await openRecording(path);
    const report = REPORTS[format].make(trace.header);
    const code = await play(trace, storyOptions(filter, trace.header, null), report, output);
    REPORTS[format].check(text());
    for (const sentence of sentences) expectSafe(sentence);
    if (![0, 1, 5, 6].includes(code)) throw new Error(`exit code ${code} of a trace`);
    return code;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code !== 5) throw new Error(`exit code ${error.code} of what is no trace`);
    if (!error.message.startsWith(path)) throw new Error(`says "${error.message}"`);
    return error.code;
  } finally {
    process.stderr.write = write;
    rmSync(folder, { recursive: true });
  }
}

/** What the exit code of a trace that can be read hangs on, as its lines have it. */
function expectCode(code: number, text: string): void {
  const [, ...lines] = text.split("\n");
  const decoded: TraceLine[] = lines.filter((line) => line !== "" && line !== "\r").map((line) => decodeEvent(line));
  const damaged = decoded.slice(0, -1).some(({ kind: what }) => what === "damaged");
  const lost = decoded.some(
    (line) =>
      line.kind === "event" && (line.event.type === "lost" || (line.event.type === "end" && (line.event.died || line.event.lost > 0))),
  );
  if (damaged && code !== 5) throw new Error(`exit code ${code} of a trace with damaged lines`);
  if (code === 5 && !damaged && !lost) throw new Error("exit code 5 of a trace that is whole");
}

const format = fc.constantFrom(...FORMATS);
const filter: fc.Arbitrary<FilterOptions> = fc.constantFrom(
  ...[{}, {}, {}, { port: [[1, 65535]] as [number, number][] }, { pid: 1 }, { comm: "node" }, { proto: "udp" as const }],
);

export const hostileTraces = kind({
  name: "traces with hostile values",
  share: 25_000,
  few: 500,
  input: fc.record({ trace: hostileTrace, format, filter }),
  check: async ({ trace, format: made, filter: asked }) => {
    const text = textOf(trace);
    const code = await replay(Buffer.from(text), made, asked);
    // A header that is refused has its own sentence, and what is too deep is damage only in a long line.
    if (decodeHeader(text.slice(0, text.indexOf("\n"))).ok && !text.includes("[[[")) expectCode(code, text);
  },
});

/** As the writer writes it, a member a few lines; and as gzip does. */
function zipped(text: string, members: number): Buffer {
  const lines = text.split(/(?<=\n)/);
  const size = Math.max(1, Math.ceil(lines.length / members));
  const parts = Array.from({ length: Math.ceil(lines.length / size) }, (_, part) => lines.slice(part * size, (part + 1) * size).join(""));
  return Buffer.concat(parts.map((part) => gzipSync(part, { level: 1 })));
}

export const changedBytes = kind({
  name: "traces with changed bytes, plain and gzip",
  share: 15_000,
  few: 300,
  input: fc.record({ trace: hostileTrace, members: fc.nat(20), changes: mutations, format, filter }),
  check: async ({ trace, members, changes, format: made, filter: asked }) => {
    const text = textOf({ ...trace, changes: trace.changes.slice(0, 1) });
    await replay(mutated(members === 0 ? Buffer.from(text) : zipped(text, members), changes), made, asked);
  },
});

/** No trace at all, maybe compressed. */
const WRAPS = {
  plain: (bytes: Uint8Array) => bytes,
  gzip: (bytes: Uint8Array) => gzipSync(bytes),
  "gzip twice": (bytes: Uint8Array) => gzipSync(gzipSync(bytes)),
  zlib: (bytes: Uint8Array) => deflateSync(bytes),
  "head of gzip": (bytes: Uint8Array) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), bytes]),
  "gzip without its end": (bytes: Uint8Array) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), deflateRawSync(bytes)]),
  header: (bytes: Uint8Array) => Buffer.concat([Buffer.from('{"format":"bindtrace","version":1,'), bytes]),
  "many times": (bytes: Uint8Array) => Buffer.concat(Array<Uint8Array>(500).fill(bytes)),
};

export const randomInput = kind({
  name: "random bytes",
  share: 20_000,
  few: 300,
  input: fc.record({
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 300, size: "max" }),
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array({ minLength: 1000, maxLength: 5000, size: "max" }),
    ),
    wrap: fc.constantFrom(...(Object.keys(WRAPS) as (keyof typeof WRAPS)[])),
  }),
  check: async ({ bytes, wrap }) => {
    const code = await replay(WRAPS[wrap](bytes), "json", {});
    if (code !== 5) throw new Error(`exit code ${code} of what is no trace`);
  },
});
