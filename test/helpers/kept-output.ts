import type { Output } from "../../src/commands/output.ts";

/** An output that keeps what is written. */
export function keptOutput(): { output: Output; text(): string } {
  const pieces: string[] = [];
  const output: Output = {
    write: (piece) => void pieces.push(piece),
    terminal: undefined,
    onClosed: () => {},
    close: async () => {},
    discardEmpty: () => {},
  };
  return { output, text: () => pieces.join("") };
}
