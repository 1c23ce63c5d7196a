import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";

/**
 * A long trace for measuring: three servers that are restarted in turn while their successors try twice in vain, and between
 * restarts short-lived sockets on a few ports. However long it is, as many sockets and processes are alive at any instant.
 */

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../../.cache/bench");
const MS = 1_000_000;
const NETNS = 4026531840;
const SERVED = [8080, 8443, 9000];
/** Short-lived sockets between two restarts, of which each tenth listens, and the ports that they take in turn. */
const SHORT = 110;
const FIRST_PORT = 9100;
const PORTS = 16;

const header = {
  format: "bindtrace",
  version: 1,
  kernel: { release: "6.18.44", version: "6.18.44", hz: 250, bhash2: true, orphanUidIsZero: false },
  bpftrace: "0.23.2",
  hooks: "tracepoint",
  attach: "tracepoint",
  missingProbes: [],
  filters: { ports: [...SERVED.map((port) => [port, port]), [FIRST_PORT, FIRST_PORT + PORTS - 1]] },
  sysctls: {},
  clock: { boot: "1000000000000", wall: "2026-01-05T08:00:00.000000000Z", zone: "UTC", offsetMinutes: 0 },
  host: "bench",
  command: null,
  redacted: false,
};

const facts = (sk, inode, port, state) => ({
  ...{ sk, subflow: null, inode, netns: NETNS, protocol: "tcp", family: "ipv4", address: "0.0.0.0", port, peer: null, state },
  ...{ substate: null, expiresAt: null, reuseAddr: true, reusePort: false, ipv6Only: false, device: 0, uid: 1000, group: null },
});
const who = (pid, comm) => ({ pid, tid: pid, comm });
const call = (type, t, pid, comm, socket, more) => ({
  ...{ type, t, enteredAt: t - 12_345, ...who(pid, comm), nsPid: pid, uid: 1000, fd: 18, errno: null, socket, swapped: false, walk: null },
  ...{ created: { t: t - 40_000, pid, comm }, inCommand: false, ...more },
});
const bind = (t, pid, comm, socket, more) =>
  call("bind", t, pid, comm, socket, { requested: { family: "ipv4", address: "0.0.0.0", port: socket.port }, operation: "bind", ...more });
const state = (t, { sk, inode, port }, from, to) => ({ type: "state", t, sk, inode, netns: NETNS, port, from, to });
const close = (t, pid, comm, { sk, inode, port }, references) => ({
  ...{ type: "close", t, ...who(pid, comm), sk, inode, netns: NETNS, port, fd: 18, references },
});
const destroy = (t, pid, comm, { sk, port }, exiting) => ({ type: "destroy", t, ...who(pid, comm), sk, netns: NETNS, port, exiting });
const told = (t, pid, comm, command) => ({
  ...{ type: "process", t, pid, comm, command, program: comm, startedAt: t - 20 * MS },
  ancestors: [
    { pid: 800, comm: "bash", program: "bash", command: "-bash" },
    { pid: 1, comm: "systemd", program: "systemd", command: "/sbin/init" },
  ],
  ...{ cgroup: "/user.slice/user-1000.slice/session-3.scope", nsPids: [pid], marks: [], state: "S" },
});
const walk = (port, owners) => ({
  ...{ protocol: "tcp", netns: NETNS, port, locked: false, buckets: owners.length > 0 ? 1 : 0, fastReuse: 0, fastReusePort: 0, fastUid: 0 },
  ...{ visited: owners.length, possible: owners.length, printed: owners.length, missed: 0, owners, decisive: null, lost: false },
});

