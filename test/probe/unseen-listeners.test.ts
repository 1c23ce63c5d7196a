import { readlinkSync } from "node:fs";
import { expect, it } from "vitest";
import { unseenListeners } from "../../src/probe/unseen-listeners.ts";
import { facts, udpWalk, walk } from "../helpers/events.ts";
import { listening } from "./listening.ts";

const NETNS = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]);
const CUT = { netns: NETNS, missed: 1 };

it("are those on the port that a cut walk did not show, in its network namespace", async () => {
  const { inode, port, close } = await listening();
  const other = await listening();
  const found = [{ inode, family: "ipv6", address: "::" }];
  expect(unseenListeners(walk([], { ...CUT, port }), [1])).toEqual(found);
  // A process that has gone is no help.
  expect(unseenListeners(walk([], { ...CUT, port }), [5_000_000])).toEqual(found);
  expect(unseenListeners(walk([facts({ inode })], { ...CUT, port, possible: 2 }), [])).toEqual([]);
  expect(unseenListeners(walk([], { netns: NETNS, port }), [])).toEqual([]);
  expect(unseenListeners(udpWalk([], { ...CUT, port }), [])).toEqual([]);
  expect(unseenListeners(walk([], { ...CUT, netns: 1, port }), [])).toEqual([]);
  await Promise.all([close(), other.close()]);
});
