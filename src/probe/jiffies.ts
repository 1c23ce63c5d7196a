import { readFileSync } from "node:fs";
import type { Nanos } from "../base/nanoseconds.ts";

/** The kernel's tick counter at an instant of CLOCK_MONOTONIC, from /proc/timer_list. */
export interface JiffiesSample {
  jiffies: bigint;
  monotonic: bigint;
}

const TICK_RATES = [100, 250, 300, 1000];

/** Null where /proc/timer_list is not there or not readable. */
export function sampleJiffies(): JiffiesSample | null {
  let text: string;
  try {
    text = readFileSync("/proc/timer_list", "utf8");
  } catch {
    return null;
  }
  const monotonic = /^now at (\d+) nsecs/m.exec(text)?.[1];
  const jiffies = /^jiffies: (\d+)/m.exec(text)?.[1];
  return monotonic && jiffies ? { jiffies: BigInt(jiffies), monotonic: BigInt(monotonic) } : null;
}

/** CONFIG_HZ from two samples, or null when they are too close together to tell or fit no known rate. */
export function tickRate(first: JiffiesSample | null, second: JiffiesSample | null): number | null {
  if (!first || !second) return null;
  const seconds = Number(second.monotonic - first.monotonic) / 1e9;
  const measured = Number(second.jiffies - first.jiffies) / seconds;
  if (seconds < 0.1) return null;
  const nearest = TICK_RATES.reduce((best, rate) => (Math.abs(rate - measured) < Math.abs(best - measured) ? rate : best));
  return Math.abs(nearest - measured) / nearest < 0.08 ? nearest : null;
}

/** Instant at which a timer that expires at `jiffies` goes off. `anchorMonotonic`: CLOCK_MONOTONIC of instant 0. */
export function instantOfJiffies(jiffies: bigint, sample: JiffiesSample | null, hz: number | null, anchorMonotonic: bigint): Nanos | null {
  if (!sample || hz === null) return null;
  const nanosAhead = ((jiffies - sample.jiffies) * 1_000_000_000n) / BigInt(hz);
  return Number(sample.monotonic + nanosAhead - anchorMonotonic);
}
