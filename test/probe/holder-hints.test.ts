import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { HolderHints } from "../../src/probe/holder-hints.ts";
import { bind, exit, facts, fork, listen, pass, refused } from "../helpers/events.ts";

/** The processes that come before all of the machine's. */
function first(hints: HolderHints, count: number): number[] {
  const found: number[] = [];
  for (const pid of hints.processes()) if (found.push(pid) === count) break;
  return found;
}

// Above every pid, so that /proc knows none of them.
const [OLD, NEW, CHILD] = [5_000_001, 5_000_002, 5_000_003];
const socket = facts({ inode: 300 });

describe("hints to holders", () => {
  it("are the descriptors by which a socket was bound, listened on, received and found", () => {
    const hints = new HolderHints();
    hints.notice(bind({ pid: OLD, fd: 3, socket }));
    hints.notice(listen({ pid: OLD, fd: 3, socket }));
    hints.notice(pass(0, { pid: NEW, fd: 7, inode: 300 }));
    hints.notice(pass(0, { pid: NEW, fd: 8, inode: 300, how: "send" }));
    hints.notice(pass(0, { pid: NEW, fd: null, inode: 300 }));
    expect(hints.descriptors(300)).toMatchObject([
      { pid: OLD, fd: 3 },
      { pid: NEW, fd: 7 },
    ]);
    hints.held(300, [{ pid: CHILD, fd: 9, comm: "", command: "", parent: 1, startedAt: 0 }]);
    expect(hints.descriptors(300)).toMatchObject([{ pid: CHILD, fd: 9 }]);
    hints.held(300, []);
    expect(hints.descriptors(300)).toEqual([]);
  });

  it("are not the descriptor whose bind was refused, but its process is", () => {
    const hints = new HolderHints();
    hints.notice(refused([], { pid: NEW, fd: 4, socket }));
    expect(hints.descriptors(300)).toEqual([]);
    expect(first(hints, 1)).toEqual([NEW]);
  });

  it("name the processes that had to do with a port last, with their children, first, and those that have ended no more", () => {
    const hints = new HolderHints();
    hints.notice(bind({ pid: OLD }));
    hints.notice(bind({ pid: NEW }));
    hints.notice(fork(0, NEW, CHILD));
    hints.notice(fork(0, 5_000_009, 5_000_010));
    expect(first(hints, 3)).toEqual([CHILD, NEW, OLD]);
    hints.notice(bind({ pid: OLD }));
    hints.notice(exit(0, { pid: NEW }));
    expect(first(hints, 2)).toEqual([OLD, CHILD]);
  });

  it("go on to the relatives of these, and to all others, newest first", async () => {
    const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
    const { pid = 0 } = child;
    const startingFrom = (likely: number) => {
      const hints = new HolderHints();
      hints.likely(likely);
      return [...hints.processes()];
    };
    expect(startingFrom(pid).slice(0, 3)).toEqual([pid, process.pid, process.ppid]);
    const all = startingFrom(process.pid);
    expect(all[0]).toBe(process.pid);
    expect(all.indexOf(pid)).toBeLessThan(all.indexOf(process.ppid));
    expect(all.slice(-3)).toEqual(all.slice(-3).toSorted((a, b) => b - a));
    expect(all.at(-1)).toBe(1);
    child.stdin.end();
    await once(child, "close");
  });

  it("are kept of the last sockets, descriptors and processes alone", () => {
    const hints = new HolderHints();
    for (let index = 1; index <= 5000; index++) {
      hints.notice(bind({ pid: OLD + index, socket: facts({ inode: index }) }));
      hints.notice(pass(0, { pid: OLD, fd: index, inode: 6000 }));
    }
    expect([hints.descriptors(1), hints.descriptors(5000)]).toMatchObject([[], [{ pid: OLD + 5000 }]]);
    expect(hints.descriptors(6000)).toHaveLength(64);
    expect(hints.descriptors(6000).at(-1)).toMatchObject({ fd: 5000 });
    const likely = first(hints, 300).filter((pid) => pid >= OLD);
    expect(likely).toHaveLength(256);
  });
});
