import { formatDuration, type Nanos } from "../base/nanoseconds.ts";

/** What every text report shares: escaping of foreign text, colour, width. */

export interface TextOptions {
  color: boolean;
  /** Columns to fit into. */
  width: number;
  /** Draw with ASCII only. */
  ascii: boolean;
  /** Minutes that local time is ahead of UTC, 0 for UTC. */
  offsetMinutes: number;
}

export type Style = "bad" | "good" | "dim" | "strong";
const CODES: Readonly<Record<Style, [number, number]>> = { bad: [31, 39], good: [32, 39], dim: [2, 22], strong: [1, 22] };

export function paint(style: Style, text: string, { color }: TextOptions): string {
  const [on, off] = CODES[style];
  return color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

/**
 * Makes text that some process chose safe for a terminal: control characters, line breaks, bidirectional
 * controls and other invisible characters become visible escapes; with `ascii`, everything beyond ASCII does.
 */
export function escapeText(text: string, ascii = false): string {
  const unsafe = ascii ? /[^\x20-\x7e]/gu : /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Breaks text at spaces so that no line is longer than `width`, unless one word is; `hard` breaks that word too. */
export function wrap(text: string, width: number, hard = false): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((long) => (hard ? pieces(long, width) : [long]))) {
    if (line !== "" && length(line) + 1 + length(word) > width) {
      lines.push(line.trimEnd());
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line.trimEnd()];
}

const length = (text: string) => [...text].length;

function pieces(word: string, width: number): string[] {
  const characters = [...word];
  return Array.from({ length: Math.max(1, Math.ceil(characters.length / width)) }, (_, index) =>
    characters.slice(index * width, (index + 1) * width).join(""),
  );
}

/** Shortens text to `width` characters. */
export function truncate(text: string, width: number, { ascii }: Pick<TextOptions, "ascii">): string {
  const mark = ascii ? "..." : "…";
  return length(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - mark.length)).join("")}${mark}`;
}

/** A duration for people; micro is written u in ASCII. */
export function durationText(nanos: Nanos, { ascii }: Pick<TextOptions, "ascii">): string {
  const text = formatDuration(nanos);
  return ascii ? text.replace("µ", "u") : text;
}

/** `14:03:07.311` of an ISO time, in the trace's zone. */
export function clockTime(iso: string, { offsetMinutes }: Pick<TextOptions, "offsetMinutes">): string {
  return new Date(Date.parse(iso) + offsetMinutes * 60_000).toISOString().slice(11, 23);
}

/** `1st`, `2nd`, `17th`. */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${suffix}`;
}
