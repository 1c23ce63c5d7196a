import { type Command, InvalidArgumentError, Option } from "commander";
import type { TextOptions } from "../report/text.ts";
import { GROUPS } from "./help.ts";
import { takesUtf8 } from "./locale.ts";
import { parsePorts } from "./ports.ts";

export type ColorChoice = "auto" | "always" | "never";

export const colorOption = () => new Option("--color <when>", "colour").choices(["auto", "always", "never"]).default("auto");

/** NO_COLOR: https://no-color.org. */
export function usesColor(choice: ColorChoice, isTerminal: boolean): boolean {
  return choice === "auto" ? isTerminal && !process.env.NO_COLOR : choice === "always";
}

/** Options about how text looks. */
export interface LookOptions {
  color: ColorChoice;
  width?: number;
  ascii?: boolean;
  utc?: boolean;
}

/** Options that choose what is reported. */
export interface FilterOptions {
  port?: [number, number][];
  pid?: number;
  comm?: string;
  netns?: string;
  proto?: "tcp" | "udp";
  history?: number;
}

/** Options that choose what is reported and how it looks: the same for live and replay. */
export interface ReportOptions extends FilterOptions, LookOptions {
  json?: boolean;
  output?: string;
}

const DEFAULT_WIDTH = 80;
const MIN_WIDTH = 40;
const MAX_WIDTH = 1000;

/** Adds the options of {@link ReportOptions} to a command. */
export function withReportOptions(command: Command): Command {
  const filtered = withFilterOptions(command)
    .optionsGroup(GROUPS.output)
    .option("--json", "one JSON object a line instead of text")
    .option("-o, --output <file>", "write the report to a file", fileName);
  return withLookOptions(filtered);
}

/** Adds the options of {@link FilterOptions} to a command. */
export function withFilterOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.report)
    .option("-p, --port <ports>", "local ports: 8080 or 8080,9000-9010 (repeatable; default: all)", parsePorts)
    .option("--pid <pid>", "report only the failures of this process", wholeNumber)
    .option("--comm <name>", "report only the failures of processes of this name")
    .option("--netns <which>", "report only this network namespace: self, a pid, a path or its number")
    .addOption(new Option("--proto <protocol>", "report only this protocol").choices(["tcp", "udp"]))
    .option(
      "--history <events>",
      "events kept of each port for its timeline (default: 5000; of --ndjson and --perfetto: all)",
      wholeNumber,
    );
}

/** Adds the options of {@link LookOptions} to a command. */
export function withLookOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.output)
    .addOption(colorOption())
    .option("--width <columns>", "fit into this many columns (default: the terminal, else 80)", parseWidth)
    .option("--ascii", "draw with ASCII characters only (default where the locale is not UTF-8)")
    .option("--utc", "times in UTC");
}

export function fileName(text: string): string {
  if (text === "") throw new InvalidArgumentError("the name of a file is missing.");
  return text;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError(`'${text}' is not a whole number.`);
  return Number(text);
}

function parseWidth(text: string): number {
  const width = wholeNumber(text);
  if (width < MIN_WIDTH) throw new InvalidArgumentError(`${width} columns are too few: give ${MIN_WIDTH} or more.`);
  if (width > MAX_WIDTH) throw new InvalidArgumentError(`${width} columns are too many: give ${MAX_WIDTH} or less.`);
  return width;
}

/** Whether text is drawn with ASCII only: as it is asked for, or where the locale calls for it. */
export const drawsAscii = ({ ascii }: Pick<LookOptions, "ascii">) => ascii === true || !takesUtf8(process.env);

/** How text is to look. `offsetMinutes`: how far local time is ahead of UTC. */
export function textOptions(options: LookOptions, offsetMinutes: number, terminal: NodeJS.WriteStream | undefined): TextOptions {
  const isTerminal = terminal?.isTTY === true;
  return {
    color: usesColor(options.color, isTerminal),
    // A terminal may be resized while a trace goes on.
    get width() {
      return options.width ?? (isTerminal ? Math.max(MIN_WIDTH, terminal.columns || DEFAULT_WIDTH) : DEFAULT_WIDTH);
    },
    ascii: drawsAscii(options),
    offsetMinutes: options.utc ? 0 : offsetMinutes,
  };
}
