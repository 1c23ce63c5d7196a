import { type Nanos, SECOND } from "../base/nanoseconds.ts";
import { portOf, type State } from "./event.ts";
import { lasting, type Scene, who } from "./notes-scene.ts";
import type { Place } from "./party.ts";
import { areKin, type Process } from "./process.ts";
import type { Socket } from "./socket.ts";

/** What the port's own past says. */

/** A port picker binds to look whether it may, and lets go at once. */
const LONGEST_CHECK: Nanos = SECOND;
/** A program that is given a picked port needs some time to start. */
const LONGEST_AGO: Nanos = 60 * SECOND;

/** The port was tried and let go, and somebody else took it before it was bound for good. */
export function checkedBefore({ call, process, blockers, table }: Scene): string | null {
  const [taken] = blockers;
  const { opener = null, boundAt = null } = taken?.socket ?? {};
  if (opener === null || boundAt === null || opener.process === process) return null;
  const place: Place = { ...call.socket, port: portOf(call) };
  const [check] = table
    .since(place, call.t - LONGEST_AGO)
    .flatMap((socket) => timesOf(socket) ?? [])
    .filter(({ since, until }) => until <= boundAt && until - since <= LONGEST_CHECK && call.t - until <= LONGEST_AGO)
    .filter(({ by }) => areKin(by, process))
    .sort((a, b) => b.until - a.until);
  if (!check) return null;
  const ago = lasting(call.t - check.until);
  const taker = who({ comm: opener.comm, pid: opener.process.pid });
  return `${who(check.by)} had bound this port and let it go ${ago} before, which keeps nothing: ${taker} took it ${lasting(boundAt - check.until)} later`;
}

function timesOf({ opener, boundAt, releasedAt, destroyedAt }: Socket): { by: Process; since: Nanos; until: Nanos } | null {
  const until = releasedAt ?? destroyedAt;
  return opener && boundAt !== null && until !== null ? { by: opener.process, since: boundAt, until } : null;
}

/**
 * A client's connection in the range from which the kernel gives out ports (`__inet_hash_connect`, `inet_autobind`). The trace does
 * not show a connect, so that this is a likelihood: no listener was there from which it could come, and no bind of it was seen.
 */
export function ephemeralPort({ call, blockers, table, header }: Scene): string | null {
  const port = portOf(call);
  const range = header.sysctls["net.ipv4.ip_local_port_range"] ?? "";
  const [low = 0, high = -1] = range.split(" ").map(Number);
  if (!(port >= low && port <= high) || isReserved(header.sysctls["net.ipv4.ip_local_reserved_ports"] ?? "", port)) return null;
  const found = blockers.find(({ socket, facts }) => {
    if (facts.peer === null || socket.opener !== null || INCOMING.includes(facts.state)) return false;
    return !table.listenedBy(facts, socket.seenAt);
  });
  if (!found) return null;
  const { socket, facts } = found;
  const unseen = facts.protocol === "udp" ? "its bind was not seen" : "no listener on the port was seen";
  const what = facts.state === "SYN_SENT" ? "is an outgoing connection: " : `may be an outgoing connection: ${unseen} and `;
  return `${socket.id} ${what}the kernel gives out ${low} to ${high}; net.ipv4.ip_local_reserved_ports=${port} takes this one out`;
}

/** Connections that a listener has not accepted yet. */
const INCOMING: readonly State[] = ["SYN_RECV", "NEW_SYN_RECV"];

/** `8080,9148-9150` (ip-sysctl.rst). */
function isReserved(list: string, port: number): boolean {
  return list.split(",").some((part) => {
    const [low = "", high = low] = part.split("-");
    return port >= Number(low) && port <= Number(high);
  });
}
