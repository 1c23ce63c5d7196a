import type { Argument, Command, Help, Option } from "commander";
import { EXIT, type ExitCode, type ExitMeaning, Failure } from "./failure.ts";
import { unknownWord } from "./usage.ts";

/** A command line to copy, and what it is for. */
export interface Example {
  command: string;
  purpose: string;
}

/** What commander does not know of a command, for its help and for the manual page. */
export interface HelpExtras {
  examples: readonly Example[];
  exits: readonly ExitMeaning[];
}

/** Columns of all help. */
export const HELP_WIDTH = 80;

/** Headings that the options of all commands stand under, in this order. */
export const GROUPS = {
  format: "What is made of it:",
  bind: "Which bind:",
  report: "What is reported:",
  output: "How it is written:",
  recording: "Recording:",
  end: "When it ends:",
  kernel: "How it looks into the kernel:",
  other: "Other:",
} as const;

/** More words than these are for the manual page. */
const MAX_CHOICES = 8;

/** How commander is to describe options and arguments: with the words that are allowed. */
export const HELP_STYLE: Pick<Help, "optionDescription" | "argumentDescription"> = {
  optionDescription: described,
  argumentDescription: described,
};

function described({ description, argChoices, defaultValue }: Option | Argument): string {
  const choices = argChoices && argChoices.length <= MAX_CHOICES ? `: ${argChoices.join(", ")}` : "";
  return `${description}${choices}${defaultValue === undefined ? "" : ` (default: ${defaultValue})`}`;
}

const extras = new WeakMap<Command, HelpExtras>();

/** Adds examples and exit codes to the help of a command. */
export function withHelp(command: Command, help: HelpExtras): Command {
  extras.set(command, help);
  return command.addHelpText("after", () => `\nExamples:\n${exampleLines(help.examples)}\n\nExit codes:\n${exitLines(help.exits)}`);
}

export function helpExtras(command: Command): HelpExtras {
  return extras.get(command) ?? { examples: [], exits: [] };
}

/** Purposes in a column of their own, or below the commands that reach into it. */
function exampleLines(examples: readonly Example[]): string {
  const room = HELP_WIDTH - 4 - Math.max(...examples.map(({ purpose }) => purpose.length));
  const column = 2 + Math.max(2, ...examples.map(({ command }) => command.length).filter((length) => length <= room));
  const lines = examples.flatMap(({ command, purpose }) =>
    command.length + 2 <= column ? [`${command.padEnd(column)}${purpose}`] : [command, `${" ".repeat(column)}${purpose}`],
  );
  return lines.map((line) => `  ${line}`).join("\n");
}

function exitLines(exits: readonly ExitMeaning[]): string {
  return exits.map(({ code, meaning }) => `  ${String(code).padEnd(3)}  ${meaning}`).join("\n");
}

/** `help COMMAND`: that of commander is left out where the program itself acts, and says nothing of an unknown command. */
export function addHelp(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("help")
    .summary("show the help of a command")
    .description("Shows the help of a command, or of all.")
    .argument("[command]", "one of those that bindtrace --help lists");
  withHelp(command, {
    examples: [{ command: "bindtrace help replay", purpose: "the same as bindtrace replay --help" }],
    exits: [{ code: EXIT.clean, meaning: "shown" }],
  });
  command.action((name: string | undefined) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `help runs no command: leave out -- and '${words.join(" ")}'`);
    const named = name === undefined ? program : program.commands.find((one) => one.name() === name);
    if (!named) throw new Failure(EXIT.usage, unknownWord(command.args, program));
    named.outputHelp();
    finish(EXIT.clean);
  });
}
