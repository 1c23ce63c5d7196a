/**
 * Instants and durations in whole nanoseconds. Instants count from the moment at which the trace was
 * anchored (header field `clock`), so that they stay exact as JSON numbers for 104 days either side.
 */
export type Nanos = number;

export const MILLISECOND: Nanos = 1_000_000;
export const SECOND: Nanos = 1_000_000_000;

/** The years 0 to 9999, in ns since 1970: the text has four digits for them. */
const [FIRST, LAST] = [-62_167_219_200_000_000_000n, 253_402_300_799_999_999_999n];
const LAST_SECOND = 253_402_300_799;

/**
 * Wall time of an instant as ISO 8601 in UTC with nine decimals. `anchorWall` is the wall time of instant 0 in ns since 1970. Before
 * year 0 and after 9999, where only a made-up trace comes to, it stays at their ends.
 */
export function isoTime(anchorWall: bigint, at: Nanos): string {
  if (anchorWall !== anchor.wall) anchor = anchorOf(anchorWall);
  const sum = anchor.nanos + at;
  const since = Math.floor(sum / SECOND);
  const seconds = anchor.seconds + since;
  if (!Number.isSafeInteger(sum) || seconds < 0 || seconds > LAST_SECOND) return exactIsoTime(anchorWall, at);
  return `${secondText(seconds)}.${(sum - since * SECOND).toString().padStart(9, "0")}Z`;
}

/** The last anchor that was asked for: a report has one. */
let anchor = anchorOf(0n);

/** In whole seconds, and the nanoseconds after these. */
function anchorOf(wall: bigint): { wall: bigint; seconds: number; nanos: Nanos } {
  const seconds = wall / 1_000_000_000n;
  return { wall, seconds: Number(seconds), nanos: Number(wall - seconds * 1_000_000_000n) };
}

let lastSecond = { seconds: 0, text: "1970-01-01T00:00:00" };

/** Many instants are of the same second. */
function secondText(seconds: number): string {
  if (seconds !== lastSecond.seconds) lastSecond = { seconds, text: new Date(seconds * 1000).toISOString().slice(0, 19) };
  return lastSecond.text;
}

function exactIsoTime(anchorWall: bigint, at: Nanos): string {
  const exact = anchorWall + BigInt(at);
  const wall = exact < FIRST ? FIRST : exact > LAST ? LAST : exact;
  const nanosOfSecond = ((wall % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (wall - nanosOfSecond) / 1_000_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString();
  return `${text.slice(0, 19)}.${nanosOfSecond.toString().padStart(9, "0")}Z`;
}

/** Inverse of {@link isoTime} for instant 0: ns since 1970 of an ISO time in UTC, or undefined when it is not one. */
export function parseIsoTime(text: string): bigint | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/.exec(text);
  const milliseconds = match && Date.parse(`${match[1]}Z`);
  if (milliseconds === null || Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match?.[2] ?? "").padEnd(9, "0"));
}

/** A duration as people read it: `840 µs`, `212 ms`, `1.21 s`, `4 min 05 s`, `2 h 04 min`. */
export function formatDuration(nanos: Nanos): string {
  const abs = Math.abs(nanos);
  if (abs < 0.9995 * MILLISECOND) return `${Math.round(abs / 1000)} µs`;
  if (abs < 999.5 * MILLISECOND) return `${Math.round(abs / MILLISECOND)} ms`;
  if (abs < 59.995 * SECOND) return `${(abs / SECOND).toFixed(2)} s`;
  const seconds = Math.round(abs / SECOND);
  const pad = (value: number) => value.toString().padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))} min`;
}
