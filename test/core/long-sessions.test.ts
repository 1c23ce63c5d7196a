import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { Listeners } from "../../src/core/listeners.ts";
import { PortTimelines } from "../../src/core/port-timelines.ts";
import type { OutputRecord } from "../../src/core/record.ts";
import { RecordBuilder } from "../../src/core/records.ts";
import { Refusals } from "../../src/core/refusals.ts";
import { Story } from "../../src/core/story.ts";
import { SocketTable } from "../../src/core/table.ts";
import { bind, destroy, exit, facts, header, holders, listen, MS, option, refused, seed, tell, walk } from "../helpers/events.ts";

/** What a trace that goes on for days must not gather. */

const NEVER = Number.POSITIVE_INFINITY;
const LATER = 200_000 * MS;

/** A refused bind of that port by a server, and who was found to hold it. */
function refusal(t: number, port = 8080): TraceEvent[] {
  const call = refused([facts({ port })], { t, socket: facts({ sk: t, inode: t, port, state: "BOUND" }), tid: t });
  if (call.walk) call.walk.port = port;
  const requested = { family: "ipv4" as const, address: "0.0.0.0", port };
  return [{ ...call, requested }, holders(t + 1, call)];
}

describe("releases that are owed", () => {
  it("are told of the first and the last refusals by one socket, where these are very many", () => {
    const events = [seed(facts()), ...Array.from({ length: 13_000 }, (_, index) => refusal(1000 + 10 * index)).flat(), destroy(LATER)];
    const released = tell(events)
      .of("release")
      .map(({ failure }) => Number(failure.slice(1)));
    expect(released.length).toBeGreaterThanOrEqual(2 * 4096);
    expect(released.length).toBeLessThanOrEqual(3 * 4096);
    expect([released.slice(0, 4096), released.slice(-4096)]).toEqual([
      Array.from({ length: 4096 }, (_, index) => index + 1),
      Array.from({ length: 4096 }, (_, index) => 8905 + index),
    ]);
  });

  it("are given up of a socket whose end was not seen", () => {
    const table = new SocketTable();
    const [owner] = table.walked(walk([facts()]), 0);
    if (!owner) throw new Error("no owner");
    const refusals = new Refusals({
      ...{ header: header(), table, timelines: new PortTimelines(table.processes, NEVER), records: new RecordBuilder(table, String) },
      ...{ reports: () => true, onReported: () => {} },
    });
    const [call, found] = refusal(10);
    if (call?.type !== "bind" || found?.type !== "holders") throw new Error("no refusal");
    refusals.add(call, [owner]);
    refusals.holders(found);
    refusals.forget(LATER);
    expect(refusals.awaits(owner.socket)).toBe(true);
    owner.socket.replacedAt = 20;
    refusals.forget(30);
    expect(refusals.awaits(owner.socket)).toBe(true);
    refusals.forget(LATER);
    expect(refusals.awaits(owner.socket)).toBe(false);
  });
});

it("retries that go on nowhere are told when there are too many of them, the eldest first", () => {
  const story = new Story(header({ filters: { ports: [] } }), { reports: () => true, forgetEvery: 8200 });
  const twice = (t: number, port: number) => [...refusal(t, port), ...refusal(t + 10, port)];
  const ports = Array.from({ length: 4110 }, (_, index) => 1000 + index);
  const events = ports.flatMap((port) => twice(100 * port, port));
  const portsOf = (records: OutputRecord[]) => records.flatMap((record) => (record.type === "attempts" ? [record.port] : []));
  const during = portsOf(events.flatMap((event) => story.apply(event)));
  const rest = portsOf(story.finish());
  expect(during).toContain(1000);
  expect(rest.length).toBeGreaterThanOrEqual(4096);
  expect([...during, ...rest]).toEqual(ports);
});

it("a member of a group whose end was not seen does not stay in it", () => {
  const table = new SocketTable();
  const member = facts({ reusePort: true, group: { id: 7, size: 1 } });
  const socket = table.call(listen({ t: 1, socket: member }));
  const group = table.groups.of(socket);
  socket.replacedAt = 2;
  table.forget(LATER, () => false, new Set());
  expect([...(group?.members ?? [])]).toEqual([]);
});

it("holders are remembered of sockets that are", () => {
  const table = new SocketTable();
  const call = refused([facts()], { t: 1 });
  table.walked(walk([facts()]), 1);
  table.held(holders(2, call));
  table.held(
    holders(3, call, { sockets: [{ inode: 999, holders: [{ pid: 10, fd: 3, comm: "a", command: "a", parent: 1, startedAt: null }] }] }),
  );
  table.forget(4, () => false, new Set());
  expect([...table.lastHolders.keys()]).toEqual([100]);
});

it("of who had a listener, those are remembered that did not end long before it", () => {
  const table = new SocketTable();
  const listeners = new Listeners(table);
  const call = listen({ t: 1, pid: 10, socket: facts() });
  table.call(call);
  listeners.after(call);
  table.processes.seen(11, "worker");
  const of = (pid: number) => ({ pid, fd: 18, comm: "worker", command: "worker", parent: 10, startedAt: null });
  listeners.after(holders(2, refused([facts()], { t: 2 }), { sockets: [{ inode: 100, holders: [of(10), of(11)] }] }));
  table.processes.exit(exit(3, { pid: 11, comm: "worker" }));
  listeners.shorten(4);
  expect([...listeners.found()]).toEqual([10, 11]);
  listeners.shorten(LATER);
  expect([...listeners.found()]).toEqual([10]);
});

it("a warning is told again after very many others", () => {
  const set = (t: number, of: number, reusePort = true) =>
    option(t, { sk: 1 + of, inode: 100 + of, option: "SO_REUSEPORT", reuseAddr: false, reusePort });
  const bound = (t: number, of: number) => bind({ t, socket: facts({ sk: 1 + of, inode: 100 + of, state: "BOUND" }) });
  const others = (count: number) => Array.from({ length: count }, (_, index) => [bound(10, 1 + index), set(11, 1 + index)]).flat();
  const again = (count: number) => tell([bound(1, 0), set(2, 0), ...others(count), set(20, 0, false), set(21, 0)]).of("warning");
  expect(again(4095).filter(({ sockets }) => sockets[0] === "s1")).toHaveLength(1);
  expect(again(4096).filter(({ sockets }) => sockets[0] === "s1")).toHaveLength(2);
});
