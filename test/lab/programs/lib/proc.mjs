/** What /proc tells of sockets and processes. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { SocketAddress } from "node:net";
import { endianness } from "node:os";

// include/net/tcp_states.h
const STATES = "- ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING".split(" ");

/** The TCP sockets with that local port, as a truth describes them; not those that are bound and nothing more. */
export function sockets(port) {
  const rows = ["tcp", "tcp6"].flatMap((table) =>
    (attempt(() => readFileSync(`/proc/net/${table}`, "utf8")) ?? "")
      .split("\n")
      .slice(1)
      .filter((line) => line !== "")
      .map((line) => line.trim().split(/\s+/)),
  );
  return rows
    .map(([, local, remote, state, , timer, , , , inode]) => {
      const { port, ...own } = endpoint(local);
      const { family, ...peer } = endpoint(remote);
      // One in TIME_WAIT shows the state that it came from, and a timer of its own kind.
      const name = timer.startsWith("03:") ? "TIME_WAIT" : STATES[Number.parseInt(state, 16)];
      const number = Number(inode);
      return { inode: number === 0 ? null : number, protocol: "tcp", state: name, ...own, port, peer: peer.port === 0 ? null : peer };
    })
    .filter((socket) => socket.port === port)
    .map(({ port, ...socket }) => socket);
}

/** ADDRESS:PORT in hex, the address as words of the machine's byte order. */
function endpoint(text) {
  const [hex, port] = text.split(":");
  const bytes = Buffer.from(hex, "hex");
  if (endianness() === "LE") bytes.swap32();
  const family = bytes.length === 4 ? "ipv4" : "ipv6";
  const plain = family === "ipv4" ? bytes.join(".") : bytes.toString("hex").match(/.{4}/g).join(":");
  return { family, address: new SocketAddress({ family, address: plain }).address, port: Number.parseInt(port, 16) };
}

/** The processes that have a descriptor of the socket, by pid. */
export function holders(inode) {
  if (inode === null) return [];
  const isIt = (fd) => attempt(() => readlinkSync(fd)) === `socket:[${inode}]`;
  return processes().filter((pid) => attempt(() => readdirSync(`/proc/${pid}/fd`))?.some((fd) => isIt(`/proc/${pid}/fd/${fd}`)));
}

/** The processes whose environment at their exec, or since, has that NAME=VALUE. */
export function marked(variable) {
  return processes().filter((pid) =>
    attempt(() => readFileSync(`/proc/${pid}/environ`, "latin1"))
      ?.split("\0")
      .includes(variable),
  );
}

/** The children of a process, in the order of their pids. */
export function children(pid) {
  return processes().filter((child) => Number(stat(child)?.parent) === pid);
}

/** The children of a process, and theirs. */
export function descendants(pid) {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

/** A zombie is gone, once all its threads are. */
export function isGone(pid) {
  const state = stat(pid)?.state;
  const threads = attempt(() => readdirSync(`/proc/${pid}/task`))?.length ?? 0;
  return state === undefined || state === "X" || (state === "Z" && threads <= 1);
}

/** State, parent and time of start; undefined for a process that is no more. */
export function stat(pid) {
  const fields = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  if (fields === undefined) return undefined;
  const [state, parent, ...rest] = fields.slice(fields.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent), startedAt: rest[17] };
}

function processes() {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0)
    .sort((a, b) => a - b);
}

/** For what may have gone since it was listed. */
function attempt(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}
