/** What needs no quotes in any shell. */
const PLAIN = /^[\w@%+=:,./-]+$/;
const CONTROL = /\p{Cc}/u;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "'": "\\'" };

/** The words as a command line of a POSIX shell; control characters as $'...' has them (POSIX.1-2024). */
export function shellCommand(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  if (PLAIN.test(word)) return word;
  if (!CONTROL.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${word.replace(/[\p{Cc}\\']/gu, (one) => NAMED[one] ?? [...Buffer.from(one)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""))}'`;
}
