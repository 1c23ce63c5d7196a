import type { WarningRecord } from "../core/record.ts";
import { headLines } from "./block.ts";
import { paint, type TextOptions } from "./text.ts";

/** Trouble that gave no error. */
export function warningLines({ at, message }: WarningRecord, options: TextOptions): string {
  return `${headLines(paint("strong", "!", options), at, message, options).join("\n")}\n`;
}
