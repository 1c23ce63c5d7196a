import type { Rule } from "./conflict.ts";
import type { NoteRecord } from "./record.ts";
import type { Failure } from "./refusal.ts";
import type { Socket } from "./socket.ts";

/** Sockets that are named one by one. */
const MOST_NAMED = 4;

/** A socket that has the port without a connection, or wants it. */
interface Claimant {
  socket: Socket;
  reusePort: boolean;
  uid: number | null;
}

/**
 * The one socket for which a port is not shared by SO_REUSEPORT: of the binder and several owners without a peer, it alone lacks the
 * option, or is of another user. Null where it is not one alone, or where not every owner could be seen.
 */
export function oddOneOut(failure: Failure): NoteRecord | null {
  const { call, binder, owners, verdict } = failure;
  const there = owners.filter(({ socket, facts }) => socket !== binder && facts.peer === null);
  if (!verdict.walkComplete || there.length < 2) return null;
  const claimants: Claimant[] = [
    ...there.map(({ socket, facts }) => ({ socket, reusePort: facts.reusePort, uid: facts.uid })),
    { socket: binder, reusePort: call.socket.reusePort, uid: call.socket.uid },
  ];
  const [lacking, ...more] = claimants.filter(({ reusePort }) => !reusePort);
  if (lacking) {
    if (more.length > 0 || !blocks(failure, lacking, "binder-lacks-reuseport", "owner-lacks-reuseport")) return null;
    return note(failure, lacking, `it lacks SO_REUSEPORT, which ${named(claimants, lacking)} have`);
  }
  const stranger = claimants.find((one) => new Set(claimants.filter((other) => other !== one).map(({ uid }) => uid)).size === 1);
  if (!stranger || !blocks(failure, stranger, "reuseport-other-user", "reuseport-other-user")) return null;
  const [other] = claimants.filter((one) => one !== stranger);
  if (!other || other.uid === stranger.uid) return null;
  return note(failure, stranger, `it is of uid ${stranger.uid}, but ${named(claimants, stranger)} are of uid ${other.uid}`);
}

/** Every conflict is the doing of this one. */
function blocks({ binder, verdict }: Failure, { socket }: Claimant, asBinder: Rule, asOwner: Rule): boolean {
  if (socket === binder) return verdict.blockers.length > 0 && verdict.blockers.every(({ rule }) => rule === asBinder);
  const [blocker, ...others] = verdict.blockers;
  return others.length === 0 && blocker?.socket === socket && blocker.rule === asOwner;
}

function note({ binder }: Failure, { socket }: Claimant, why: string): NoteRecord {
  const which = socket === binder ? `${socket.id}, the new socket,` : socket.id;
  return { code: "odd-one-out", message: `${which} is the odd one out: ${why}` };
}

function named(claimants: readonly Claimant[], odd: Claimant): string {
  const names = claimants.filter((one) => one !== odd).map(({ socket }) => socket.id);
  const shown = names.length > MOST_NAMED ? [...names.slice(0, MOST_NAMED - 1), `${names.length - MOST_NAMED + 1} more`] : names;
  return `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
