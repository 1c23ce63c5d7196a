import { type Nanos, SECOND } from "../../../base/nanoseconds.ts";

const DAY = 86_400 * SECOND;

/** Steps of seconds and more by which people count; below, 1, 2 and 5 times a power of ten. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map((s) => s * SECOND);

export interface Tick {
  t: Nanos;
  label: string;
}

/** `14:03:07`, with so many decimals. `midnight`: time since midnight at instant 0. */
export function clockText(t: Nanos, midnight: Nanos, decimals: number): string {
  const unit = 10 ** (9 - decimals);
  const day = (((Math.floor((midnight + t) / unit) * unit) % DAY) + DAY) % DAY;
  const seconds = Math.floor(day / SECOND);
  const pad = (value: number) => value.toString().padStart(2, "0");
  const whole = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return decimals === 0
    ? whole
    : `${whole}.${Math.floor((day % SECOND) / unit)
        .toString()
        .padStart(decimals, "0")}`;
}

/** Ticks at even times of day, so far from each other that their labels fit: at least `room` ns for a label of eight characters. */
export function ticks(from: Nanos, to: Nanos, room: Nanos, midnight: Nanos): Tick[] {
  const step = stepFor(room);
  const decimals = decimalsOf(step);
  const first = Math.ceil((from + midnight) / step) * step - midnight;
  const result: Tick[] = [];
  for (let t = first; t <= to; t += step) result.push({ t, label: clockText(t, midnight, decimals) });
  return result;
}

/** The shortest step with room for its own labels. */
function stepFor(room: Nanos): Nanos {
  for (let power = 1; power < SECOND; power *= 10) {
    for (const factor of [1, 2, 5]) {
      const step = factor * power;
      if (step >= room * (1 + decimalsOf(step) / 8)) return step;
    }
  }
  const longest = Math.ceil(room / DAY) * DAY;
  return STEPS.find((step) => step >= room) ?? longest;
}

/** Decimals of a second that tell instants of this step apart. */
function decimalsOf(step: Nanos): number {
  let [decimals, unit] = [0, SECOND];
  while (unit > step) {
    unit /= 10;
    decimals++;
  }
  return decimals;
}
