import { Command } from "commander";
import { addCheck } from "./check.ts";
import { addCompletion } from "./completion.ts";
import { addDoctor } from "./doctor.ts";
import { addExport } from "./export.ts";
import type { ExitCode } from "./failure.ts";
import { addHelp, GROUPS, HELP_STYLE, HELP_WIDTH } from "./help.ts";
import { addMan } from "./man.ts";
import type { Output } from "./output.ts";
import { addReplay } from "./replay.ts";
import { addTrace } from "./trace.ts";
import { usageSentence } from "./usage.ts";

export interface ProgramOptions {
  version: string;
  /** What stands behind `--`. */
  words: readonly string[];
  /** Takes the help that is asked for. */
  help: Pick<Output, "write">;
  /** Takes what is wrong with the command line, as one sentence. */
  say(sentence: string): void;
  /** Takes the exit code of the command that ran. */
  finish(code: ExitCode): void;
}

/** The command line: all commands and options. It throws commander's errors, and a Failure where a command has to stop. */
export function bindtraceProgram({ version, words, help, say, finish }: ProgramOptions): Command {
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
  return program;
}
