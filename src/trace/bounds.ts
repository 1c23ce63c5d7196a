/** What a trace may cost its reader: whoever made the file, time and memory stay within these. */

/**
 * Bytes of the longest line that is kept. The longest that is written tells of ten thousand holders of a socket and their
 * command lines: some MB.
 */
export const LONGEST_LINE = 1 << 24;

/** Brackets within brackets. An event has six; what a newer bindtrace may add has room, and nothing that walks a value runs out of stack. */
const DEEPEST = 100;
/** A line that is no longer cannot be deep enough to do harm, so it is not looked at. */
const HARMLESS = 2000;

/** Whether JSON is nested deeper than any event is. */
export function isTooDeep(line: string): boolean {
  if (line.length <= HARMLESS) return false;
  let depth = 0;
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) at = endOfString(line, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
    if (depth > DEEPEST) return true;
  }
  return false;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Place of the quotation mark that ends the string which begins at `start`; the end of the line where none does. */
function endOfString(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let first = at;
    while (line.charCodeAt(first - 1) === BACKSLASH) first--;
    // An even number of backslashes stand for themselves.
    if ((at - first) % 2 === 0) return at;
  }
  return line.length;
}
