#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addCheck } from "./commands/check.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExport } from "./commands/export.ts";
import { EXIT, Failure } from "./commands/failure.ts";
import { addHelp, GROUPS, HELP_STYLE, HELP_WIDTH } from "./commands/help.ts";
import { addMan } from "./commands/man.ts";
import { streamOutput } from "./commands/output.ts";
import { addReplay } from "./commands/replay.ts";
import { addTrace } from "./commands/trace.ts";
import { usageSentence } from "./commands/usage.ts";
import { escapeText } from "./report/text.ts";

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
  const help = streamOutput(process.stdout, "the help");
  const program = new Command("bindtrace")
    .description("Shows which socket, held by which process, blocked a bind with EADDRINUSE, and by which rule of the kernel.")
    .usage("[options] [-- command...]\n       bindtrace <command> ...")
    .optionsGroup(GROUPS.other)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .configureHelp(HELP_STYLE)
    .allowExcessArguments(true)
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => help.write(text),
      getOutHelpWidth: () => Math.min(HELP_WIDTH, process.stdout.columns ?? HELP_WIDTH),
      getOutHasColors: () => false,
    })
    .exitOverride();
  addReplay(program, words, finish);
  addCheck(program, words, finish);
  addDoctor(program, words, finish);
  addExport(program, words, finish);
  addCompletion(program, words, finish);
  addHelp(program, words, finish);
  addMan(program, finish);
  addTrace(program, words, finish);
  program.optionsGroup(GROUPS.other).version(version, "-V, --version", "print the version");
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ outputError: (text) => say(usageSentence(text, command)) });
    if (command !== program) command.allowExcessArguments(false);
  }
  try {
    if (dashes !== -1 && words.length === 0) throw new Failure(EXIT.usage, "no command follows --: write it there, or leave -- out");
    await parse(program, own);
    await help.close();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return EXIT.usage;
    if (error instanceof Failure) {
      say(error.message);
      return error.code;
    }
    process.stderr.write(`bindtrace: this is a bug in bindtrace, please report it with these lines\n${(error as Error)?.stack ?? error}\n`);
    return EXIT.bug;
  }
}

/** To commander, --help and --version are errors as well: of code 0. */
async function parse(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
}

function say(sentence: string): void {
  process.stderr.write(`bindtrace: ${escapeText(sentence)}\n`);
}

// Whoever read the sentences has gone: there is nobody left to tell.
process.stderr.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));
