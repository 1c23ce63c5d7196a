import { z } from "zod";
import { jsonLine } from "../base/json-line.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { conforms } from "../core/conforms.ts";
import { eventSchema, type Header, headerSchema, type TraceEvent } from "../core/event.ts";

/**
 * The recorded form: JSON Lines, the header first, then one event a line with a sequence number `n`.
 * Writer and reader stand together so that neither changes without the other.
 */

export const TRACE_VERSION = 1;

export const encodeHeader = (header: Header): string => jsonLine(header);
export const encodeEvent = (event: TraceEvent, n: number): string => jsonLine({ n, ...event });

/** What one line of a trace is. An event of an unknown type is one that a newer bindtrace wrote. */
export type TraceLine = { kind: "event"; event: TraceEvent } | { kind: "unknown"; type: string } | { kind: "damaged" };

const looseEvent = z.looseObject({ type: z.string(), t: z.number() });

/** Reads the first line. The error is a sentence for people. */
export function decodeHeader(line: string): Result<Header, string> {
  const value = parseJson(line);
  const format = z.looseObject({ format: z.literal("bindtrace"), version: z.number() }).safeParse(value);
  if (!format.success) return fail("is not a bindtrace trace: record one with `bindtrace --save FILE`");
  if (format.data.version > TRACE_VERSION) {
    return fail(
      `was written by a newer bindtrace (trace version ${format.data.version}, this one reads ${TRACE_VERSION}): update bindtrace`,
    );
  }
  const header = headerSchema.safeParse(value);
  return header.success ? ok(header.data) : fail(`has a damaged header (${issue(header.error)}): record it again`);
}

/** Reads any other line. */
export function decodeEvent(line: string): TraceLine {
  const value = parseJson(line);
  if (conforms(value) && !mayNameProto(line)) return { kind: "event", event: value };
  const event = eventSchema.safeParse(value);
  if (event.success) return { kind: "event", event: event.data };
  const loose = looseEvent.safeParse(value);
  const known = eventSchema.options.some((option) => option.shape.type.value === loose.data?.type);
  return loose.success && !known ? { kind: "unknown", type: loose.data.type } : { kind: "damaged" };
}

/** zod leaves a field of this name out, wherever it is; an escape may hide it. */
const mayNameProto = (line: string) => line.includes("__proto__") || line.includes("\\u");

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function issue(error: z.ZodError): string {
  const first = error.issues[0];
  return first ? `${first.path.join(".")}: ${first.message}` : "unreadable";
}
