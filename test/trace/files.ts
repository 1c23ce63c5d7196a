import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import type { TraceLine } from "../../src/trace/codec.ts";
import { openTrace } from "../../src/trace/reader.ts";
import { TraceWriter, type WriterOptions } from "../../src/trace/writer.ts";
import { scratch } from "../helpers/cli.ts";
import { header, restart } from "../helpers/events.ts";

/** Traces in a scratch folder of the calling test file. */

let folder: ReturnType<typeof scratch> | undefined;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => folder?.remove());
let count = 0;
/** A name that no file has yet. */
export const fresh = (ending: string) => join(folder?.path ?? "", `${++count}${ending}`);

export const events = restart();
/** The same as they come back. */
export const numbered = events.map((event, index) => ({ n: index + 1, ...event }));

export const tryToOpen = (path: string, options: Partial<WriterOptions> = {}) =>
  TraceWriter.open(path, { replace: false, redact: false, owner: null, ...options });

export function open(path: string, options: Partial<WriterOptions> = {}): TraceWriter {
  const writer = tryToOpen(path, options);
  if (!writer.ok) throw new Error(writer.error);
  return writer.value;
}

export async function record(path: string, some: readonly TraceEvent[] = events): Promise<string> {
  const writer = open(path);
  writer.header(header());
  for (const event of some) writer.event(event);
  await writer.close();
  expect(writer.error).toBeUndefined();
  return path;
}

/** All that a trace gives, however it ends. */
export async function read(path: string) {
  const trace = await openTrace(path);
  if (!trace.ok) return { error: trace.error, lines: [] as TraceLine[], problem: null };
  const lines: TraceLine[] = [];
  for await (const some of trace.value.lines) lines.push(...some);
  return { header: trace.value.header, lines, problem: trace.value.problem() };
}
export const eventsOf = (lines: readonly TraceLine[]) => lines.flatMap((line) => (line.kind === "event" ? [line.event] : []));
