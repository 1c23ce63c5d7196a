import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gunzipped } from "../../src/trace/gunzip.ts";

const CORRUPT = "its compressed data breaks off or is corrupt";

async function gunzip(bytes: Buffer, size = 1 << 18) {
  const problems: string[] = [];
  let [text, length] = ["", 0];
  async function* source() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  for await (const chunk of gunzipped(source(), (message) => problems.push(message))) {
    length += chunk.length;
    if (length < 1 << 24) text += chunk.toString("latin1");
  }
  return { text, length, problems };
}

/** Lines that do not shrink to nothing. */
const lines = (from: number, count: number) => Array.from({ length: count }, (_, line) => `${Math.sin(from + line)}\n`).join("");
const [one, two, three] = [lines(0, 300), lines(300, 300), lines(600, 300)];
const damaged = (bytes: Buffer, at: number) => {
  const copy = Buffer.from(bytes);
  copy.fill(0xff, at, at + 20);
  return copy;
};

describe("members in a row", () => {
  it("are one text, wherever the chunks end", async () => {
    const texts = [one, two, "", three];
    const bytes = Buffer.concat(texts.map((text) => gzipSync(text)));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
        expect(await gunzip(bytes, size)).toMatchObject({ text: texts.join(""), problems: [] });
      }),
      { numRuns: 30 },
    );
  });

  it("may be longer than what is read at once", async () => {
    const text = lines(0, 60_000);
    expect(await gunzip(gzipSync(text))).toMatchObject({ text, problems: [] });
  });

  it("may break off", async () => {
    const bytes = gzipSync(one);
    const { text, problems } = await gunzip(bytes.subarray(0, bytes.length - 100));
    expect({ starts: one.startsWith(text), problems }).toEqual({ starts: true, problems: [] });
    expect(text.length).toBeGreaterThan(one.length - 400);
  });

  it.each([
    ["a member is damaged", damaged(gzipSync(two), 1000), true],
    ["there are zeros", Buffer.alloc(5000), false],
    ["there is something else", Buffer.from("oops".repeat(1000)), false],
    ["a member breaks off", gzipSync(two).subarray(0, 1500), true],
  ])("are read on with where %s between them", async (_, hole, partly) => {
    for (const size of [7, 1000, 1 << 18]) {
      const { text, problems } = await gunzip(Buffer.concat([gzipSync(one), hole, gzipSync(three)]), size);
      expect(problems).toEqual([CORRUPT]);
      const part = text.slice(one.length, -three.length - 1);
      expect(text).toBe(`${one}${part}\n${three}`);
      expect(part.length > 0).toBe(partly);
      if (partly) expect(part.slice(0, 1000)).toBe(two.slice(0, 1000));
    }
  });

  it("after one that breaks off are all read, however many begin in what is read at once", async () => {
    const whole = Array.from({ length: 6 }, (_, member) => lines(1000 * member, 30));
    const members: Buffer[] = whole.map((text) => gzipSync(text));
    members[2] = (members[2] as Buffer).subarray(0, 200);
    const { text, problems } = await gunzip(Buffer.concat(members));
    expect(problems).toEqual([CORRUPT]);
    const [before, after] = [whole.slice(0, 2).join(""), whole.slice(3).join("")];
    expect([text.slice(0, before.length), text.slice(-after.length - 1)]).toEqual([before, `\n${after}`]);
    expect(whole[2]?.startsWith(text.slice(before.length, -after.length - 1))).toBe(true);
  });

  it("are given up where there are too many damaged ones", async () => {
    const bytes = Buffer.concat(Array.from({ length: 40 }, (_, member) => [gzipSync(lines(member, 10)), Buffer.alloc(10)]).flat());
    const { text, problems } = await gunzip(bytes);
    expect(problems[0]).toBe(CORRUPT);
    expect(text.split("\n").filter((line) => line !== "")).toHaveLength(320);
  });

  it("cost little, however many there seem to be", async () => {
    const { problems } = await gunzip(Buffer.alloc(1 << 20, Buffer.from([0x1f, 0x8b, 8, 0])));
    expect(problems[0]).toBe(CORRUPT);
  });
});

describe("a bomb", () => {
  const bomb = gzipSync(Buffer.alloc(200 << 20), { level: 9 });
  const refused = "it expands to more than 500 times its size, so it is no trace";

  it("is refused after a tenth of it", async () => {
    const { length, problems } = await gunzip(bomb);
    expect(problems).toEqual([refused]);
    expect(length).toBeLessThan(40 << 20);
  });

  it("is refused after many members that are none", async () => {
    const before = gzipSync(lines(0, 200_000));
    const { text, problems } = await gunzip(Buffer.concat([before, bomb]));
    expect({ starts: text.startsWith(one), problems }).toEqual({ starts: true, problems: [refused] });
  });

  it("of many members is refused", async () => {
    const { length, problems } = await gunzip(Buffer.concat(Array<Buffer>(60).fill(gzipSync(Buffer.alloc(4 << 20), { level: 9 }))));
    expect(problems).toEqual([refused]);
    expect(length).toBeLessThan(60 << 20);
  });

  it("of some MB is none: a trace may say the same thing often", async () => {
    expect((await gunzip(gzipSync(Buffer.alloc(10 << 20)))).problems).toEqual([]);
  });
});
