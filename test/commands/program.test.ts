import { describe, expect, it } from "vitest";
import { bindtraceProgram } from "../../src/commands/program.ts";

/** What is said of a command line, with commands that do nothing. */
function said(...argv: string[]): string[] {
  const sentences: string[] = [];
  const say = (sentence: string) => void sentences.push(sentence);
  const program = bindtraceProgram({ version: "0.0.0", words: [], help: { write: () => {} }, say, finish: () => {} });
  for (const command of [program, ...program.commands]) command.action(() => {});
  try {
    program.parse(argv, { from: "user" });
  } catch {
    // It has been said what is wrong.
  }
  return sentences;
}

describe("numbers that are out of all reason are refused", () => {
  it.each([
    [["--duration", "597h"], "--duration 597h: '597h' is too long: give 596h at most."],
    [["--linger", `${"9".repeat(400)}s`], /is too long: give 596h at most\.$/],
    [["--buffer", "255K"], "--buffer 255K: '255K' is too small: give 256K or more."],
    [["--buffer", "5g"], "--buffer 5g: '5g' is too large: give 4G at most."],
    [["--buffer", "16MB"], "--buffer 16MB: '16MB' is not a size: write 512K, 64M or 1G."],
    [["--buffer", "9".repeat(400)], /is too large: give 4G at most\.$/],
    [["--width", "1001"], "--width 1001: 1001 columns are too many: give 1000 or less."],
    [["--width", "39"], "--width 39: 39 columns are too few: give 40 or more."],
    [["--pid", "9".repeat(400)], /is not a whole number\.$/],
  ])("%j", (argv, sentence) => {
    expect(said(...argv)).toEqual([expect.stringMatching(typeof sentence === "string" ? escaped(sentence) : sentence)]);
  });

  it.each(
    [
      ["--duration", "596h"],
      ["--buffer", "256k"],
      ["--buffer", "4G"],
      ["--width", "1000"],
      ["--pid", "4194304"],
    ].map((argv) => [argv]),
  )("%j is not", (argv) => {
    expect(said(...argv)).toEqual([]);
  });
});

const escaped = (text: string) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
