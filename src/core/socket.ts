import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder, SocketFacts, State } from "./event.ts";
import { meet } from "./party.ts";
import { newProcess, type Process } from "./process.ts";

/** What a process did with a socket. */
export interface Step {
  t: Nanos;
  step: "created" | "bound" | "listened" | "duplicated" | "sent" | "received" | "copy-closed";
  process: Process;
  fd: number | null;
  /** Of a closed copy: how many are left; of a received one: how. */
  detail: string;
}

/** A socket over its life: what was last known of it, and since when. */
export interface Socket {
  id: string;
  facts: SocketFacts;
  /** The inode that it has, or had until its last descriptor was closed: facts then say null. */
  inode: number | null;
  /** First event or look that showed it. */
  seenAt: Nanos;
  /** Entry and return of its successful bind; null when it was bound before anything was seen of it. */
  bindEnteredAt: Nanos | null;
  boundAt: Nanos | null;
  /** Earliest instant at which it is proven to have been in the bind bucket. */
  inBucketSince: Nanos | null;
  listeningSince: Nanos | null;
  /** End of listening, where that was seen. */
  listenedUntil: Nanos | null;
  /** The end of the struct sock; a TIME_WAIT remainder may follow. */
  destroyedAt: Nanos | null;
  /** When another socket was seen at its address, or its network namespace had gone: it has ended, which was not seen. */
  replacedAt: Nanos | null;
  /** When the port was free of it, and whether that is the moment itself or an estimate. */
  releasedAt: Nanos | null;
  releaseIsExact: boolean;
  creator: { process: Process; comm: string; t: Nanos } | null;
  /** Who bound it. */
  opener: { process: Process; comm: string; fd: number | null } | null;
  /** In time order. */
  steps: Step[];
  /** Last close call on it: a destroy by the same thread is its doing. */
  lastClose: { t: Nanos; pid: number; fd: number | null; left: number } | null;
  /** Process in which the last reference went. */
  endedBy: { process: Process; comm: string; exiting: boolean } | null;
  /** Nobody is in its network namespace any more. */
  wentWithNamespace: boolean;
  /** When it got SO_REUSEPORT, where it was bound or refused without. */
  reusePortSince: Nanos | null;
  /** Its failed binds are all that is known of it: it holds nothing. */
  binderOnly: boolean;
}

/** A socket of which this is the first that is known. */
export function newSocket(id: string, facts: SocketFacts, t: Nanos, binderOnly: boolean): Socket {
  return {
    id,
    facts,
    inode: facts.inode,
    seenAt: t,
    bindEnteredAt: null,
    boundAt: null,
    inBucketSince: null,
    listeningSince: null,
    listenedUntil: null,
    destroyedAt: null,
    replacedAt: null,
    releasedAt: null,
    releaseIsExact: false,
    creator: null,
    opener: null,
    steps: [],
    lastClose: null,
    endedBy: null,
    wentWithNamespace: false,
    reusePortSince: null,
    binderOnly,
  };
}

/** So many steps later a long list is made shorter; of its beginning and its end so many are kept whatever they are. */
const THIN_EVERY = 1024;
const WHOLE_AT_START = 64;
const WHOLE_AT_END = 512;

/** What a process did with it. Of many steps, those are dropped which a later one of the same kind makes meaningless. */
export function addStep(socket: Socket, step: Step): void {
  const { steps } = socket;
  steps.push(step);
  if (steps.length % THIN_EVERY !== 0) return;
  const end = steps.length - WHOLE_AT_END;
  const later = new Map<Process, Set<string>>();
  const kept: Step[] = [];
  for (let index = steps.length - 1; index >= 0; index--) {
    const one = steps[index] as Step;
    const known = later.get(one.process) ?? new Set();
    const what = `${one.step} ${one.fd}`;
    const isOver = known.has(what) || (one.step === "copy-closed" && one.detail !== "0" && one.process.exitedAt !== null);
    if (index < WHOLE_AT_START || index >= end || !isOver) kept.push(one);
    later.set(one.process, known.add(what));
  }
  socket.steps = kept.reverse();
}

/** The four-tuple by which a TIME_WAIT remainder continues its connection. */
export function sameConnection(a: SocketFacts, b: SocketFacts): boolean {
  return (
    a.peer !== null &&
    b.peer !== null &&
    meet(a, b) &&
    a.peer.port === b.peer.port &&
    a.address === b.address &&
    a.peer.address === b.peer.address
  );
}

/**
 * Whether these facts may be of that socket, by the connection that both have. TIME_WAIT is another struct than the connection, and
 * its timer is set once, and again when the other end closes; any other state is of the same struct, whose inode comes when the
 * connection is accepted, and goes when the last descriptor is closed.
 */
export function continues({ facts: known, inode, destroyedAt }: Socket, facts: SocketFacts): boolean {
  if (!sameConnection(known, facts)) return false;
  if (facts.state === "TIME_WAIT") {
    const sameTimer = known.substate === "FIN_WAIT2" || known.expiresAt === facts.expiresAt;
    return known.state !== "TIME_WAIT" || (known.sk === facts.sk && sameTimer);
  }
  if (destroyedAt !== null || known.sk !== facts.sk) return false;
  return inode === null || (facts.inode === null ? !isUnaccepted(facts) : inode === facts.inode);
}

const SHAPE = ["netns", "protocol", "family", "address", "port", "reuseAddr", "reusePort", "ipv6Only", "device"] as const;

/** Two owners between which the kernel's rule makes no difference; its user changes when a socket is being closed. */
export function isAlike(a: SocketFacts, b: SocketFacts): boolean {
  const samePeer = a.peer === b.peer || (a.peer?.address === b.peer?.address && a.peer?.port === b.peer?.port);
  return samePeer && SHAPE.every((name) => a[name] === b[name]);
}

/** No process has had this connection yet: one that had would have left the state with the inode. */
export const isUnaccepted = ({ inode, state }: SocketFacts) => inode === null && (state === "ESTABLISHED" || state === "CLOSE_WAIT");

/**
 * Whether the end of this socket may be that process's doing. That of a connection which nobody has any more comes with a packet, in
 * whatever process that interrupts; one that nobody has accepted goes with its listener. `holders`: who was last found to have it.
 */
export function mayHaveHad({ facts, opener, lastClose }: Socket, pid: number, holders: readonly Holder[]): boolean {
  if (facts.peer === null || facts.protocol === "udp" || isUnaccepted(facts)) return true;
  return opener?.process.pid === pid || lastClose?.pid === pid || holders.some((holder) => holder.pid === pid);
}

/** A socket that let its port go without being closed (a disconnect without bind before it) may have taken one again. */
export function takeAgain(socket: Socket): void {
  if (socket.releasedAt === null) return;
  Object.assign(socket, { releasedAt: null, releaseIsExact: false, endedBy: null, inBucketSince: null });
}

/** A timeline may go on naming it, but nobody asks any more through whose hands it went, nor what else those did. */
export function forgetPast(socket: Socket): void {
  const { opener } = socket;
  const named = opener && { ...opener, process: newProcess(opener.process.pid, opener.process.comm) };
  Object.assign(socket, { steps: [], creator: null, opener: named, lastClose: null, endedBy: null });
}

/** Order of blame where the kernel's own decisive owner is not known: listening, bound, connected, TIME_WAIT. */
export function severity(state: State): number {
  if (state === "LISTEN") return 0;
  if (state === "BOUND" || state === "CLOSE") return 1;
  return state === "TIME_WAIT" ? 3 : 2;
}
