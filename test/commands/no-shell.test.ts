import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../helpers/cli.ts";

/** Every file of the program, with its text. */
const SOURCES = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, text: readFileSync(join(ROOT, "src", name), "utf8") }));

const filesWith = (pattern: RegExp) => SOURCES.filter(({ text }) => pattern.test(text)).map(({ name }) => name);

it("programs are started by one library, which takes words and no command line", () => {
  expect(filesWith(/node:child_process/)).toEqual([]);
  expect(filesWith(/\bshell: true|execa`/)).toEqual([]);
  const imports = SOURCES.flatMap(({ text }) => text.match(/^import .* from "execa";$/gm) ?? []);
  expect(imports.length).toBeGreaterThan(2);
  expect(new Set(imports)).toEqual(new Set(['import { execa } from "execa";']));
});

it("a shell gets a fixed script, and foreign words only as its arguments", () => {
  const shells = SOURCES.flatMap(({ name, text }) =>
    [...text.matchAll(/"(?:ba|da)?sh", *"-[a-z]*c", *(\S+?),/g)].map(([, script]) => [name, script]),
  );
  expect(shells.length).toBeGreaterThan(2);
  for (const [name = "", script = ""] of shells) {
    const { text } = SOURCES.find((source) => source.name === name) ?? { text: "" };
    const made = [...text.matchAll(new RegExp(`\\b${script} =\\s*(.*);$`, "gm"))].map(([, value]) => value);
    // A plain literal: nothing is put into it.
    expect({ name, made }).toEqual({ name, made: [expect.stringMatching(/^'[^']*'$/)] });
  }
});
