import fc from "fast-check";
import type { State } from "../../src/core/event.ts";
import type { Socket } from "../../src/core/socket.ts";
import type { PortTimeline, Row } from "../../src/core/timeline.ts";
import { facts, NETNS } from "../helpers/events.ts";

/** A socket of which a chart asks no more than this. */
export function socketNamed(id: string, overrides: Partial<Socket> = {}): Socket {
  const opener = { process: { pid: 10 }, comm: "node", fd: 18 } as Socket["opener"];
  return { id, facts: facts(), seenAt: 0, destroyedAt: null, releasedAt: null, releaseIsExact: true, opener, ...overrides } as Socket;
}

export function row(t: number, kind: Row["kind"], socket: Socket | null, overrides: Partial<Row> = {}): Row {
  return { t, kind, socket, state: null, process: null, detail: "", blockers: [], ...overrides };
}

const CHANGES: readonly [Row["kind"], State][] = [
  ["there", "LISTEN"],
  ["there", "ESTABLISHED"],
  ["bound", "BOUND"],
  ["listening", "LISTEN"],
  ["stopped-listening", "BOUND"],
  ["state", "FIN_WAIT2"],
  ["state", "TIME_WAIT"],
  ["copy-closed", "BOUND"],
  ["gone", "CLOSE"],
  ["missing", "LISTEN"],
  ["released", "BOUND"],
];

/** Whatever may have happened on a port, in bursts and after long pauses, in no order. */
export function anyTimeline(comm: fc.Arbitrary<string> = fc.constantFrom("node", "nginx", "日本語")): fc.Arbitrary<PortTimeline> {
  const socket = fc.record({ connected: fc.boolean(), exact: fc.boolean(), pid: fc.integer({ min: 1, max: 6 }), comm });
  return fc
    .record({
      sockets: fc.array(socket, { minLength: 1, maxLength: 40 }),
      udp: fc.boolean(),
      size: fc.constantFrom(5, 30, 200),
    })
    .chain(({ sockets, udp, size }) => {
      const lanes = sockets.map(({ connected, exact, pid, comm }, index) =>
        socketNamed(`s${index + 1}`, {
          facts: facts({ peer: connected ? { address: "192.0.2.7", port: 40_000 + index } : null }),
          opener: { process: { pid }, comm, fd: 18 } as Socket["opener"],
          releaseIsExact: exact,
        }),
      );
      const one = fc.constantFrom(...lanes);
      const t = fc.oneof(
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 0, max: 50 }).map((n) => n * 1e9),
        fc.integer({ min: 0, max: 1e12 }),
      );
      const change = fc.tuple(t, fc.constantFrom(...CHANGES), one).map(([t, [kind, state], socket]) => row(t, kind, socket, { state }));
      const process = fc.record({ pid: fc.integer({ min: 1, max: 9 }), comm });
      const refusal = fc
        .tuple(
          t,
          one,
          fc.oneof({ weight: 3, arbitrary: fc.subarray(lanes, { maxLength: Math.min(3, lanes.length) }) }, fc.constant(lanes)),
          process,
        )
        .map(([t, socket, blockers, process]) => row(t, "refused", socket, { state: "BOUND", blockers, process, detail: "f1" }));
      const exit = fc.tuple(t, process).map(([t, process]) => row(t, "exited", null, { process, detail: "code 1" }));
      return fc.record({
        netns: fc.constant(NETNS),
        protocol: fc.constant(udp ? ("udp" as const) : ("tcp" as const)),
        port: fc.constant(8080),
        rows: fc.array(fc.oneof({ weight: 3, arbitrary: change }, { weight: 2, arbitrary: refusal }, exit), {
          maxLength: size,
          size: "max",
        }),
        lanes: fc.constant(lanes),
        reported: fc.boolean(),
      });
    });
}
