import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bindtrace, ROOT, scratch } from "../helpers/cli.ts";

const FIXTURES = join(ROOT, "test/fixtures/completion");
const SHELLS = {
  bash: ["/usr/bin/bash", join(FIXTURES, "bash-candidates.bash")],
  zsh: ["/usr/bin/zsh", "-f", join(FIXTURES, "zsh-candidates.zsh")],
  fish: ["/usr/bin/fish", join(FIXTURES, "fish-candidates.fish")],
} as const;
type Shell = keyof typeof SHELLS;
const shells = Object.keys(SHELLS) as Shell[];

const missing = shells.filter((shell) => !existsSync(SHELLS[shell][0]));
if (missing.length > 0) console.log(`completion is not tried in ${missing.join(" and ")}: not installed`);

let folder: ReturnType<typeof scratch>;
/** Path of the script for each shell. */
const scripts = {} as Record<Shell, string>;
beforeAll(async () => {
  folder = scratch();
  for (const shell of shells) {
    scripts[shell] = join(folder.path, `bindtrace.${shell}`);
    writeFileSync(scripts[shell], (await bindtrace(["completion", shell], { stripFinalNewline: false })).stdout);
  }
  for (const name of ["a trace.jsonl", "another"]) writeFileSync(join(folder.path, name), "");
  mkdirSync(join(folder.path, "home"));
});
afterAll(() => folder.remove());

/** What the real shell offers at the end of each line, sorted. */
async function offered(shell: Shell, lines: readonly string[]): Promise<Map<string, string[]>> {
  const [program, ...args] = SHELLS[shell];
  const home = join(folder.path, "home");
  const { stdout } = await execa(program, [...args, scripts[shell], ...lines], {
    cwd: folder.path,
    env: { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, TERM: "xterm" },
  });
  const blocks = stdout.split(/^> /m).slice(1);
  return new Map(
    blocks.map((block) => {
      const [line = "", ...words] = block.trimEnd().split("\n");
      // fish repeats the option of --option=value; bash says twice what is in two folders.
      const values = new Set(words.map((word) => word.replace(/^--[\w-]+=/, "")));
      return [lines.find((one) => one.trimEnd() === line.trimEnd()) ?? line, [...values].sort()];
    }),
  );
}

/** Commands, and long options of each, as its help lists them. */
async function listed(command: string[]): Promise<{ commands: string[]; options: string[] }> {
  const { stdout } = await bindtrace([...command, "--help"]);
  const [, section = ""] = /^Commands:\n((?: .*\n)+)/m.exec(stdout) ?? [];
  return {
    commands: [...section.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name).sort(),
    options: [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name = ""]) => name).sort(),
  };
}

/** The files of the folder, as each shell tells of them; readline's own answer is tried below. */
const FILES: Record<Shell, string[]> = { bash: ["(default)"], zsh: ["a\\ trace.jsonl", "another"], fish: ["a trace.jsonl", "another"] };

describe.each(shells)("in %s", (shell) => {
  const test = it.skipIf(missing.includes(shell));

  test("the commands, and the options of each, are those of its help", async () => {
    const { commands, options } = await listed([]);
    expect(commands.length).toBeGreaterThan(4);
    const lines = ["bindtrace ", "bindtrace --", "bindtrace help ", ...commands.map((name) => `bindtrace ${name} --`)];
    const expected = [
      [lines[0], commands],
      [lines[1], options],
      [lines[2], commands],
      ...(await Promise.all(commands.map(async (name) => [`bindtrace ${name} --`, (await listed([name])).options]))),
    ];
    const words = await offered(shell, lines);
    // Short options that a shell offers beside the long ones are no matter.
    const long = lines.map((line) => [line, words.get(line)?.filter((word) => !/^-\w$/.test(word))]);
    expect(Object.fromEntries(long)).toEqual(Object.fromEntries(expected));
  });

  test("values are offered as the option or the argument takes them", async () => {
    const expected: Record<string, string[]> = {
      "bindtrace --pr": ["--print-program", "--proto"],
      "bindtrace --proto ": ["tcp", "udp"],
      "bindtrace --proto=u": ["udp"],
      "bindtrace --hooks k": ["kernel", "kprobe"],
      "bindtrace --without-probe inet_bi": ["inet_bind_conflict"],
      "bindtrace -p 80 re": ["replay"],
      "bindtrace --port=80 re": ["replay"],
      "bindtrace --comm check re": ["replay"],
      "bindtrace --port ": [],
      "bindtrace -p ": [],
      "bindtrace check --host ": [],
      "bindtrace replay --color a": ["always", "auto"],
      "bindtrace replay a --prot": ["--proto"],
      "bindtrace check 80 --user game": ["games"],
      "bindtrace check 80 --device l": ["lo"],
      "bindtrace completion ": ["bash", "fish", "zsh"],
      "bindtrace replay a": FILES[shell],
      "bindtrace replay --output a": FILES[shell],
      "bindtrace --save a": FILES[shell],
      "bindtrace -o a": FILES[shell],
    };
    expect(Object.fromEntries(await offered(shell, Object.keys(expected)))).toEqual(expected);
  });

  test("what follows -- is completed as a command line of its own", async () => {
    const expected: Record<string, string[]> = {
      "bindtrace -- setpri": ["setpriv"],
      "bindtrace --port 80 -- setpri": ["setpriv"],
      "bindtrace -- cat a": FILES[shell],
    };
    expect(Object.fromEntries(await offered(shell, Object.keys(expected)))).toEqual(expected);
  });
});

describe("a script", () => {
  it.skipIf(missing.includes("bash"))("leaves the names of files to readline, in bash at a terminal", async () => {
    const typed = [
      `source ${scripts.bash}`,
      `bindtrace() { printf '<%s>' "$@"; }`,
      "bindtrace replay 'a t\t\t",
      "bindtrace --save=anoth\t",
      "exit",
    ];
    const { stdout } = await execa("script", ["-qec", "bash --norc --noprofile -i", "/dev/null"], {
      cwd: folder.path,
      input: `${typed.join("\n")}\n`,
      env: { TERM: "dumb", INPUTRC: "/dev/null" },
    });
    expect(stdout).toContain("<replay><a trace.jsonl>");
    expect(stdout).toContain("<--save=another>");
  });

  it.skipIf(missing.includes("bash"))("hands what follows -- to bash-completion where that is there", async () => {
    const lines = ["_command_offset() { echo $1; }", "compopt() { :; }", `source ${scripts.bash}`];
    const ask = "COMP_WORDS=(bindtrace --port = 80 -- git sta) COMP_CWORD=6; _bindtrace";
    expect((await execa("bash", ["-c", [...lines, ask].join("\n")])).stdout).toBe("5");
  });

  it.skipIf(missing.includes("zsh"))("works as a file in $fpath, too", async () => {
    const functions = join(folder.path, "functions");
    mkdirSync(functions);
    writeFileSync(join(functions, "_bindtrace"), (await bindtrace(["completion", "zsh"])).stdout);
    const setup = join(folder.path, "setup.zsh");
    writeFileSync(setup, `fpath=(${functions} $fpath)\ncompinit -u -D\n`);
    const [program, ...args] = SHELLS.zsh;
    const { stdout } = await execa(program, [...args, setup, "bindtrace repl"], { env: { TERM: "xterm" } });
    expect(stdout).toBe("> bindtrace repl\nreplay");
  });

  it("is for one of three shells", async () => {
    const { exitCode, stdout, stderr } = await bindtrace(["completion", "bsh"]);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: "bindtrace: bsh: did you mean bash? allowed are bash, zsh, fish",
    });
  });
});
