import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../src/commands/failure.ts";
import { bindtrace, ROOT } from "../helpers/cli.ts";
import { codeIn, headings, rowsIn, section, textOf } from "./pages.ts";

const TEXT = textOf("docs/reference.md");

/** What commander has registered, as --help shows it. */
interface Help {
  /** `-p, --port <ports>`. */
  options: string[];
  commands: string[];
}

async function helpOf(...command: string[]): Promise<Help> {
  const { stdout, exitCode } = await bindtrace([...command, "--help"]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} --help exited with ${exitCode}`);
  const known = stdout.split(/^Examples:/m)[0] ?? "";
  return {
    options: [...known.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: <[\w-]+>)?)/gm)].map(([, flags = ""]) => flags),
    commands: [...(known.split(/^Commands:\n/m)[1] ?? "").matchAll(/^ {2}([a-z]+)\b/gm)].map(([, name = ""]) => name),
  };
}

describe("reference.md", () => {
  let root: Help;
  beforeAll(async () => {
    root = await helpOf();
  });

  it("has a section for each command, and for no other", () => {
    const described = headings(TEXT).filter((heading) => heading.startsWith("bindtrace"));
    expect(described).toEqual(expect.arrayContaining(["bindtrace", "bindtrace replay", "bindtrace check", "bindtrace doctor"]));
    expect(described.slice(1).sort()).toEqual(root.commands.map((name) => `bindtrace ${name}`).sort());
  });

  it("has the options of every command, as --help has them", async () => {
    for (const command of ["", ...root.commands]) {
      const { options } = command === "" ? root : await helpOf(command);
      const described = rowsIn(section(TEXT, `bindtrace ${command}`.trim())).filter((code) => code.startsWith("-"));
      expect({ command, options: described.sort() }).toEqual({ command, options: options.sort() });
    }
  });

  it("has every exit code", () => {
    const rows = [...section(TEXT, "Exit codes").matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual([...new Set(Object.values(EXIT))].sort((a, b) => a - b));
  });

  it("has every variable of the environment that is read", () => {
    const files = ["src/cli.ts", ...readdirSync(join(ROOT, "src/commands")).map((file) => `src/commands/${file}`)];
    const source = files.map((file) => readFileSync(join(ROOT, file), "utf8")).join("\n");
    const direct = [...source.matchAll(/process\.env\.([A-Z_]+)/g)].map(([, name = ""]) => name);
    const taken = [...source.matchAll(/const \{([^}]*)\} = process\.env/g)].flatMap(([, names = ""]) =>
      names.split(",").map((name) => name.trim()),
    );
    const told = codeIn(section(TEXT, "Environment"));
    expect(direct).toContain("NO_COLOR");
    expect([...direct, ...taken].filter((name) => !told.includes(name))).toEqual([]);
  });
});
