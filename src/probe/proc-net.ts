import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { SECOND } from "../base/nanoseconds.ts";
import { addressKind, type Family, ipv4Text, ipv6Text } from "../core/address.ts";
import type { State } from "../core/event.ts";
import type { SeenSocket } from "../core/owner.ts";
import { orNull, stateOf } from "./words.ts";

/** Ticks a second of the times in /proc (USER_HZ, the same on every architecture that Node runs on). */
const USER_HZ = 100;
/** What the timer column says of a TIME_WAIT remainder and of nothing else (get_timewait4_sock, net/ipv4/tcp_ipv4.c). */
const TIME_WAIT_TIMER = "03";
/** Stands for every user that the reader's user namespace does not know. */
const OVERFLOW_UID = "65534";
/** The number of LISTEN, as the tables print it (include/net/tcp_states.h). */
const LISTEN = "0A";
/** The kernel gives no more than a page at once (seq_read_iter, fs/seq_file.c). */
const PAGE = 4096;

/**
 * The sockets of one protocol in a folder like /proc/self/net: all of UDP, of TCP those that listen, are connected or in
 * TIME_WAIT. Null where it cannot be read. Times left count from now.
 */
export function readSockets(folder: string, protocol: "tcp" | "udp"): SeenSocket[] | null {
  const ipv4 = readTable(`${folder}/${protocol}`);
  // Where IPv6 is off there is no second table.
  return ipv4 === null
    ? null
    : [...parseSockets(ipv4, protocol, "ipv4"), ...parseSockets(readTable(`${folder}/${protocol}6`) ?? "", protocol, "ipv6")];
}

/**
 * Those TCP sockets that listen; none where the folder cannot be read. They come first in a table (tcp_get_idx,
 * net/ipv4/tcp_ipv4.c), and of the connections behind them no more than a page is read.
 */
export function readListeners(folder: string): SeenSocket[] {
  const of = (name: string, family: Family) => parseSockets(readBeginning(`${folder}/${name}`), "tcp", family);
  return [...of("tcp", "ipv4"), ...of("tcp6", "ipv6")].filter(({ state }) => state === "LISTEN");
}

/** The rows of a table up to the first that does not listen, and perhaps some more; the last one may be torn. */
function readBeginning(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    const page = Buffer.allocUnsafe(PAGE);
    const pieces: string[] = [];
    /** The beginning of a row that the next piece ends. */
    let torn = "";
    for (;;) {
      const length = readSync(file, page);
      const piece = page.toString("latin1", 0, length);
      pieces.push(piece);
      const rows = (torn + piece).split("\n");
      torn = rows.pop() ?? "";
      const last = rows.at(-1) ?? "";
      const [, , , state] = last.trim().split(/\s+/);
      if (length === 0 || (/^\s*\d+:/.test(last) && state !== LISTEN)) return pieces.join("");
    }
  } catch {
    return "";
  } finally {
    if (file !== null) closeSync(file);
  }
}

function readTable(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** The rows of /proc/net/tcp, tcp6, udp or udp6 (Documentation/networking/proc_net_tcp.rst). */
export function parseSockets(text: string, protocol: "tcp" | "udp", family: Family): SeenSocket[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local, remote, state, , timer, , uid, , inode] = line.trim().split(/\s+/);
      if (!local || !remote || !state || !timer) return [];
      const [running, left = "0"] = timer.split(":");
      const waits = protocol === "tcp" && running === TIME_WAIT_TIMER;
      const told = stateOf(Number.parseInt(state, 16));
      const here = endOf(local);
      const there = endOf(remote);
      const socket: SeenSocket = {
        protocol,
        family,
        ...here,
        peer: there.port === 0 ? null : there,
        state: protocol === "udp" ? "BOUND" : waits ? "TIME_WAIT" : told,
        substate: waits ? told : null,
        expiresAt: waits ? (Number.parseInt(left, 16) * SECOND) / USER_HZ : null,
        inode: orNull(Number(inode)),
        uid: waits || uid === OVERFLOW_UID ? null : Number(uid),
        group: null,
        reuseAddr: null,
        reusePort: null,
        ipv6Only: ipv6OnlyOf(family, here.address, told),
        device: null,
      };
      // A connection that is only asked for is no socket yet, and owns no port.
      return socket.state === "SYN_RECV" && socket.inode === null ? [] : [socket];
    });
}

/** What the address tells: one of IPv4 is never of an IPv6-only socket, a listener on another has been bound to it (`__inet6_bind`). */
function ipv6OnlyOf(family: Family, address: string, state: State): boolean | null {
  const { kind } = addressKind(family, address);
  if (kind === "v4" || kind === "mapped") return false;
  return kind === "specific6" && state === "LISTEN" ? true : null;
}

/** `0100007F:1F90`: words of the address as they lie in memory, and the port. */
function endOf(text: string): { address: string; port: number } {
  const [words = "", port = "0"] = text.split(":");
  const bytes = (words.match(/.{8}/g) ?? []).flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)));
  return { address: bytes.length > 4 ? ipv6Text(bytes) : ipv4Text(bytes), port: Number.parseInt(port, 16) };
}
