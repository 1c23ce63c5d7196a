import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { bindtrace, ROOT } from "../helpers/cli.ts";

const PAGE = join(ROOT, "man/bindtrace.1");
const source = readFileSync(PAGE, "utf8");

const missing = ["man", "mandoc"].filter((program) => !existsSync(`/usr/bin/${program}`));
if (missing.length > 0) console.log(`the manual page is not tried with ${missing.join(" and ")}: not installed`);

/** The words of a text, whatever lines they stand on. */
const words = (text: string) => text.replace(/\s+/g, " ");

describe("the manual page", () => {
  it("is what the command line has now (make man writes it anew)", async () => {
    expect((await bindtrace(["man"], { stripFinalNewline: false })).stdout).toBe(source);
  });

  it.skipIf(missing.includes("mandoc"))("has nothing that mandoc would mend", async () => {
    const { stdout, stderr, exitCode } = await execa("mandoc", ["-Tlint", "-Wstyle", PAGE], { reject: false });
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  });

  describe.skipIf(missing.includes("man"))("as man shows it", () => {
    let shown: { stdout: string; stderr: string };
    beforeAll(async () => {
      shown = await execa("man", ["--warnings", "-l", PAGE], { env: { MANWIDTH: "80", MAN_KEEP_FORMATTING: "", LC_ALL: "C.UTF-8" } });
    });

    it("has its sections in this order, within 80 columns, and no warning", () => {
      expect(shown.stdout.match(/^[A-Z][A-Z ]+$/gm)).toEqual([
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        "OPTIONS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "NOTES",
        "EXAMPLES",
        "SEE ALSO",
      ]);
      expect(shown.stdout.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
      expect(shown.stderr).toBe("");
    });

    it("has every command, option, example and exit code of the help", async () => {
      const { stdout: all } = await bindtrace(["--help"]);
      const [, section = ""] = /\nCommands:\n((?: .*\n)+)/.exec(all) ?? [];
      const names = [...section.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name);
      expect(names.length).toBeGreaterThan(4);
      const helps = await Promise.all(names.map(async (name) => (await bindtrace([name, "--help"])).stdout));
      const page = words(shown.stdout);
      for (const help of [all, ...helps]) {
        const [, examples = ""] = /\nExamples:\n((?: .*\n)+)/.exec(help) ?? [];
        const commands = [...examples.matchAll(/^ {2}(\S.*?)(?: {2}|$)/gm)].map(([, command = ""]) => command);
        const options = [...help.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: <\w+>)?)/gm)].map(([, flags = ""]) => flags);
        expect(commands.length).toBeGreaterThan(0);
        for (const each of [...commands, ...options.map((flags) => flags.replace(/[<>]/g, "").split(" ").at(-1) ?? "")]) {
          expect(page).toContain(each);
        }
      }
      const [, exits = ""] = /\nExit codes:\n([\s\S]*)$/.exec(all) ?? [];
      for (const line of exits.trim().split("\n")) expect(page).toContain(words(line.trim()));
    });
  });
});
