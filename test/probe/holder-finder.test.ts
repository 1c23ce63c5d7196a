import { describe, expect, it } from "vitest";
import { MILLISECOND } from "../../src/base/nanoseconds.ts";
import type { CallEvent, EventOf } from "../../src/core/event.ts";
import { HolderFinder } from "../../src/probe/holder-finder.ts";
import { namespaceId } from "../../src/probe/namespaces.ts";
import { exec, facts, refused, seed, walk } from "../helpers/events.ts";
import { listening } from "./listening.ts";

/** A finder whose clock stands still at 400 ns, and for which every process began at the start that it gives. */
function finder() {
  const said: EventOf<"holders">[] = [];
  const start = { at: 0 };
  const asked = new HolderFinder({
    instant: () => 400,
    instantOfStart: () => start.at,
    emit: (event) => said.push(event),
    found: () => {},
  });
  /** What is said last of the refusal of a bind at `t` by a socket with these references. */
  const answer = async (t: number, inode: number, references?: number) => {
    asked.find(refused([facts({ inode, ...(references === undefined ? {} : { references }) })], { t }), 0);
    await asked.settled();
    return said.filter(({ failureAt }) => failureAt === t).at(-1);
  };
  return { asked, said, start, answer };
}

const SOON = MILLISECOND / 2;
const LATER = 10 * MILLISECOND;

describe("the answer to who holds it", () => {
  it("never comes before its question, however the two clocks were paired", async () => {
    const { asked, said } = finder();
    asked.find({ type: "bind", t: 1000, tid: 21, walk: null } as CallEvent, 0);
    await asked.settled();
    expect(said).toMatchObject([{ type: "holders", t: 1000, failureAt: 1000, tid: 21, complete: true }]);
  });

  it.each([
    ["that the file has more references than were found", LATER, 2],
    ["that nothing tells of its references", LATER, undefined],
    ["that it came before the search had ended", SOON, 1],
  ])("is searched for again when it may have changed: %s", async (_, t, references) => {
    const { inode, close } = await listening();
    const { answer } = finder();
    const mine = { complete: true, sockets: [{ inode, holders: [{ pid: process.pid }] }] };
    const first = await answer(1000, inode, 1);
    const second = await answer(t, inode, references);
    expect([first, second]).toMatchObject([mine, mine]);
    expect(second?.sockets[0]?.holders[0]).not.toBe(first?.sockets[0]?.holders[0]);
    await close();
    expect(await answer(2 * LATER, inode, 1)).toMatchObject({ complete: true, sockets: [{ inode, holders: [] }] });
  });

  it("is what was found before where that is still so, and all there is", async () => {
    const { inode, close } = await listening();
    const { answer } = finder();
    const first = await answer(1000, inode, 1);
    const second = await answer(LATER, inode, 1);
    expect(second).toMatchObject({ complete: true, late: false });
    expect(second?.sockets[0]?.holders[0]).toBe(first?.sockets[0]?.holders[0]);
    await close();
  });

  it("is searched for again when a process has become another program", async () => {
    const { inode, close } = await listening();
    const { asked, answer } = finder();
    const first = await answer(1000, inode, 1);
    asked.notice(exec(0, 20, "node"));
    const second = await answer(LATER, inode, 1);
    expect(second?.sockets[0]?.holders[0]).not.toBe(first?.sockets[0]?.holders[0]);
    await close();
  });

  it("is searched for again when another process has got the pid of a holder", async () => {
    const { inode, close } = await listening();
    const { start, answer } = finder();
    expect(await answer(1000, inode, 1)).toMatchObject({ sockets: [{ holders: [{ pid: process.pid, startedAt: 0 }] }] });
    start.at = 7;
    expect(await answer(LATER, inode, 1)).toMatchObject({ sockets: [{ holders: [{ pid: process.pid, startedAt: 7 }] }] });
    await close();
  });

  it("is remembered for each socket", async () => {
    const [one, two] = [await listening(), await listening()];
    const { answer } = finder();
    const first = await answer(1000, one.inode, 1);
    await answer(1001, two.inode, 1);
    expect((await answer(LATER, one.inode, 1))?.sockets[0]?.holders[0]).toBe(first?.sockets[0]?.holders[0]);
    await Promise.all([one.close(), two.close()]);
  });

  it("is not that of a search that was under way", async () => {
    const { inode, close } = await listening();
    const { asked, answer } = finder();
    asked.find(refused([facts({ inode, references: 1 })], { t: 1000 }), 0);
    await close();
    expect(await answer(LATER, inode, 1)).toMatchObject({ complete: true, sockets: [{ inode, holders: [] }] });
  });

  it("has the listeners to which a cut look did not come, with a holder of each", async () => {
    const { inode, port, close } = await listening();
    const { asked, said } = finder();
    const cut = walk([], { netns: namespaceId("/proc/self/ns/net") ?? 0, port, missed: 1 });
    asked.find({ ...refused([], { t: 2 * LATER }), walk: cut }, 0);
    await asked.settled();
    const holders = [{ pid: process.pid }];
    expect(said.at(-1)).toMatchObject({ complete: true, sockets: [], listeners: [{ inode, family: "ipv6", address: "::", holders }] });
    await close();
  });

  it("of the seed is asked for once, for what all its looks showed", async () => {
    const [one, two] = [await listening(), await listening()];
    const { asked, said } = finder();
    await asked.findSeeded();
    expect(said).toEqual([]);
    asked.seed(seed(facts({ inode: one.inode, references: 1 }), facts({ inode: null })));
    const cut = { netns: namespaceId("/proc/self/ns/net") ?? 0, port: two.port, missed: 1 };
    asked.seed({ ...seed(), walk: walk([facts({ inode: one.inode, references: 1 })], cut) });
    await asked.findSeeded();
    // The listener of the cut look is no owner that was seen, but its holder is known from here on.
    expect(said).toMatchObject([{ failureAt: null, complete: true, sockets: [{ inode: one.inode, holders: [{ pid: process.pid }] }] }]);
    await Promise.all([one.close(), two.close()]);
  });
});
