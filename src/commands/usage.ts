import type { Command } from "commander";
import { nearest } from "./nearest.ts";
import { isRunnable } from "./programs.ts";
import { shellCommand } from "./shell-words.ts";

/**
 * commander's errors as one sentence each, with what to do. They come as text alone: where that is another than
 * commander 14's, it is passed on as it is.
 */
export function usageSentence(error: string, command: Command): string {
  const text = error.trim().replace(/^error: /, "");
  for (const [pattern, sentence] of SENTENCES) {
    const match = pattern.exec(text);
    if (match) return sentence(command, ...match.slice(1).map((part) => part ?? ""));
  }
  return text;
}

/** From this number on, words are not listed when one of them is near. */
const MANY = 10;

type Sentence = (command: Command, ...parts: string[]) => string;

const SENTENCES: readonly [RegExp, Sentence][] = [
  [/^unknown option '(.*?)'(?:\n\(Did you mean (.*)\?\))?$/s, unknownOption],
  [/^option '(.*)' argument missing$/, (_, flags) => `${longFlag(flags)} needs a value: ${flags}`],
  [/^option '([^']*)' argument '(.*)' is invalid\. (.*)$/s, (_, flags, value, why) => invalid(longFlag(flags), value, why)],
  [/^command-argument value '(.*)' is invalid for argument '[\w-]+'\. (.*)$/s, (_, value, why) => invalid("", value, why)],
  [
    /^option '(.*)' cannot be used with option '(.*)'$/,
    (_, one, other) => `${longFlag(one)} and ${longFlag(other)} exclude each other: leave one out`,
  ],
  [/^missing required argument '(.*)'$/, missingArgument],
  [/^too many arguments/, tooManyArguments],
];

const longFlag = (flags = "") => /--[\w-]+/.exec(flags)?.[0] ?? flags;
const fullName = (command: Command) => (command.parent ? `${command.parent.name()} ${command.name()}` : command.name());

function unknownOption(command: Command, option = "", near = ""): string {
  const program = command.parent === null ? programHint(command.args) : null;
  const mend = program ?? (near === "" ? `${fullName(command)} --help lists all` : `did you mean ${near}?`);
  return `unknown option '${option}': ${mend}`;
}

function invalid(name: string, value = "", why = ""): string {
  const allowed = /^Allowed choices are (.*)\.$/s.exec(why)?.[1];
  const what = [name, value].filter((part) => part !== "").join(" ");
  // The parsers of the options name the value, so that of an argument need not be said twice.
  if (allowed === undefined) return name === "" ? why : `${what}: ${why}`;
  const words = allowed.split(", ");
  const near = nearest(value, words);
  const hints = [near === null ? null : `did you mean ${near}?`, near === null || words.length < MANY ? `allowed are ${allowed}` : null];
  return `${what}: ${hints.filter((hint) => hint !== null).join(" ")}`;
}

function missingArgument(command: Command, name = ""): string {
  const argument = command.registeredArguments.find((one) => one.name() === name);
  return `${command.name()} needs a <${name}>${argument ? `: ${command.createHelp().argumentDescription(argument)}` : ""}`;
}

function tooManyArguments(command: Command): string {
  const known = command.registeredArguments.length;
  const names = command.registeredArguments.map((argument) => `<${argument.name()}>`).join(" ");
  return `too many arguments: ${command.name()} takes ${known === 0 ? "none" : `${names} alone`}, so leave out '${command.args.slice(known).join(" ")}'`;
}

/** A first word that is no command: the nearest one, and how to trace a program of that name. */
export function unknownWord(words: readonly string[], program: Command): string {
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
  const near = nearest(words[0] ?? "", names);
  const hints = [near === null ? null : `did you mean ${near}?`, programHint(words)].filter((hint) => hint !== null);
  return `unknown command '${words[0]}': ${hints.length > 0 ? hints.join(" ") : `the commands are ${names.join(", ")}`}`;
}

/** Who writes a program of this machine where a command of bindtrace belongs wants to trace it. */
function programHint(words: readonly string[]): string | null {
  const [name = ""] = words;
  if (name === "" || name.startsWith("-") || !isRunnable(name)) return null;
  return `to run it under the trace, write -- before it, as in bindtrace -- ${shellCommand(words)}`;
}
