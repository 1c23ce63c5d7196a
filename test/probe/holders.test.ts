import { describe, expect, it } from "vitest";
import { HolderScan } from "../../src/probe/holders.ts";
import { listening } from "./listening.ts";

describe("the search for holders", () => {
  it("goes through all processes", async () => {
    const { inode, close } = await listening();
    const scan = new HolderScan([inode, 1], [], () => 0);
    expect(scan.begun).toBe(true);
    await scan.done;
    expect(scan.result()).toMatchObject({ complete: true });
    expect(scan.result().holders.get(inode)).toMatchObject([{ pid: process.pid }]);
    expect(scan.result().holders.get(1)).toEqual([]);
    await close();
  });

  it("looks for what is added before it begins", async () => {
    const { inode, close } = await listening();
    const first = new HolderScan([], [], () => 0);
    const next = new HolderScan([], [], () => 0, first.done);
    expect(next.begun).toBe(false);
    next.add([inode]);
    await next.done;
    expect(next.result().holders.get(inode)).toMatchObject([{ pid: process.pid }]);
    await close();
  });
});