/** Kernel addresses and pids come again, as the kernel gives them again; inodes rise. */
function* events() {
  let inode = 10_000;
  let spawned = 0;
  const nextPid = () => 1_000 + (spawned++ % 30_000);
  const servers = SERVED.map(() => null);
  for (let cycle = 0; ; cycle++) {
    const start = cycle * 2_000 * MS;
    const at = cycle % SERVED.length;
    const port = SERVED[at];
    const before = servers[at];
    const pid = nextPid();
    const after = (ms) => start + Math.round(ms * MS);
    const mine = facts(10 + 2 * at + (Math.floor(cycle / SERVED.length) % 2), inode++, port, "BOUND");
    yield { type: "fork", t: after(1), pid: 800, child: pid };
    yield { type: "exec", t: after(2), pid, comm: "node" };
    if (before) {
      const { socket, pid: server } = before;
      const holders = [{ pid: server, fd: 18, comm: "node", command: `node server.js --port ${port}`, parent: 800, startedAt: null }];
      for (const ms of [30, 60]) {
        yield bind(after(ms), pid, "node", mine, { errno: "EADDRINUSE", walk: walk(port, [{ ...socket, references: 1 }]) });
        yield {
          ...{ type: "holders", t: after(ms + 1), failureAt: after(ms), tid: pid, late: false, complete: true },
          sockets: [{ inode: socket.inode, holders }],
        };
      }
      yield { type: "signal", t: after(70), pid: server, signal: 15, by: { pid: 800, comm: "bash" } };
      yield close(after(71), server, "node", socket, 1);
      yield state(after(71.1), socket, "LISTEN", "CLOSE");
      yield destroy(after(71.2), server, "node", socket, false);
      yield { type: "exit", t: after(72), pid: server, comm: "node", code: 0, signal: 0 };
      yield { type: "look", t: after(72.5), seed: false, walk: walk(port, []) };
    }
    const listening = { ...mine, state: "LISTEN" };
    yield bind(after(80), pid, "node", mine);
    yield state(after(80.1), mine, "CLOSE", "LISTEN");
    yield call("listen", after(80.2), pid, "node", listening, { backlog: 511 });
    yield told(after(90), pid, "node", `node server.js --port ${port}`);
    servers[at] = { socket: listening, pid };
    for (let index = 0; index < SHORT; index++) {
      const ms = 100 + index * 17;
      const child = nextPid();
      const bound = facts(100 + (index % 8), inode++, FIRST_PORT + ((cycle * SHORT + index) % PORTS), "BOUND");
      const heard = { ...bound, state: "LISTEN" };
      const listens = index % 10 === 0;
      yield { type: "fork", t: after(ms), pid: 801, child };
      yield bind(after(ms + 1), child, "worker", bound);
      if (listens) {
        yield state(after(ms + 1.1), bound, "CLOSE", "LISTEN");
        yield call("listen", after(ms + 1.2), child, "worker", heard, { backlog: 128 });
        yield told(after(ms + 4), child, "worker", "worker --once");
      }
      yield close(after(ms + 9), child, "worker", bound, 1);
      if (listens) yield state(after(ms + 9.1), heard, "LISTEN", "CLOSE");
      yield destroy(after(ms + 9.2), child, "worker", bound, false);
      yield { type: "exit", t: after(ms + 10), pid: child, comm: "worker", code: 0, signal: 0 };
    }
  }
}

/** The file with a trace of so many lines, the header and the end among them: made when it is not there yet. */
export async function traceOf(count, gzip) {
  const file = join(FOLDER, `replay-${count}.jsonl${gzip ? ".gz" : ""}`);
  if (existsSync(file)) return file;
  mkdirSync(FOLDER, { recursive: true });
  const target = createWriteStream(`${file}.part`);
  const sink = gzip ? createGzip() : target;
  if (gzip) sink.pipe(target);
  let text = `${JSON.stringify(header)}\n`;
  let n = 0;
  const flush = async () => {
    if (!sink.write(text)) await once(sink, "drain");
    text = "";
  };
  let last = 0;
  for (const event of events()) {
    if (++n > count - 2) break;
    last = event.t;
    text += `${JSON.stringify({ n, ...event })}\n`;
    if (text.length > 1 << 20) await flush();
  }
  text += `${JSON.stringify({ n, type: "end", t: last + 1, reason: "interrupted", lost: 0, foreign: 0, died: false })}\n`;
  await flush();
  sink.end();
  await finished(target);
  renameSync(`${file}.part`, file);
  return file;
}
