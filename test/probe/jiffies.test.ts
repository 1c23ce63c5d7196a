import { describe, expect, it } from "vitest";
import { instantOfJiffies, type JiffiesSample, tickRate } from "../../src/probe/jiffies.ts";

const at = (jiffies: number, milliseconds: number): JiffiesSample => ({
  jiffies: BigInt(jiffies),
  monotonic: BigInt(Math.round(milliseconds * 1e6)),
});

describe("tickRate", () => {
  it.each([
    [100, 20, 200],
    [250, 50, 200],
    [300, 60, 200],
    [1000, 200, 200],
    // A sample may fall just before or after a tick.
    [250, 26, 100.5],
    [1000, 1001, 1000.9],
  ])("is %d for %d ticks in %d ms", (hz, ticks, milliseconds) => {
    expect(tickRate(at(4_294_667_296, 5000), at(4_294_667_296 + ticks, 5000 + milliseconds))).toBe(hz);
  });

  it.each<[string, JiffiesSample | null, JiffiesSample | null]>([
    ["no first sample", null, at(0, 0)],
    ["no second sample", at(0, 0), null],
    ["samples too close together", at(0, 0), at(20, 80)],
    ["the same sample twice", at(7, 7), at(7, 7)],
    ["a rate that no kernel has", at(0, 0), at(500, 1000)],
    ["a rate near one that kernels have", at(0, 0), at(225, 1000)],
    ["a counter that stands still", at(0, 0), at(0, 1000)],
  ])("is unknown for %s", (_, first, second) => {
    expect(tickRate(first, second)).toBeNull();
  });
});

describe("instantOfJiffies", () => {
  const sample = at(1000, 5000);
  const anchor = 4_000_000_000n;

  it.each([
    [1000n, 250, 1_000_000_000],
    [1250n, 250, 2_000_000_000],
    [750n, 250, 0],
    [0n, 250, -3_000_000_000],
    [1001n, 300, 1_003_333_333],
  ])("%d at %d Hz is %d", (jiffies, hz, instant) => {
    expect(instantOfJiffies(jiffies, sample, hz, anchor)).toBe(instant);
  });

  it("is unknown without a sample or a rate", () => {
    expect(instantOfJiffies(1n, null, 250, anchor)).toBeNull();
    expect(instantOfJiffies(1n, sample, null, anchor)).toBeNull();
  });
});
