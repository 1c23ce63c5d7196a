import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { PortTimelines } from "../../src/core/port-timelines.ts";
import { SocketTable } from "../../src/core/table.ts";
import { bind, facts, NETNS } from "../helpers/events.ts";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** More than are kept. */
const PORTS = 6000;

it("a process that goes on and on keeps no port whose timeline was dropped", async () => {
  const table = new SocketTable();
  const timelines = new PortTimelines(table.processes, 100);
  for (let port = 1; port <= PORTS; port++) {
    const call = bind({ t: port, pid: 10, socket: facts({ sk: port, inode: port, port }) });
    const socket = table.call(call);
    socket.releasedAt = port;
    timelines.add("bound", port, socket, call, "");
  }
  const first = new WeakRef(timelines.at({ netns: NETNS, protocol: "tcp", port: 1 }) ?? {});
  expect(first.deref()).toMatchObject({ port: 1 });
  timelines.forget();
  const kept = timelines.all().length;
  expect(kept).toBeLessThan(PORTS);
  // A weak reference that was read stays until the end of the turn.
  await new Promise(setImmediate);
  collectGarbage();
  expect(first.deref()).toBeUndefined();
  const process = table.processes.get(10);
  if (!process) throw new Error("no process");
  timelines.exited(PORTS + 1, process, "");
  expect(timelines.all().filter(({ rows }) => rows.at(-1)?.kind === "exited")).toHaveLength(kept);
});
