import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../../src/commands/nearest.ts";

const HOOKS = ["auto", "kernel", "fentry", "kprobe", "tracepoint"];

describe("the nearest word", () => {
  it.each([
    ["kernl", "kernel"],
    ["kenrel", "kernel"],
    ["krobe", "kprobe"],
    ["kprobes", "kprobe"],
    ["ftnery", "fentry"],
    ["tracepoints", "tracepoint"],
    ["trace", null],
    ["", null],
    ["x", null],
    ["everything", null],
  ])("to %j is %j", (word, expected) => {
    expect(nearest(word, HOOKS)).toBe(expected);
  });

  it("is the word itself where that is one of them, else one letter away where there is such a one", () => {
    const word = fc.stringMatching(/^[a-z]{4,9}$/);
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 6 }), fc.nat(5), fc.nat(8), (words, which, where) => {
        const meant = words[which % words.length] ?? "";
        expect(nearest(meant, words)).toBe(meant);
        const short = meant.slice(0, where % meant.length) + meant.slice((where % meant.length) + 1);
        const found = nearest(short, words) ?? "";
        // Another word may be as near.
        expect(Math.abs(found.length - short.length)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is none of none", () => expect(nearest("kernel", [])).toBeNull());
});
