/** Valid in JSON as they are, but not safe on a terminal: C1 controls, bidirectional controls, line separators. */
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One JSON object on one line, safe on a terminal. */
export function jsonLine(record: object): string {
  return `${JSON.stringify(record).replace(UNSAFE, escaped)}\n`;
}

/** Each UTF-16 unit of it: a character beyond U+FFFF has two. */
const escaped = (character: string) => character.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
