import { beforeEach, expect, it } from "vitest";
import { Clocks, type Sounding } from "../../src/probe/clocks.ts";

const SECOND = 1_000_000_000;
const NIGHT = 8 * 3600 * SECOND;

/** Our clock, the kernel's, which goes on in a suspend, and the wall clock, in ns. */
let [monotonic, boot, wall] = [0n, 0n, 0n];
/** How far instant 0 lies before the moment at which its line came. */
const BEFORE = 3 * SECOND;
let bootOfInstant0 = 0n;
let clocks: Clocks;
let sounded = 0;

function pass(ns: number): void {
  monotonic += BigInt(ns);
  boot += BigInt(ns);
  wall += BigInt(ns);
}

/** A mark takes 20 µs, in the middle of which it is put into the stream, and comes out of it 5 ms later. */
async function sound(took = 20_000): Promise<Sounding> {
  sounded++;
  pass(took / 2);
  const at = Number(boot - bootOfInstant0);
  const made = { monotonic, wall, took: BigInt(took) };
  pass(took / 2 + 5_000_000);
  return { at, made, alone: true };
}

beforeEach(async () => {
  [monotonic, boot, wall] = [5_000n * BigInt(SECOND), 90_000n * BigInt(SECOND), 1_700_000_000n * BigInt(SECOND)];
  bootOfInstant0 = boot;
  sounded = 0;
  clocks = new Clocks(() => monotonic);
  pass(BEFORE);
  clocks.start();
  await clocks.anchor(() => sound());
});

const truth = () => Number(boot - bootOfInstant0);

it("a mark pairs the clocks, whenever the first line came", () => {
  expect(clocks.instant()).toBe(truth());
  expect(clocks.wallOfInstant0).toBe(1_700_000_000n * BigInt(SECOND));
  expect(sounded).toBe(1);
});

it("a line that is heard before the marks are through does not keep the wall time from being known", async () => {
  clocks = new Clocks(() => monotonic);
  clocks.start();
  const heard = clocks.heard(truth(), () => sound());
  await clocks.anchor(() => sound());
  await heard;
  expect(clocks.instant()).toBe(truth());
  expect(clocks.wallOfInstant0).toBe(1_700_000_000n * BigInt(SECOND));
});

it("where no mark comes through, the wall time is that at which the first line came", async () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  clocks = new Clocks(() => monotonic);
  clocks.start();
  await clocks.anchor(async () => ({ ...(await sound()), at: null }));
  expect(clocks.wallOfInstant0 - before).toBeGreaterThanOrEqual(0n);
  expect(clocks.wallOfInstant0 - before).toBeLessThan(60n * BigInt(SECOND));
});

it("the quickest of five slow marks is taken", async () => {
  const [slow, slower] = [300_000, 500_000];
  let count = 0;
  clocks.start();
  await clocks.anchor(() => sound(count++ === 3 ? slow : slower));
  expect(count).toBe(5);
  expect(clocks.instant()).toBe(truth());
});

it("a line of the future shows that the machine was suspended: the clocks are paired anew, and the wall time of instant 0 stays", async () => {
  const { wallOfInstant0 } = clocks;
  pass(60 * SECOND);
  boot += BigInt(NIGHT);
  wall += BigInt(NIGHT);
  const beat = truth();
  pass(40_000_000);
  let make = () => {};
  const asked = new Promise<void>((resolve) => {
    make = resolve;
  });
  const paired = clocks.heard(beat, () => asked.then(() => sound()));
  // At once to the age of that line, then by a mark.
  expect(truth() - clocks.instant()).toBe(40_000_000);
  make();
  await paired;
  expect(clocks.instant()).toBe(truth());
  expect(clocks.wallOfInstant0).toBe(wallOfInstant0);
  expect(clocks.wallOfInstant0 + BigInt(clocks.instant())).toBe(wall);
});

it("a line that is old, and a wall clock that was set, change nothing", async () => {
  const before = { instant0: clocks.monotonicOfInstant0, wall: clocks.wallOfInstant0 };
  const beat = truth();
  pass(20 * SECOND);
  wall -= BigInt(NIGHT);
  await clocks.heard(beat, () => sound());
  await clocks.heard(truth(), () => sound());
  expect({ instant0: clocks.monotonicOfInstant0, wall: clocks.wallOfInstant0 }).toEqual(before);
  expect(sounded).toBe(1);
});

it("where no mark comes through, the line itself pairs them", async () => {
  boot += BigInt(NIGHT);
  await clocks.heard(truth(), async () => ({ ...(await sound()), at: null }));
  const late = truth() - clocks.instant();
  expect(late).toBe(0);
});

it("a line that is of the future by some milliseconds shows that the marks were slow: the clocks are paired anew", async () => {
  clocks.start();
  await clocks.anchor(() => sound(20_000_000));
  pass(5_000_000);
  boot += 5_000_000n;
  await clocks.heard(truth(), () => sound());
  expect(clocks.instant()).toBe(truth());
});

it("a mark beside which another was under way pairs nothing", async () => {
  const before = clocks.monotonicOfInstant0;
  boot += BigInt(SECOND);
  await clocks.anchor(async () => ({ ...(await sound()), alone: false }));
  expect(clocks.monotonicOfInstant0).toBe(before);
});
