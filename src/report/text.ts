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
  const unsafe = ascii ? /[^\x20-\x7e]/gu : /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;
  return text.replace(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Breaks text at spaces so that no line is longer than `width`, unless one word is. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Shortens text to `length` characters. */
export function truncate(text: string, length: number, { ascii }: Pick<TextOptions, "ascii">): string {
  const mark = ascii ? "..." : "…";
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - mark.length))}${mark}`;
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
