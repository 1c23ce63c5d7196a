import { describe, expect, it } from "vitest";
import { MILLISECOND } from "../../src/base/nanoseconds.ts";
import { ancestorsOf, nameAt, Processes } from "../../src/core/process.ts";

const exit = (t: number, pid: number) => ({ type: "exit" as const, t, pid, comm: "old", code: 0, signal: 9 });

describe("processes", () => {
  it("are new when a pid comes back after its exit", () => {
    const processes = new Processes();
    const old = processes.seen(10, "old");
    processes.exit(exit(5, 10));
    expect(processes.seen(10, "new")).not.toBe(old);
    expect(processes.get(10)).toMatchObject({ comm: "new", exitedAt: null, exit: null });
    expect(old).toMatchObject({ exitedAt: 5, exit: { code: 0, signal: 9 } });
  });

  it("keep one entry while they live, under their latest name", () => {
    const processes = new Processes();
    const shell = processes.seen(10, "sh");
    processes.exec({ type: "exec", t: 3, pid: 10, comm: "node" });
    expect(processes.get(10)).toBe(shell);
    expect(shell).toMatchObject({ comm: "node", execs: [{ t: 3, comm: "node" }] });
  });

  it("had at each instant the name of the program that they were then", () => {
    const processes = new Processes();
    const shell = processes.seen(10, "sh");
    processes.exec({ type: "exec", t: 3, pid: 10, comm: "env" });
    processes.exec({ type: "exec", t: 5, pid: 10, comm: "node" });
    expect([2, 3, 4, 5, 6].map((t) => nameAt(shell, t))).toEqual(["sh", "sh", "env", "env", "node"]);
  });

  it("are new when they are forked, so that nobody is its own ancestor", () => {
    const processes = new Processes();
    const first = processes.seen(10, "sh");
    processes.fork({ type: "fork", t: 1, pid: 10, child: 11 });
    const second = processes.fork({ type: "fork", t: 2, pid: 11, child: 10 });
    expect(second).not.toBe(first);
    expect(ancestorsOf(processes.fork({ type: "fork", t: 3, pid: 10, child: 10 })).map(({ pid }) => pid)).toEqual([10, 11, 10]);
  });

  it.each([
    ["long before its end", "other", 1, true],
    ["in the last tick before its end, by its name", "old", 96, true],
    ["in the last tick before its end, by another name: the next one that has its pid", "other", 96, false],
    ["after its end", "old", 105, false],
  ])("that have ended: /proc told of one that started %s", (_, comm, started, same) => {
    const processes = new Processes();
    const ended = processes.seen(10, "old");
    processes.exit(exit(100 * MILLISECOND, 10));
    const told = processes.told({
      ...{ type: "process" as const, t: 110 * MILLISECOND, pid: 10, comm, command: "", program: null, startedAt: started * MILLISECOND },
      ...{ ancestors: [], cgroup: null, nsPids: [10], marks: [], state: "S" },
    });
    expect(told === ended).toBe(same);
    expect(ended.facts !== null).toBe(same);
  });

  it.each([
    ["long before its fork: the one before it", 889, false],
    ["in the tick of its fork, which was told late", 890, true],
  ])("that were forked: /proc told of one that started %s", (_, started, same) => {
    for (const ended of [false, true]) {
      const processes = new Processes();
      processes.seen(9, "sh");
      const known = processes.fork({ type: "fork", t: 1000 * MILLISECOND, pid: 9, child: 10 });
      if (ended) processes.exit(exit(1010 * MILLISECOND, 10));
      processes.told({
        ...{ type: "process" as const, t: 1020 * MILLISECOND, pid: 10, comm: "old", command: "", program: null },
        ...{ startedAt: started * MILLISECOND, ancestors: [], cgroup: null, nsPids: [10], marks: [], state: "S" },
      });
      expect({ ended, told: known.facts !== null }).toEqual({ ended, told: same });
      expect(processes.get(10)).toBe(known);
    }
  });

  it("have the ancestors that forks told, and above these what /proc said", () => {
    const processes = new Processes();
    processes.told({
      ...{ type: "process" as const, t: 0, pid: 10, comm: "sh", command: "sh", program: "dash", startedAt: 0 },
      ...{ ancestors: [{ pid: 4, comm: "tmux", program: null }], cgroup: null, nsPids: [10], marks: [], state: "S" },
    });
    processes.fork({ type: "fork", t: 1, pid: 10, child: 11 });
    const grandchild = processes.fork({ type: "fork", t: 2, pid: 11, child: 12 });
    expect(ancestorsOf(grandchild).map(({ pid }) => pid)).toEqual([11, 10, 4]);
  });
});
