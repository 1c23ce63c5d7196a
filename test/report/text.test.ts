import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockTime, escapeText, ordinal, pad, paint, some, textWidth, truncate, wrap } from "../../src/report/text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);

describe("escapeText", () => {
  it.each([
    ["node server.js", "node server.js"],
    ["größe 日本 🙂", "größe 日本 🙂"],
    ["\u001b[31mred", "\\x1b[31mred"],
    ["\u001b]0;title\u0007", "\\x1b]0;title\\x07"],
    ["two\nlines\r\t", "two\\x0alines\\x0d\\x09"],
    ["nul\u0000", "nul\\x00"],
    ["del\u007f c1\u009b31m", "del\\x7f c1\\x9b31m"],
    ["exe\u202egnp.txt", "exe\\u{202e}gnp.txt"],
    ["\u2066isolate\u2069", "\\u{2066}isolate\\u{2069}"],
    ["zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"],
    ["soft\u00adhyphen", "soft\\xadhyphen"],
    ["line\u2028paragraph\u2029", "line\\u{2028}paragraph\\u{2029}"],
    ["lone\ud800surrogate\udc00", "lone\\u{d800}surrogate\\u{dc00}"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["private\ue000", "private\\u{e000}"],
    // Letters by their category, but nothing is to be seen of them.
    ["hangul\u3164filler", "hangul\\u{3164}filler"],
  ])("%j is %s", (text, escaped) => {
    expect(escapeText(text)).toBe(escaped);
  });

  it("makes everything beyond ASCII visible when asked to", () => {
    expect(escapeText("größe 🙂 \u001b", true)).toBe("gr\\xf6\\xdfe \\u{1f642} \\x1b");
  });

  it("leaves no control, format or surrogate character, and is done after one time", () => {
    fc.assert(
      fc.property(anyText, fc.boolean(), (text, ascii) => {
        const escaped = escapeText(text, ascii);
        expect(escaped).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        if (ascii) expect(escaped).toMatch(/^[\x20-\x7e]*$/);
        expect(escapeText(escaped, ascii)).toBe(escaped);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("textWidth", () => {
  it.each([
    ["", 0],
    ["node", 4],
    ["größe", 5],
    ["日本語", 6],
    ["한국", 4],
    ["ｆｕｌｌ", 8],
    ["ﾊﾝｶｸ", 4],
    ["🙂", 2],
    ["𠀀", 2],
    ["e\u0301", 1],
    ["Z\u0351\u036b", 1],
    ["→ ━ ✗ ◆ … µ", 11],
  ])("of %j is %d", (text, columns) => {
    expect(textWidth(text)).toBe(columns);
  });

  it("of text that is filled up is what was asked for", () => {
    expect(pad("日本", 6)).toBe("日本  ");
    expect(pad("too long", 3)).toBe("too long");
  });
});

describe("wrap", () => {
  it.each([
    ["a bb ccc", 4, ["a bb", "ccc"]],
    ["a bb ccc", 8, ["a bb ccc"]],
    ["a bb ccc", 7, ["a bb", "ccc"]],
    ["abcdefgh ij", 4, ["abcdefgh", "ij"]],
    ["", 4, [""]],
    ["two  spaces", 20, ["two  spaces"]],
  ])("'%s' at %d", (text, width, lines) => {
    expect(wrap(text, width)).toEqual(lines);
  });

  it.each([
    ["日本 語", 4, true, ["日本", "語"]],
    ["日本語", 5, true, ["日本", "語"]],
    ["日本語", 1, true, ["日", "本", "語"]],
    ["e\u0301e\u0301e\u0301", 2, true, ["e\u0301e\u0301", "e\u0301"]],
    ["abcdef", 4, true, ["abcd", "ef"]],
    ["日本語", 4, false, ["日本語"]],
  ])("'%s' at %d, hard %s, by what a terminal shows", (text, width, hard, lines) => {
    expect(wrap(text, width, hard)).toEqual(lines);
  });

  it("keeps all words in order, and lines within the width unless one word is longer", () => {
    const word = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 }).map((text) => text.replaceAll(" ", "_"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), (words, width) => {
        const lines = wrap(words.join(" "), width);
        expect(lines.join(" ")).toBe(words.join(" "));
        for (const line of lines) expect(line.length <= width || !line.includes(" ")).toBe(true);
        // No line could have taken the first word of the next one.
        lines.slice(1).forEach((line, index) => {
          expect((lines[index] ?? "").length + 1 + (line.split(" ")[0] ?? "").length).toBeGreaterThan(width);
        });
      }),
    );
  });
});

describe("truncate", () => {
  it.each([
    ["abcdef", 6, false, "abcdef"],
    ["abcdefg", 6, false, "abcde…"],
    ["abcdefg", 6, true, "abc..."],
    ["日本語", 6, false, "日本語"],
    ["日本語", 5, false, "日本…"],
    ["日本語", 4, false, "日…"],
    ["日本語", 3, true, "..."],
  ])("'%s' to %d, ascii %s", (text, length, ascii, short) => {
    expect(truncate(text, length, { ascii })).toBe(short);
  });

  it("cuts no character in two", () => {
    expect(truncate("ab🙂cd", 4, { ascii: false })).not.toMatch(/\p{Cs}/u);
  });

  it("gives no more than was asked for", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 3, max: 20 }), fc.boolean(), (text, length, ascii) => {
        expect(textWidth(truncate(escapeText(text, ascii), length, { ascii }))).toBeLessThanOrEqual(length);
      }),
    );
  });
});

it.each([
  [1, "1st"],
  [2, "2nd"],
  [3, "3rd"],
  [4, "4th"],
  [10, "10th"],
  [11, "11th"],
  [12, "12th"],
  [13, "13th"],
  [21, "21st"],
  [22, "22nd"],
  [101, "101st"],
  [111, "111th"],
  [113, "113th"],
])("ordinal of %d is %s", (value, text) => {
  expect(ordinal(value)).toBe(text);
});

it.each([
  [0, "14:03:07.311"],
  [60, "15:03:07.311"],
  [-300, "09:03:07.311"],
  [345, "19:48:07.311"],
  [600, "00:03:07.311"],
])("clockTime %d minutes ahead of UTC is %s", (offsetMinutes, text) => {
  expect(clockTime("2026-11-22T14:03:07.311999999Z", { offsetMinutes })).toBe(text);
});

it("paint adds colour when asked to, and only then", () => {
  const options = { width: 80, ascii: false, offsetMinutes: 0 };
  expect(paint("bad", "x", { ...options, color: false })).toBe("x");
  expect(paint("bad", "x", { ...options, color: true })).toBe("\u001b[31mx\u001b[39m");
});

it.each([
  [1, "1 event"],
  [0, "0 events"],
  [41203, "41,203 events"],
])("%d of them are %s", (count, text) => {
  expect(some(count, "event")).toBe(text);
});
