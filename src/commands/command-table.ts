import type { Command, Option } from "commander";
import type { CommandEntry, CommandTable, OptionEntry, ValueEntry, ValueKind } from "../report/command-table.ts";
import { helpExtras } from "./help.ts";

/** What a value is, by its placeholder in the usage: the one thing that commander does not know of it. */
const KINDS: Readonly<Record<string, ValueKind>> = { file: "file", trace: "file", user: "user", interface: "interface", pid: "process" };

/** Everything that is registered, and not hidden. */
export function commandTable(program: Command): CommandTable {
  const commands = program.createHelp().visibleCommands(program);
  return { version: program.version() ?? "", root: { ...entry(program), name: "" }, commands: commands.map(entry) };
}

function entry(command: Command): CommandEntry {
  const names = command.parent?.createHelp().visibleCommands(command.parent) ?? [];
  const options = command.createHelp().visibleOptions(command);
  return {
    name: command.name(),
    usage: command.usage().split(/\n\s*bindtrace /),
    summary: command.summary(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => {
      const commands = argument.name() === "command" ? names.map((one) => one.name()) : [];
      return value(argument.name(), argument.description, argument.argChoices ?? commands);
    }),
    options: options.map(option),
    ...helpExtras(command),
  };
}

function option(from: Option): OptionEntry {
  const placeholder = /[<[]([\w-]+)/.exec(from.flags)?.[1];
  return {
    short: from.short ?? null,
    long: from.long ?? from.flags,
    value: placeholder === undefined ? null : value(placeholder, from.description, from.argChoices ?? []),
    description: from.description,
    fallback: from.defaultValue === undefined ? null : String(from.defaultValue),
    group: from.helpGroupHeading ?? "Options:",
    repeats: /\(repeatable\b/.test(from.description),
  };
}

function value(name: string, description: string, choices: readonly string[]): ValueEntry {
  return { name, description, choices, kind: choices.length > 0 ? "choice" : (KINDS[name] ?? "free") };
}
