import { formatDuration, type Nanos } from "../base/nanoseconds.ts";

/** What every text report shares: escaping of foreign text, colour, width. Widths are columns of a terminal. */

export interface TextOptions {
  color: boolean;
  /** Columns to fit into. */
  width: number;
  /** Draw with ASCII only. */
  ascii: boolean;
  /** Minutes that local time is ahead of UTC, 0 for UTC. */
  offsetMinutes: number;
  /** Name all there is, where a terminal is told of the first few. */
  whole?: boolean;
}

/** Most things of a kind that are named even then: a page has an end, too. */
const WHOLE = 1000;

/** How many things of a kind are named one by one. */
export const most = (usual: number, { whole }: Pick<TextOptions, "whole">) => (whole ? WHOLE : usual);

export type Style = "bad" | "good" | "dim" | "strong";
const CODES: Readonly<Record<Style, [number, number]>> = { bad: [31, 39], good: [32, 39], dim: [2, 22], strong: [1, 22] };

export function paint(style: Style, text: string, { color }: TextOptions): string {
  const [on, off] = CODES[style];
  return color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Makes text that some process chose safe for a terminal: control characters, line breaks, bidirectional
 * controls and other invisible characters become visible escapes; with `ascii`, everything beyond ASCII does.
 */
export function escapeText(text: string, ascii = false): string {
  // Nearly all there is to print is plain, and Unicode's classes are dear to ask for.
  if (PLAIN.test(text)) return text;
  const unsafe = ascii ? /[^\x20-\x7e]/gu : /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** What a terminal draws two columns wide (Unicode's East Asian Width W and F, and emoji), and what it draws over the character before. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const OVER = /[\p{Mn}\p{Me}\u1160-\u11ff]/u;
/** A character with what is drawn over it. */
const CHARACTER = /.[\p{Mn}\p{Me}\u1160-\u11ff]*/gsu;

/** Columns that a terminal needs for text that has been escaped and not painted. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return [...text].reduce((width, character) => width + (OVER.test(character) ? 0 : WIDE.test(character) ? 2 : 1), 0);
}

/** Text filled up with spaces to `width` columns. */
export const pad = (text: string, width: number) => `${text}${" ".repeat(Math.max(0, width - textWidth(text)))}`;

/** Breaks text at spaces so that no line takes more than `width` columns, unless one word does; `hard` breaks that word too. */
export function wrap(text: string, width: number, hard = false): string[] {
  // Nearly all of it fits. One that begins with spaces goes on, since they are left out.
  if (!text.startsWith(" ") && textWidth(text) <= width) return [text.trimEnd()];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((long) => (hard ? pieces(long, width) : [long]))) {
    if (line !== "" && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line.trimEnd());
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line.trimEnd()];
}

/** A word in pieces of at most `width` columns, or of one character. */
function pieces(word: string, width: number): string[] {
  if (textWidth(word) <= width) return [word];
  const parts: string[] = [];
  let room = 0;
  for (const character of word.match(CHARACTER) ?? []) {
    const needed = textWidth(character);
    if (parts.length === 0 || needed > room) {
      parts.push("");
      room = width;
    }
    parts[parts.length - 1] += character;
    room -= needed;
  }
  return parts;
}

/** Shortens text to `width` columns. */
export function truncate(text: string, width: number, { ascii }: Pick<TextOptions, "ascii">): string {
  if (textWidth(text) <= width) return text;
  const mark = ascii ? "..." : "…";
  const room = Math.max(0, width - mark.length);
  const [start = ""] = pieces(text, room);
  return `${textWidth(start) <= room ? start : ""}${mark}`;
}

/** `41,203`. */
export const countText = (count: number) => count.toLocaleString("en-US");

/** `1 socket`, `41,203 sockets`. */
export const some = (count: number, thing: string) => `${countText(count)} ${thing}${count === 1 ? "" : "s"}`;

/** A duration for people; micro is written u in ASCII. */
export function durationText(nanos: Nanos, { ascii }: Pick<TextOptions, "ascii">): string {
  const text = formatDuration(nanos);
  return ascii ? text.replace("µ", "u") : text;
}

/** Many instants are of the same second. */
let lastSecond = { second: "", offsetMinutes: 0, text: "" };

/** `14:03:07.311` of an ISO time, in the trace's zone. */
export function clockTime(iso: string, { offsetMinutes }: Pick<TextOptions, "offsetMinutes">): string {
  const second = iso.slice(0, 19);
  if (second !== lastSecond.second || offsetMinutes !== lastSecond.offsetMinutes) {
    const text = new Date(Date.parse(`${second}Z`) + offsetMinutes * 60_000).toISOString().slice(11, 19);
    lastSecond = { second, offsetMinutes, text };
  }
  return `${lastSecond.text}${iso.slice(19, 23)}`;
}

/** `1st`, `2nd`, `17th`. */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${suffix}`;
}
