import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventSchema, type Header, headerSchema, type TraceEvent } from "../../src/core/event.ts";
import { decodeEvent, decodeHeader, encodeEvent, encodeHeader, TRACE_VERSION } from "../../src/trace/codec.ts";
import { anyOf, header, refused, restart } from "../helpers/events.ts";

const anyEvent = anyOf(eventSchema, fc.string({ unit: "binary" })) as fc.Arbitrary<TraceEvent>;
const anyHeader = anyOf(headerSchema).map((value) => ({ ...(value as Header), version: TRACE_VERSION }));

/** A JSON value with one more field in each of its objects, as a newer bindtrace may write it. */
function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [name, withUnknownFields(inner)]);
  return { ...Object.fromEntries(fields), fromTheFuture: { much: [1] } };
}

function without(value: object, ...names: string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

describe("events", () => {
  it("come back as they were written, with their number, on one line", () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), (event, n) => {
        const line = encodeEvent(event, n);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(decodeEvent(line)).toEqual({ kind: "event", event: { n, ...event } });
      }),
      { numRuns: 500 },
    );
  });

  it.each([...new Map(restart().map((event) => [event.type, event])).values()])("keep unknown fields: $type", (event) => {
    const value = withUnknownFields(event);
    expect(decodeEvent(JSON.stringify(value))).toEqual({ kind: "event", event: value });
  });

  it("of an older bindtrace get what it did not tell of", () => {
    const refusal = refused([]);
    const { operation: _, ...older } = { ...refusal, walk: refusal.walk && without(refusal.walk, "protocol", "locked", "decisive") };
    expect(decodeEvent(JSON.stringify(older))).toEqual({ kind: "event", event: refusal });
  });

  it("lose a field that would become the prototype of what copies them", () => {
    const fork = { type: "fork", t: 1, pid: 2, child: 3 };
    for (const name of ["__proto__", "\\u005f_proto__"]) {
      const line = encodeEvent(fork as TraceEvent, 1).replace("}", `,"${name}":{"pid":7}}`);
      expect(decodeEvent(line)).toEqual({ kind: "event", event: { n: 1, ...fork } });
      expect(Object.keys(JSON.parse(line))).toContain("__proto__");
    }
  });

  it("of an unknown type are told from damage", () => {
    expect(decodeEvent('{"n":3,"type":"teleport","t":5}')).toEqual({ kind: "unknown", type: "teleport" });
  });

  it.each([
    ["half a line", encodeEvent({ type: "fork", t: 1, pid: 2, child: 3 }, 1).slice(0, 20)],
    ["nothing", ""],
    ["no object", "17"],
    ["no type", '{"t":5}'],
    ["no instant", '{"type":"teleport"}'],
    ["a field of the wrong kind", '{"type":"fork","t":1,"pid":"2","child":3}'],
    ["a missing field", '{"type":"fork","t":1,"pid":2}'],
    ["a fraction of a nanosecond", '{"type":"fork","t":1.5,"pid":2,"child":3}'],
    ["a port that is none", '{"type":"state","t":1,"sk":1,"inode":1,"netns":1,"port":65536,"from":"CLOSE","to":"LISTEN"}'],
  ])("with %s are damaged", (_, line) => {
    expect(decodeEvent(line)).toEqual({ kind: "damaged" });
  });

  it("are never an exception, whatever the line holds", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(["event", "unknown", "damaged"]).toContain(decodeEvent(line).kind);
      }),
    );
  });
});

describe("headers", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(anyHeader, (value) => {
        expect(decodeHeader(encodeHeader(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it("keep unknown fields", () => {
    const value = withUnknownFields({ ...header(), sysctls: {} });
    Object.assign(value as object, { sysctls: {} });
    expect(decodeHeader(JSON.stringify(value))).toEqual({ ok: true, value });
  });

  it("of an older bindtrace lack no probe", () => {
    expect(decodeHeader(JSON.stringify(without(header(), "missingProbes")))).toEqual({ ok: true, value: header() });
  });

  it.each([
    [
      "a newer version",
      JSON.stringify({ ...header(), version: 2 }),
      "was written by a newer bindtrace (trace version 2, this one reads 1): update bindtrace",
    ],
    ["a newer version of quite another shape", '{"format":"bindtrace","version":9}', /newer bindtrace \(trace version 9.*update bindtrace/],
    ["another format", '{"format":"pcap","version":1}', "is not a bindtrace trace: record one with `bindtrace --save FILE`"],
    ["an event", encodeEvent({ type: "fork", t: 1, pid: 2, child: 3 }, 1), /is not a bindtrace trace/],
    ["no JSON", "PK\u0003\u0004", /is not a bindtrace trace/],
    ["a missing field", JSON.stringify({ ...header(), kernel: undefined }), /has a damaged header \(kernel: .*\): record it again/],
    [
      "a zone beyond all zones",
      JSON.stringify({ ...header(), clock: { ...header().clock, offsetMinutes: 143970076804 } }),
      /damaged header \(clock.offsetMinutes: /,
    ],
    ["a field of the wrong kind", JSON.stringify({ ...header(), hooks: "magic" }), /has a damaged header \(hooks: /],
  ])("with %s are refused with a sentence", (_, line, sentence) => {
    const result = decodeHeader(line);
    if (result.ok) throw new Error("read");
    expect(result.error).toMatch(sentence);
  });
});
