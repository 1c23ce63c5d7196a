/** Escapes by which bindtrace itself colours. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Throws where text that goes to a terminal holds anything that a terminal obeys, but for newlines. */
export function expectSafe(text: string, color = false): void {
  const rest = (color ? text.replace(COLOUR, "") : text).replaceAll("\n", "");
  const unsafe = UNSAFE.exec(rest);
  if (unsafe) throw new Error(`unsafe on a terminal: ${JSON.stringify(rest.slice(Math.max(0, unsafe.index - 40), unsafe.index + 20))}`);
}
