import type { TraceEvent } from "../../src/core/event.ts";
import { rowText } from "../../src/report/timeline.ts";
import { bind, connection, destroy, end, exit, facts, holders, listen, look, MS, refused, signal, state, tell } from "../helpers/events.ts";

/** The first refused call of {@link smallTrace}, as an instant; the others come 100 and 200 ms later. */
export const REFUSED = 200 * MS;

/** A server is told to end and takes its time, while its successor tries three times in vain, then gets the port. */
export function smallTrace(): TraceEvent[] {
  const old = facts({ reuseAddr: true });
  const client = connection({ reuseAddr: true });
  const next = facts({ sk: 3, inode: 300, reuseAddr: true });
  const tries = [0, 100, 200].flatMap((later) => {
    const refusal = refused([old, client], {
      t: REFUSED + later * MS,
      pid: 20,
      socket: facts({ sk: 2, inode: 200, state: "BOUND", reuseAddr: true }),
    });
    return [refusal, holders(refusal.t + MS, refusal)];
  });
  return [
    bind({ t: 100 * MS, pid: 10, socket: { ...old, state: "BOUND" } }),
    state(101 * MS, { sk: 1, inode: 100 }),
    listen({ t: 102 * MS, pid: 10, socket: old }),
    look(150 * MS, [old, client]),
    signal(180 * MS, { pid: 10 }),
    ...tries,
    state(480 * MS, { sk: 5, inode: 500, from: "ESTABLISHED", to: "CLOSE" }),
    destroy(481 * MS, { sk: 5, pid: 10 }),
    look(482 * MS, [old]),
    exit(500 * MS, { pid: 10 }),
    state(501 * MS, { sk: 1, inode: 100, from: "LISTEN", to: "CLOSE" }),
    destroy(502 * MS, { exiting: true }),
    bind({ t: 510 * MS, pid: 20, socket: { ...next, state: "BOUND" } }),
    state(511 * MS, { sk: 3, inode: 300 }),
    listen({ t: 512 * MS, pid: 20, socket: next }),
    end(600 * MS),
  ];
}

/** What is said of its first two events. */
export function firstSentences(): [bound: string, listened: string] {
  const [bound, listened] = [...tell(smallTrace()).rows].sort((a, b) => a.t - b.t);
  if (!bound || !listened) throw new Error("nothing happened");
  const options = { color: false, width: Number.POSITIVE_INFINITY, ascii: false, offsetMinutes: 60 };
  return [rowText(bound, options), rowText(listened, options)];
}
