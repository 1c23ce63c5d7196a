#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addCheck } from "./commands/check.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExport } from "./commands/export.ts";
import { EXIT, Failure } from "./commands/failure.ts";
import { addReplay } from "./commands/replay.ts";
import { addTrace } from "./commands/trace.ts";

/** argv to command to exit code; the only place that ends the process. */
async function main(argv: readonly string[]): Promise<number> {
  const dashes = argv.indexOf("--");
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  const words = dashes === -1 ? [] : argv.slice(dashes + 1);
  let code: number = EXIT.clean;
  const finish = (result: number) => {
    code = result;
  };
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  const program = new Command("bindtrace")
    .description("Shows which socket, held by which process, blocked a bind with EADDRINUSE, and by which rule of the kernel.")
    .usage(
      "[options] [-- command...]\n       bindtrace replay <trace>\n       bindtrace check <port>\n       bindtrace doctor\n       bindtrace export <trace>",
    )
    .version(version, "-V, --version")
    .allowExcessArguments(true)
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(sentence(text)) })
    .exitOverride();
  addReplay(program, words, finish);
  addCheck(program, words, finish);
  addDoctor(program, words, finish);
  addExport(program, words, finish);
  addTrace(program, words, finish);
  for (const command of program.commands) command.copyInheritedSettings(program).allowExcessArguments(false);
  try {
    if (dashes !== -1 && words.length === 0) throw new Failure(EXIT.usage, "no command follows --: write it there, or leave -- out");
    await program.parseAsync(own, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.usage;
    if (error instanceof Failure) {
      process.stderr.write(`bindtrace: ${error.message}\n`);
      return error.code;
    }
    process.stderr.write(`bindtrace: this is a bug in bindtrace, please report it with these lines\n${(error as Error)?.stack ?? error}\n`);
    return EXIT.bug;
  }
}

/** commander's errors as one sentence each, that names the option where there is one. */
function sentence(error: string): string {
  const text = error
    .trim()
    .replace(/^error: /, "")
    .replace(/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. /s, (_, option, value) =>
      value === "" ? `${option}: ` : `${option} ${value}: `,
    )
    .replace(/^command-argument value '.*' is invalid for argument '\w+'\. /s, "")
    .replace(/\n\((Did you mean .*)\?\)$/, (_, hint: string) => `: ${hint.replace("Did", "did")}?`);
  return `bindtrace: ${text}\n`;
}

process.exitCode = await main(process.argv.slice(2));
