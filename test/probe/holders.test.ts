import { describe, expect, it } from "vitest";
import { SECOND } from "../../src/base/nanoseconds.ts";
import { numbersIn, socketBehind } from "../../src/probe/descriptors.ts";
import { type Hints, HolderHints } from "../../src/probe/holder-hints.ts";
import { HolderScan } from "../../src/probe/holders.ts";
import { listening } from "./listening.ts";

const { pid } = process;
const instantOfStart = () => 0;

/** Hints that name these, and how many processes the search asked them for. */
function hinting({ descriptors = [], processes = [pid] }: { descriptors?: { pid: number; fd: number }[]; processes?: number[] }) {
  const asked = { processes: 0 };
  const hints: Hints = {
    descriptors: () => descriptors,
    *processes() {
      for (const one of processes) {
        asked.processes++;
        yield one;
      }
    },
  };
  return { hints, asked };
}

const descriptorOf = (inode: number) => numbersIn("/proc/self/fd").find((fd) => socketBehind({ pid, fd }) === inode) ?? -1;

describe("the search for holders", () => {
  it("goes through all processes", async () => {
    const { inode, close } = await listening();
    const wanted = [
      { inode, at: SECOND },
      { inode: 1, at: SECOND },
    ];
    const scan = new HolderScan(wanted, { hints: new HolderHints(), instantOfStart });
    expect(scan.begun).toBe(true);
    await scan.done;
    expect(scan.result()).toMatchObject({ complete: true });
    expect(scan.result().holders.get(inode)).toMatchObject([{ pid: process.pid }]);
    expect(scan.result().holders.get(1)).toEqual([]);
    await close();
  });

  it("looks for what is added before it begins", async () => {
    const { inode, close } = await listening();
    const options = { hints: new HolderHints(), instantOfStart };
    const first = new HolderScan([], options);
    const next = new HolderScan([], options, first.done);
    expect(next.begun).toBe(false);
    next.add([{ inode, at: SECOND }]);
    await next.done;
    expect(next.result().holders.get(inode)).toMatchObject([{ pid: process.pid }]);
    await close();
  });

  it("ends with the last reference", async () => {
    const { inode, close } = await listening();
    const { hints, asked } = hinting({ processes: [pid, pid, 1] });
    const scan = new HolderScan([{ inode, references: 1, at: SECOND }], { hints, instantOfStart });
    await scan.done;
    expect(asked.processes).toBe(1);
    expect(scan.result()).toMatchObject({ complete: true });
    expect(scan.result().holders.get(inode)).toMatchObject([{ pid, fd: descriptorOf(inode), startedAt: 0 }]);
    await close();
  });

  it("looks at a known descriptor first, and believes nothing of it that is not so", async () => {
    const { inode, close } = await listening();
    const search = async (descriptors: { pid: number; fd: number }[]) => {
      const { hints, asked } = hinting({ descriptors });
      const scan = new HolderScan([{ inode, references: 1, at: SECOND }], { hints, instantOfStart });
      await scan.done;
      expect(scan.result().holders.get(inode)).toMatchObject([{ pid, fd: descriptorOf(inode) }]);
      return asked.processes;
    };
    expect(await search([{ pid, fd: descriptorOf(inode) }])).toBe(0);
    expect(await search([{ pid, fd: 0 }])).toBe(1);
    await close();
  });

  it.each([
    ["a reference is something else than a descriptor", 2, SECOND],
    ["the references are not known", null, SECOND],
    ["the holder is no older than the look, so that its reference may not have been counted", 1, 0],
  ])("goes on to the end where %s", async (_, references, at) => {
    const { inode, close } = await listening();
    const { hints, asked } = hinting({ processes: [pid, 1] });
    const scan = new HolderScan([{ inode, references, at }], { hints, instantOfStart });
    await scan.done;
    expect(asked.processes).toBe(2);
    expect(scan.result().holders.get(inode)).toMatchObject([{ pid }]);
    await close();
  });

  it.each([
    ["goes on to the end when another reference came to be meanwhile", SECOND, 2],
    ["takes no notice of a reference that was counted", SECOND - 1, 1],
  ])("%s", async (_, t, expected) => {
    const { inode, close } = await listening();
    const { hints, asked } = hinting({ processes: [pid, 1] });
    const scan = new HolderScan([{ inode, references: 1, at: SECOND }], { hints, instantOfStart }, Promise.resolve());
    scan.distrust(inode, t);
    await scan.done;
    expect(asked.processes).toBe(expected);
    await close();
  });

  it("looks at known descriptors though it has to wait for another search", async () => {
    const [one, two] = [await listening(), await listening()];
    const { hints } = hinting({ descriptors: [{ pid, fd: descriptorOf(one.inode) }] });
    const scan = new HolderScan([], { hints, instantOfStart }, new Promise(() => {}));
    scan.add([one, two].map(({ inode }) => ({ inode, references: 1, at: SECOND })));
    expect(scan.begun).toBe(false);
    expect([scan.isComplete([one.inode]), scan.isComplete([two.inode]), scan.isComplete()]).toEqual([true, false, false]);
    expect(scan.result([one.inode])).toMatchObject({ complete: true });
    // The same socket had more references later.
    scan.add([{ inode: one.inode, references: 2, at: 2 * SECOND }]);
    expect(scan.isComplete([one.inode])).toBe(false);
    await Promise.all([one.close(), two.close()]);
  });

  it("ends only when the references of every socket are found", async () => {
    const [one, two] = [await listening(), await listening()];
    const { hints } = hinting({ descriptors: [{ pid, fd: descriptorOf(one.inode) }] });
    const wanted = [one, two].map(({ inode }) => ({ inode, references: 1, at: SECOND }));
    const scan = new HolderScan(wanted, { hints, instantOfStart });
    await scan.done;
    expect([...scan.result().holders.values()]).toMatchObject([[{ pid }], [{ pid }]]);
    await Promise.all([one.close(), two.close()]);
  });
});
