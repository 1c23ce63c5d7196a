import { describe, expect, it } from "vitest";
import { bindtrace } from "../helpers/cli.ts";

const { stdout: all } = await bindtrace(["--help"]);
const [, section = ""] = /\nCommands:\n((?: .*\n)+)/.exec(all) ?? [];
const names = [...section.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name);

describe("help", () => {
  it("lists the commands", () => {
    expect(names).toEqual(expect.arrayContaining(["replay", "check", "doctor", "completion", "help"]));
    // For the maker of the package.
    expect(names).not.toContain("man");
  });

  it.each([[[]], ...names.map((name) => [[name]])])(
    "of bindtrace %j has examples and exit codes, within 80 columns",
    async (args: string[]) => {
      const { exitCode, stdout, stderr } = await bindtrace([...args, "--help"]);
      expect(stdout).toMatch(/\n\nExamples:\n(?: {2}.+\n)+\nExit codes:\n(?: {2}\d+ .+(?:\n|$))+$/);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    },
  );

  it("of a command is the same by the command help", async () => {
    expect((await bindtrace(["help", "replay"])).stdout).toBe((await bindtrace(["replay", "--help"])).stdout);
  });
});
