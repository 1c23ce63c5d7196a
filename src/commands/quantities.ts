import { InvalidArgumentError } from "commander";
import { LEAST_BUFFER, MOST_BUFFER } from "../probe/buffers.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** What a timer takes, in ms; one that is longer would go off at once. */
const LONGEST = 2 ** 31 - 1;
const LONGEST_TEXT = "596h";

/** `30s`, `5m`, `250ms`; a bare number is seconds. In ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (!match) throw new InvalidArgumentError(`'${text}' is not a time: write 30s, 5m or 2h.`);
  const milliseconds = Number(match[1]) * (UNITS[match[2] ?? "s"] ?? 1000);
  if (milliseconds > LONGEST) throw new InvalidArgumentError(`'${text}' is too long: give ${LONGEST_TEXT} at most.`);
  return milliseconds;
}

const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** The size of the buffers, `512K`, `64M`, `1G`; a bare number is bytes. In bytes. */
export function parseBuffer(text: string): number {
  const match = /^(\d+)([KMG])?$/i.exec(text);
  if (!match) throw new InvalidArgumentError(`'${text}' is not a size: write 512K, 64M or 1G.`);
  const bytes = Number(match[1]) * (SIZES[match[2]?.toUpperCase() ?? ""] ?? 1);
  if (bytes < LEAST_BUFFER) throw new InvalidArgumentError(`'${text}' is too small: give 256K or more.`);
  if (bytes > MOST_BUFFER) throw new InvalidArgumentError(`'${text}' is too large: give 4G at most.`);
  return bytes;
}
