import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventSchema, type Holder, type TraceEvent } from "../../src/core/event.ts";
import { anyOf, connection, exit, facts, failureOf, fork, MS, refused, signal, tell, timeWait, told } from "../helpers/events.ts";
import { hostile } from "../report/hostile.ts";
import { AT, holder, noted, refusedWith } from "./noted.ts";

const DAEMON = [{ pid: 4, comm: "PM2", program: "node" }];

it("has nothing to say where the evidence shows nothing", () => {
  expect(refusedWith([], { call: { comm: "server" }, holders: [] }).notes).toEqual([]);
  expect(failureOf(refused([], { comm: "server", walk: null })).notes).toEqual([]);
});

it("says the most specific first", () => {
  const instance = (pid: number, state: string) => told(pid, { t: AT, marks: ["pm_id"], ancestors: DAEMON, state });
  const events = [fork(MS, 4, 10), exit(2 * MS, { pid: 4, comm: "PM2" }), instance(10, "T"), instance(20, "S")];
  expect(refusedWith(events).notes.map(({ code }) => code)).toEqual([
    "stopped-holder",
    "pm2-fork-mode",
    "launcher-gone",
    "libuv-reports-listen",
  ]);
});

it("does not take a process for an earlier one of its pid", () => {
  const old = told(10, { state: "T", startedAt: -AT });
  expect(noted([old, exit(MS, { pid: 10 })])).toEqual(noted([]));
  expect(noted([old, exit(AT - 500, { pid: 10 })])).toEqual(noted([]));
  expect(noted([old])).toHaveProperty("stopped-holder");
});

/** Processes of few pids in any arrangement, with words that notes look for among words that they do not expect. */
const word = fc.oneof(
  hostile,
  fc.constantFrom(
    "node",
    "systemd",
    "nginx",
    "nginx: worker process",
    "docker-proxy -container-ip 1 -container-port 2",
    "node --inspect x",
  ),
  fc.constantFrom("node nodemon x", "NODE_UNIQUE_ID", "pm_id", "LISTEN_FDS=1", "npm_lifecycle_event=\u001b[2J", "gunicorn"),
);
const pid = fc.constantFrom(1, 2, 3, 10, 20);
const anyProcess: fc.Arbitrary<TraceEvent> = fc
  .tuple(
    (anyOf(eventSchema, word) as fc.Arbitrary<TraceEvent>).filter(({ type }) =>
      ["process", "fork", "exec", "exit", "signal", "pass"].includes(type),
    ),
    ...[pid, pid, fc.integer({ min: 0, max: 2 * AT })],
    fc.array(pid, { maxLength: 3 }),
  )
  .map(([event, one, other, t, above]) => {
    const child = event.type === "fork" ? { child: other } : {};
    const ancestors =
      event.type === "process" ? { ancestors: event.ancestors.map((ancestor, index) => ({ ...ancestor, pid: above[index] ?? 1 })) } : {};
    return { ...event, ...child, ...ancestors, t, pid: one } as TraceEvent;
  });
const anyHolder: fc.Arbitrary<Holder> = fc.record({
  pid,
  fd: fc.nat(9),
  comm: word,
  command: word,
  parent: pid,
  startedAt: fc.option(fc.integer()),
});

describe("whatever the processes are", () => {
  const owners = [facts(), connection(), timeWait({ port: 8080 })];

  it("says each note once", () => {
    fc.assert(
      fc.property(
        fc.array(anyProcess, { maxLength: 12 }),
        fc.array(anyHolder, { maxLength: 3 }),
        fc.boolean(),
        (events, holders, seeded) => {
          const { notes } = refusedWith(events, {
            owners,
            holders,
            seeded,
            header: { sysctls: { "net.ipv4.ip_local_port_range": "1 60999" } },
          });
          expect(new Set(notes.map(({ code }) => code)).size).toBe(notes.length);
          for (const { message } of notes) expect(message).not.toBe("");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("does not change what it looks at", () => {
    fc.assert(
      fc.property(fc.array(anyProcess, { maxLength: 12 }), (events) => {
        expect(refusedWith(events, { owners })).toEqual(refusedWith(events, { owners }));
      }),
      { numRuns: 100 },
    );
  });
});

it("looks at the first of thousands of connections", () => {
  const many = Array.from({ length: 5000 }, (_, index) =>
    connection({ sk: 100 + index, inode: 1000 + index, peer: { address: "192.0.2.7", port: index } }),
  );
  const sockets = many.map(({ inode }) => ({ inode: inode ?? 0, holders: [holder(10)] }));
  const refusal = refused(many, { t: AT, comm: "server" });
  const found = { type: "holders" as const, t: AT + 1, failureAt: AT, tid: 20, late: false, complete: true, sockets };
  const [failure] = tell([told(10, { state: "T" }), signal(MS, { signal: 19 }), refusal, found]).of("failure");
  expect(failure?.notes.map(({ code }) => code)).toEqual(["stopped-holder"]);
});
