import { execa } from "execa";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shellCommand } from "../../src/commands/shell-words.ts";

describe("words as a command line", () => {
  it.each([
    [["--port", "8080,9000-9010", "./a_b/c.d"], "--port 8080,9000-9010 ./a_b/c.d"],
    [["a b", ""], "'a b' ''"],
    [["it's"], "'it'\\''s'"],
    [["$HOME", "a;b", "*", "~", "ö"], "'$HOME' 'a;b' '*' '~' 'ö'"],
    [["a\nb'\\", "\u001b[31m"], "$'a\\nb\\'\\\\' $'\\033[31m'"],
  ])("%j is %s", (words, line) => {
    expect(shellCommand(words)).toBe(line);
  });

  it("is one line that a shell takes apart into the same words", async () => {
    const character = fc.oneof(
      fc.constantFrom(..."'\"\\$`!*?[]{}()<>|&;~#= \t\n\r\u001b\u007f\u0085"),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    );
    const word = fc.array(character, { maxLength: 8 }).map((parts) => parts.join("").replaceAll("\0", ""));
    const words = fc.sample(word, 300);
    const line = shellCommand(words);
    expect(line).not.toMatch(/\p{Cc}/u);
    const { stdout } = await execa("bash", ["-c", `printf '%s\\0' ${line}`]);
    expect(stdout.split("\0").slice(0, -1)).toEqual(words);
  });
});
