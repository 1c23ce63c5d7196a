import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LONGEST_LINE } from "../../src/trace/bounds.ts";
import { encodeEvent, encodeHeader } from "../../src/trace/codec.ts";
import { openTrace } from "../../src/trace/reader.ts";
import { header } from "../helpers/events.ts";
import { events, eventsOf, fresh, numbered, read, record } from "./files.ts";

describe.each([".jsonl", ".jsonl.gz"])("a %s file", (ending) => {
  it("gives back what was written", async () => {
    expect(await read(await record(fresh(ending)))).toEqual({
      header: header(),
      lines: numbered.map((event) => ({ kind: "event", event })),
      problem: null,
    });
  });

  it("gives a beginning of its events wherever it is cut, and ends", async () => {
    const whole = readFileSync(await record(fresh(ending)));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        const path = fresh(ending);
        writeFileSync(path, whole.subarray(0, length));
        const { lines, error } = await read(path);
        const found = eventsOf(lines);
        expect(found).toEqual(numbered.slice(0, found.length));
        // What follows the last whole event is one torn line at most.
        expect(lines.slice(found.length).map(({ kind }) => kind)).toEqual(lines.length > found.length ? ["damaged"] : []);
        if (error) expect(error).toMatchObject({ kind: "damaged", message: expect.stringContaining(path) });
      }),
      { numRuns: 150 },
    );
  });
});

describe("a gzip trace", () => {
  it("is known by its bytes, not by its name", async () => {
    const renamed = fresh(".jsonl");
    writeFileSync(renamed, readFileSync(await record(fresh(".jsonl.gz"))));
    expect(eventsOf((await read(renamed)).lines)).toEqual(numbered);
  });

  it("with a wrong checksum at its end gives what came before, and says so", async () => {
    const path = await record(fresh(".jsonl.gz"));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0, bytes.length - 8));
    const { lines, problem } = await read(path);
    expect(eventsOf(lines).slice(0, 10)).toEqual(numbered.slice(0, 10));
    expect(problem).toMatch(/compressed data/);
  });

  it("with damage near its end gives what came before, however small it is", async () => {
    const path = fresh(".jsonl.gz");
    const text = encodeHeader(header()) + events.map((event, index) => encodeEvent(event, index + 1)).join("");
    // After a flush comes the head of a block, and this is the head of none.
    const whole = gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(20, 0xff)]));
    const { lines, problem } = await read(path);
    expect(eventsOf(lines).slice(0, 10)).toEqual(numbered.slice(0, 10));
    expect(problem).toMatch(/compressed data/);
  });

  it("with any byte changed is read to an end, and says so where anything is missing", async () => {
    const whole = readFileSync(await record(fresh(".jsonl.gz")));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const path = fresh(".jsonl.gz");
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        writeFileSync(path, bytes);
        const { lines, error, problem } = await read(path);
        const missed = error ?? problem ?? lines.find(({ kind }) => kind !== "event");
        const cutOff = eventsOf(lines).at(-1)?.type !== "end";
        if (missed === undefined && !cutOff) expect(eventsOf(lines)).toEqual(numbered);
      }),
      { numRuns: 100, examples: [[304, 127]] },
    );
  });
});

describe("a plain trace", () => {
  const write = (...lines: string[]) => {
    const path = fresh(".jsonl");
    writeFileSync(path, [encodeHeader(header()).trim(), ...lines].join("\n"));
    return path;
  };
  const fork = encodeEvent({ type: "fork", t: 1, pid: 2, child: 3 }, 1).trim();

  it("is read on past damaged and unknown lines", async () => {
    const { lines, problem } = await read(write(fork, "{oops", '{"type":"teleport","t":2}', fork));
    expect(lines.map(({ kind }) => kind)).toEqual(["event", "damaged", "unknown", "event"]);
    expect(problem).toBeNull();
  });

  it("may have empty lines and DOS line ends", async () => {
    expect((await read(write("", `${fork}\r`, "\r", ""))).lines.map(({ kind }) => kind)).toEqual(["event"]);
  });

  it("may have names with line separators", async () => {
    const exec = { type: "exec", t: 1, pid: 2, comm: "a\u2028b\u2029c" } as const;
    expect(eventsOf((await read(write(JSON.stringify(exec)))).lines)).toEqual([exec]);
  });

  it("is read on past what is too long or too deep to be an event", async () => {
    const deep = `{"type":"fork","t":1,"pid":2,"child":3,"more":${"[".repeat(5000)}${"]".repeat(5000)}}`;
    const { lines } = await read(write(fork, `"${"x".repeat(LONGEST_LINE)}"`, deep, fork));
    expect(lines.map(({ kind }) => kind)).toEqual(["event", "damaged", "damaged", "event"]);
  });
});

describe("what cannot be read", () => {
  it.each<[string, "missing" | "damaged", RegExp, (path: string) => void]>([
    ["a file that is not there", "missing", /does not exist: check the name$/, () => {}],
    ["a folder", "missing", /is a folder: name a trace file in it$/, (path) => mkdirSync(path)],
    ["an empty file", "damaged", /is empty: nothing was recorded in it$/, (path) => writeFileSync(path, "")],
    ["an empty gzip file", "damaged", /is empty: nothing was recorded in it$/, (path) => writeFileSync(path, gzipSync(""))],
    ["another file", "damaged", /is not a bindtrace trace/, (path) => writeFileSync(path, "hello\n")],
    ["one byte", "damaged", /is not a bindtrace trace/, (path) => writeFileSync(path, "\u001f")],
    ["an endless line", "damaged", /is not a bindtrace trace/, (path) => writeFileSync(path, "{".repeat(2 * LONGEST_LINE))],
    ["a deep header", "damaged", /is not a bindtrace trace/, (path) => writeFileSync(path, `${"[".repeat(9999)}${"]".repeat(9999)}\n`)],
    [
      "a bomb",
      "damaged",
      /is damaged: it expands to more than 500 times its size, so it is no trace$/,
      (path) => writeFileSync(path, gzipSync(Buffer.alloc(40 << 20))),
    ],
    [
      "a trace of a newer version",
      "damaged",
      /was written by a newer bindtrace .*: update bindtrace$/,
      (path) => writeFileSync(path, encodeHeader({ ...header(), version: 2 })),
    ],
  ])("%s", async (_, kind, message, make) => {
    const path = fresh(".jsonl");
    make(path);
    const { error } = await read(path);
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(error?.message.startsWith(`${path} `)).toBe(true);
  });

  it("a name below a file", async () => {
    const path = fresh(".jsonl");
    writeFileSync(path, "");
    expect((await read(`${path}/trace`)).error).toMatchObject({ kind: "missing" });
  });
});

describe("a file", () => {
  const openFiles = () => readdirSync("/proc/self/fd").length;

  it.each([
    ["that is no trace", async (path: string) => void (await openTrace(path)), "no trace\n".repeat(1 << 17)],
    [
      "of which only the beginning is read",
      async (path: string) => {
        const trace = await openTrace(path);
        if (!trace.ok) throw new Error(trace.error.message);
        for await (const _ of trace.value.lines) break;
      },
      `${encodeHeader(header())}${"\n".repeat(1 << 21)}`,
    ],
  ])("%s does not stay open", async (_, use, text) => {
    const path = fresh(".jsonl");
    writeFileSync(path, text);
    const before = openFiles();
    for (let time = 0; time < 20; time++) await use(path);
    await expect.poll(openFiles).toBeLessThan(before + 5);
  });
});
