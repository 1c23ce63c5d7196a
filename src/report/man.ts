import { type CommandEntry, type CommandTable, flagsOf, type OptionEntry } from "./command-table.ts";
import { BEFORE_OPTIONS, type Chapter, DATE, EXITS, LAST, NAME } from "./man-text.ts";
import { wrap } from "./text.ts";

/** Columns of the source; longer lines are bad style (mandoc(1), -W style). */
const WIDTH = 78;

/** The manual page, in the macros of man(7): what the command line has registered, and the prose of man-text.ts. */
export function manPage({ version, root, commands }: CommandTable): string {
  return [
    String.raw`.\" Made by: make man. What it says of commands and options comes from the program.`,
    `.TH BINDTRACE 1 ${DATE} "bindtrace ${version}" "User Commands"`,
    ".nh",
    ".ad l",
    ".SH NAME",
    `bindtrace ${literal("-")} ${text(NAME)}`,
    ".SH SYNOPSIS",
    ...[root, ...commands].flatMap(synopsis),
    ...BEFORE_OPTIONS.flatMap(chapter),
    ".SH COMMANDS",
    ...commands.flatMap((command) => [".TP", usageLine(command), text(command.description)]),
    ".SH OPTIONS",
    ...groupsOf(root).flatMap(([group, options]) => [`.SS "${text(group.replace(/:$/, ""))}"`, ...options.flatMap(option)]),
    ...commands.flatMap((command) => ownOptions(command, root)),
    ".SH EXIT STATUS",
    ...root.exits.flatMap(({ code, meaning }) => [".TP", `.B ${code}`, text(meaning)]),
    ...commands.flatMap((command) => exitStatus(command, root)),
    ".PP",
    text(EXITS),
    ...LAST.slice(0, -1).flatMap(chapter),
    ".SH EXAMPLES",
    ...[root, ...commands].flatMap(examplesOf),
    ...LAST.slice(-1).flatMap(chapter),
    "",
  ].join("\n");
}

function synopsis(command: CommandEntry, index: number): string[] {
  return [...(index === 0 ? [] : [".br"]), usageLine(command)];
}

/** The name in bold, what stands for something in italics. */
function usageLine({ name, usage }: CommandEntry): string {
  const [first = ""] = usage;
  const words = first.replace(/[<[]?(\w+)(\.\.\.)?[\]>]?/g, (whole, word: string) => whole.replace(word, `\u0001${word}\u0002`));
  const italic = literal(words).replaceAll("\u0001", String.raw`\fI`).replaceAll("\u0002", String.raw`\fR`);
  return `${String.raw`\fBbindtrace`}${name === "" ? "" : ` ${literal(name)}`}${String.raw`\fR`} ${italic.replace(/[<>]/g, "")}`;
}

function groupsOf({ options }: CommandEntry): [string, OptionEntry[]][] {
  const groups = new Map<string, OptionEntry[]>();
  for (const one of options) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return [...groups];
}

function option(entry: OptionEntry): string[] {
  const { value, description, fallback } = entry;
  const flags = flagsOf(entry).map((flag) => `${String.raw`\fB`}${literal(flag)}${String.raw`\fR`}`);
  const placeholder = value === null ? "" : ` ${String.raw`\fI`}${literal(value.name)}${String.raw`\fR`}`;
  const choices = value && value.choices.length > 0 ? ` One of ${value.choices.join(", ")}.` : "";
  const otherwise = fallback === null ? "" : ` Default: ${fallback}.`;
  return [".TP", `${flags.join(", ")}${placeholder}`, text(`${capital(description)}.${choices}${otherwise}`)];
}

/** Options that a command has alone, and the names of those that it shares with tracing. */
function ownOptions(command: CommandEntry, root: CommandEntry): string[] {
  const key = ({ long, description, fallback }: OptionEntry) => [long, description, fallback].join("\n");
  const known = new Set(root.options.map(key));
  const own = command.options.filter((one) => !known.has(key(one)));
  const shared = command.options.filter((one) => known.has(key(one)) && one.long !== "--help");
  if (own.length + shared.length === 0) return [];
  const list = shared.map(({ long }) => long).join(", ");
  return [
    `.SS "Options of bindtrace ${literal(command.name)}"`,
    ...own.flatMap(option),
    ...(own.length > 0 && shared.length > 0 ? [".PP"] : []),
    ...(shared.length === 0 ? [] : [text(`${own.length === 0 ? "It" : "It also"} takes ${list}, as above.`)]),
  ];
}

/** The codes that mean something else than with tracing. */
function exitStatus({ name, exits }: CommandEntry, root: CommandEntry): string[] {
  const own = exits.filter(({ code, meaning }) => !root.exits.some((known) => known.code === code && known.meaning === meaning));
  if (own.length === 0) return [];
  return [".TP", bold(`bindtrace ${name}`), text(`${own.map(({ code, meaning }) => `${code}: ${meaning}`).join("; ")}`)];
}

function examplesOf({ name, examples }: CommandEntry): string[] {
  const lines = examples.flatMap(({ command, purpose }) => [".TP", bold(command), text(purpose)]);
  return name === "" ? lines : [`.SS "bindtrace ${literal(name)}"`, ...lines];
}

function chapter({ title, paragraphs }: Chapter): string[] {
  const lines = paragraphs.map((paragraph, index) => {
    if (typeof paragraph === "string") return [...(index === 0 ? [] : [".PP"]), text(paragraph)];
    return [".TP", bold(paragraph[0]), text(paragraph[1])];
  });
  return [`.SH ${title}`, ...lines.flat()];
}

const capital = (sentence: string) => sentence.charAt(0).toUpperCase() + sentence.slice(1);
const bold = (words: string) => `${String.raw`\fB`}${literal(words)}${String.raw`\fR`}`;

/** Prose: a sentence begins a line. */
function text(prose: string): string {
  const sentences = prose.split(/(?<=[.?]) (?=[A-Z])/);
  return sentences
    .flatMap((sentence) => wrap(literal(sentence), WIDTH))
    .map(guarded)
    .join("\n");
}

/** A line that begins like a request is none. */
const guarded = (line: string) => (/^[.']/.test(line) ? `\\&${line}` : line);

/** Characters that roff takes for something else, as themselves, so that they can be copied from the page. */
function literal(words: string): string {
  const named: Readonly<Record<string, string>> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    '"': "\\(dq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
  };
  return words.replace(/[\\\-'"`^~]/g, (one) => named[one] ?? one);
}
