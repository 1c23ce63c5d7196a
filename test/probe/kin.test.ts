import { afterEach, describe, expect, it } from "vitest";
import { childrenOf, descendsFrom, lineOf, parentsOf } from "../../src/probe/kin.ts";
import type { Stat } from "../../src/probe/proc-pid.ts";
import { Programs } from "./programs.ts";

const programs = new Programs();
afterEach(() => programs.end());

const stat = (parent: number, startTicks: number): Stat => ({ comm: "x", state: "S", parent, startTicks });

describe("the line of a process", () => {
  /** pid, parent and start. */
  const pidsOf = (child: Stat, ...others: [pid: number, parent: number, start: number][]) => {
    const known = new Map(others.map(([pid, parent, start]) => [pid, stat(parent, start)]));
    return [...lineOf(child, (pid) => known.get(pid) ?? null)].map(({ pid }) => pid);
  };

  it("goes up to the first process", () => {
    expect(pidsOf(stat(9, 30), [9, 5, 20], [5, 1, 20], [1, 0, 0])).toEqual([9, 5, 1]);
  });

  it("ends at one that has gone", () => {
    expect(pidsOf(stat(9, 30), [9, 5, 20], [1, 0, 0])).toEqual([9]);
  });

  it("ends at one that is younger than its child: another has that pid now", () => {
    expect(pidsOf(stat(9, 30), [9, 5, 20], [5, 1, 21], [1, 0, 0])).toEqual([9]);
  });

  it("ends somewhere", () => {
    expect(pidsOf(stat(9, 30), [9, 8, 30], [8, 9, 30])).toHaveLength(64);
  });
});

it("a child descends from its parents, of which the first process is not told", async () => {
  const shell = programs.start("/bin/sh", ["-c", "exec 3<&0; /bin/cat <&3 & echo $!; wait"]);
  const child = Number(await shell.line());
  expect(parentsOf(child).slice(0, 2)).toEqual([shell.pid, process.pid]);
  expect(parentsOf(child)).not.toContain(1);
  expect([descendsFrom(child, shell.pid), descendsFrom(child, child), descendsFrom(shell.pid, child)]).toEqual([true, true, false]);
  expect([[], [child]]).toContainEqual(childrenOf(shell.pid));
  process.kill(child, "SIGKILL");
  expect(parentsOf(2 ** 31 - 1)).toEqual([]);
});
