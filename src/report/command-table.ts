/** The command line as a value: what its help shows, and what completions and the manual page are made of. */
export interface CommandEntry {
  /** Empty for bindtrace without a command. */
  name: string;
  /** What follows `bindtrace NAME`, one form a line. */
  usage: string[];
  summary: string;
  description: string;
  arguments: ValueEntry[];
  options: OptionEntry[];
  examples: readonly { command: string; purpose: string }[];
  exits: readonly { code: number; meaning: string }[];
}

export interface OptionEntry {
  short: string | null;
  long: string;
  /** Null for one that is given or not. */
  value: ValueEntry | null;
  description: string;
  /** What it is when it is not given; null when that is nothing, or the description tells. */
  fallback: string | null;
  /** Heading that it stands under. */
  group: string;
  /** May be given more than once. */
  repeats: boolean;
}

/** A value of an option, or an argument. */
export interface ValueEntry {
  /** Its placeholder in the usage. */
  name: string;
  description: string;
  kind: ValueKind;
  /** The words that are allowed; none where it is not a matter of words. */
  choices: readonly string[];
}

/** What a shell can offer for a value; `free`: nothing. */
export type ValueKind = "choice" | "file" | "user" | "interface" | "process" | "free";

/** The commands and bindtrace itself, which comes first. */
export interface CommandTable {
  version: string;
  root: CommandEntry;
  commands: CommandEntry[];
}

/** Each way to write an option, the long one last. */
export const flagsOf = ({ short, long }: OptionEntry): string[] => (short === null ? [long] : [short, long]);
