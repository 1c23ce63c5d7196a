import { isWhole, type WalkFacts } from "../core/event.ts";
import type { SeenSocket } from "../core/owner.ts";
import { tablesOf } from "./namespaces.ts";
import { readListeners } from "./proc-net.ts";

/** A listener that /proc/net shows. */
export type Listener = Pick<SeenSocket, "family" | "address"> & { inode: number };

/**
 * Who listens on the port of a walk and was not among the owners that it showed: the bounds of the walk may end before the oldest
 * owner, which a listener is. None where it was whole. `likely`: processes that may be in that network namespace.
 */
export function unseenListeners(walk: WalkFacts, likely: readonly number[]): Listener[] {
  if (walk.protocol === "udp" || isWhole(walk)) return [];
  const tables = tablesOf(walk.netns, [...likely, process.pid]);
  const seen = new Set(walk.owners.map(({ inode }) => inode));
  return (tables === null ? [] : readListeners(tables)).flatMap(({ family, address, port, inode }) =>
    port === walk.port && inode !== null && !seen.has(inode) ? [{ inode, family, address }] : [],
  );
}
