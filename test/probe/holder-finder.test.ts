import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { describe, expect, it } from "vitest";
import type { CallEvent, EventOf } from "../../src/core/event.ts";
import { HolderFinder } from "../../src/probe/holder-finder.ts";
import { facts, refused } from "../helpers/events.ts";

function finding() {
  const said: EventOf<"holders">[] = [];
  const found: number[] = [];
  const emit = (event: EventOf<"holders">) => said.push(event);
  return { said, found, finder: new HolderFinder({ instant: () => 400, instantOfStart: () => 0, emit, found: (pid) => found.push(pid) }) };
}

const inodeOf = (server: Server) => {
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return Number(/\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0]);
};

describe("the answer to who holds it", () => {
  it("never comes before its question, however the two clocks were paired", async () => {
    const { said, finder } = finding();
    finder.find({ type: "bind", t: 1000, tid: 21, walk: null } as CallEvent, 0);
    await finder.settled();
    expect(said).toMatchObject([{ type: "holders", t: 1000, failureAt: 1000, tid: 21, complete: true }]);
  });

  it("serves for the next question, until something may have changed", async () => {
    const { said, found, finder } = finding();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const question = refused([facts({ inode: inodeOf(server) })]);
    const ask = async () => {
      finder.find(question, 0);
      await finder.settled();
      return said.at(-1)?.sockets[0]?.holders.map(({ pid }) => pid);
    };
    expect(await ask()).toEqual([process.pid]);
    server.close();
    await once(server, "close");
    expect(await ask()).toEqual([process.pid]);
    finder.outdate();
    expect(await ask()).toEqual([]);
    expect(found).toEqual([process.pid, process.pid]);
  });

  it("for the sockets of the seed belongs to no failure", async () => {
    const { said, finder } = finding();
    await finder.findSeeded([1]);
    expect(said).toEqual([
      { type: "holders", t: 400, failureAt: null, tid: null, late: false, complete: true, sockets: [{ inode: 1, holders: [] }] },
    ]);
  });
});
