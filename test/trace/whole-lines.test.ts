import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTooDeep, LONGEST_LINE } from "../../src/trace/bounds.ts";
import { wholeLines } from "../../src/trace/whole-lines.ts";

async function linesOf(chunks: readonly Buffer[]): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  async function* source() {
    yield* chunks;
  }
  for await (const some of wholeLines(source())) lines.push(...some);
  return lines;
}

const MEGABYTE = Buffer.alloc(1 << 20, "x");
const endless = (megabytes: number) => Array<Buffer>(megabytes).fill(MEGABYTE);

describe("lines", () => {
  it("are whole, wherever the chunks end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(200)), async (texts, cuts) => {
        const lines = texts.map((text) => text.replaceAll("\n", ""));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((one, other) => one - other);
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(await linesOf(chunks)).toEqual(lines);
      }),
    );
  });

  it("end at a newline alone: JSON may hold U+2028 as it is", async () => {
    expect(await linesOf([Buffer.from('"a\u2028b"\r\n\n"c')])).toEqual(['"a\u2028b"\r', "", '"c']);
  });

  it("may be as long as the limit", async () => {
    const [line] = await linesOf([...endless(LONGEST_LINE >> 20), Buffer.from("\n")]);
    expect(line).toHaveLength(LONGEST_LINE);
  });

  it("that are longer are passed over", async () => {
    const after = Buffer.from("y\nafter\n");
    expect(await linesOf([Buffer.from("before\n"), ...endless(LONGEST_LINE >> 20), after])).toEqual(["before", null, "after"]);
    expect(await linesOf([...endless((LONGEST_LINE >> 20) + 1), Buffer.from("\n"), after])).toEqual([null, "y", "after"]);
    expect(await linesOf(endless((LONGEST_LINE >> 20) + 1))).toEqual([null]);
  });

  it("without an end are not held", async () => {
    let held = 0;
    async function* source() {
      for (let megabyte = 0; megabyte < 400; megabyte++) {
        yield Buffer.alloc(1 << 20, "x");
        held = Math.max(held, process.memoryUsage().arrayBuffers);
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    for await (const _ of wholeLines(source())) {
      // Nothing is to be done with them.
    }
    expect((held - before) >> 20).toBeLessThan(200);
  });
});

describe("JSON", () => {
  const deep = (open: string, close: string, depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;

  it.each([
    ["lists", deep("[", "]", 100_000)],
    ["objects", deep('{"a":', "}", 100_000)],
    ["lists that do not end", "[".repeat(100_000)],
    ["lists after a string with a bracket and an escape", `["]]\\"]",${deep("[", "]", 3000)}]`],
  ])("of too many %s in one another is told", (_, line) => {
    expect(isTooDeep(line)).toBe(true);
  });

  it.each([
    ["many lists beside one another", `[${Array(5000).fill("[1]").join()}]`],
    ["brackets in a string", JSON.stringify(["[".repeat(5000)])],
    ["brackets after an escaped quotation mark", JSON.stringify([`"${"{".repeat(5000)}`, `\\"${"[".repeat(5000)}\\`])],
    ["a string that does not end", `"${"[".repeat(5000)}`],
    ["a short line", deep("[", "]", 999)],
  ])("of %s is not too deep", (_, line) => {
    expect(isTooDeep(line)).toBe(false);
  });
});
