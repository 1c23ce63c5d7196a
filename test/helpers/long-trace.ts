import type { SocketFacts, TraceEvent } from "../../src/core/event.ts";
import {
  bind,
  close,
  connection,
  destroy,
  end,
  exec,
  exit,
  facts,
  fork,
  header,
  holders,
  listen,
  look,
  MS,
  NETNS,
  refused,
  signal,
  state,
  told,
} from "./events.ts";

/** A busy server on each of three ports that is restarted every ten seconds, while its successor tries twice in vain. */

const PORTS = [8080, 8443, 9000];
const EVERY = 10_000 * MS;
/** Connections of one restart, whose ends are seen, and workers that close their copies. */
const CONNECTIONS = 6;
const COPIES = 160;
/** Events of one restart. */
const CYCLE = 19 + 2 * CONNECTIONS + COPIES;

/** How it begins: the ports that it is about. */
export const longHeader = () => header({ filters: { ports: PORTS.map((port): [number, number] => [port, port]) } });

/** A trace of at least so many events. */
export function* longTrace(events: number): Generator<TraceEvent> {
  const cycles = Math.ceil(events / CYCLE);
  for (let cycle = 0; cycle < cycles; cycle++) yield* restartOf(cycle);
  yield end(cycles * EVERY);
}

function* restartOf(cycle: number): Generator<TraceEvent> {
  const start = cycle * EVERY;
  const after = (ms: number) => start + ms * MS;
  const port = PORTS[cycle % 10 < 7 ? 0 : cycle % 10 < 9 ? 1 : 2] ?? 0;
  const [server, next] = [1_000 + cycle, 1_001 + cycle];
  const sk = (index: number) => cycle * (CONNECTIONS + 2) + index + 1;
  const of = (index: number) => ({ sk: sk(index), inode: sk(index), port, netns: NETNS });
  const old = facts({ ...of(0), reuseAddr: true });
  const clients = Array.from({ length: CONNECTIONS }, (_, index) =>
    connection({ ...of(index + 2), peer: { address: "192.0.2.7", port: 1_024 + ((cycle * CONNECTIONS + index) % 60_000) } }),
  );
  const walked = (ms: number, owners: SocketFacts[]) => look(after(ms), owners, { walk: { ...look(0, owners).walk, port } });
  yield bind({ t: after(1), pid: server, socket: { ...old, state: "BOUND" } });
  yield state(after(2), of(0));
  yield listen({ t: after(3), pid: server, socket: old });
  yield told(server, { t: after(4) });
  yield walked(10, [old, ...clients]);
  for (let index = 0; index < COPIES; index++)
    yield close(after(100 + index * 11), { ...of(0), pid: server, fd: 20 + index, references: 3 });
  yield fork(after(2_000), 5, next);
  yield exec(after(2_001), next, "node");
  for (const ms of [2_500, 3_500]) {
    const socket = facts({ sk: sk(1), inode: sk(1), port, state: "BOUND", reuseAddr: true });
    const refusal = refused([old], { t: after(ms), pid: next, socket });
    if (refusal.walk) refusal.walk.port = port;
    const holder = { pid: server, fd: 18, comm: "node", command: "node server.js", parent: 5, startedAt: null };
    yield refusal;
    yield holders(after(ms + 1), refusal, { sockets: [{ inode: sk(0), holders: [holder] }] });
  }
  yield signal(after(4_000), { pid: server });
  for (const [index, { sk: address, inode }] of clients.entries()) {
    yield state(after(4_100 + index * 100), { sk: address, inode, port, from: "ESTABLISHED", to: "FIN_WAIT1" });
    yield destroy(after(4_150 + index * 100), { sk: address, port, pid: 0, comm: "swapper/1" });
  }
  yield state(after(7_000), { ...of(0), from: "LISTEN", to: "CLOSE" });
  yield destroy(after(7_001), { sk: sk(0), port, pid: server, exiting: true });
  yield exit(after(7_002), { pid: server });
  yield walked(7_003, []);
}
