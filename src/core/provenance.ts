import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder } from "./event.ts";
import { ancestorsOf, type Process, type Processes, START_TIME_PRECISION } from "./process.ts";
import type { HolderRecord } from "./process-record.ts";
import type { Socket, Step } from "./socket.ts";

/** How a descriptor came to its process, as far as the trace shows it. */
export type Provenance = Pick<HolderRecord, "via" | "from">;

/** Longest time from making a socket to its bind in which no other process has got it. */
const AT_ONCE: Nanos = 10_000_000;

const UNKNOWN: Provenance = { via: "unknown", from: null };
const CREATED: Provenance = { via: "created", from: null };
const INHERITED: Provenance = { via: "inherited", from: null };

/**
 * How a process came to this descriptor. Two things can be proven without its having been seen: who is older than the socket
 * cannot have inherited it, and who was forked while its parent had the socket at the same number, and has not let go of that
 * since, has. A fork keeps the numbers; exec closes some of them, unseen, and who receives over a unix socket is not always seen.
 */
export function provenanceOf(socket: Socket, holder: Holder, processes: Processes): Provenance {
  const { creator, opener, boundAt, steps } = socket;
  const process = processes.get(holder.pid);
  const receivedAs = (fd: number | null) =>
    process && steps.findLast((step) => step.process === process && step.step === "received" && step.fd === fd);
  const received = receivedAs(holder.fd);
  if (received) return { via: "received", from: senderTo(socket, process, received) };
  const maker = creator ?? (opener && boundAt !== null ? { ...opener, t: boundAt } : null);
  if (maker && maker.process === process) return CREATED;
  if (process && wasInherited(socket, process, holder.fd)) return INHERITED;
  const somehow = receivedAs(null);
  if (somehow) return { via: "received", from: senderTo(socket, process, somehow) };
  if (!maker) return UNKNOWN;
  if (isOlder(process, holder, maker.t)) return { via: "received", from: senderTo(socket, process, null) };
  if (holder.startedAt === null) return UNKNOWN;
  const bornAfter = boundAt !== null && holder.startedAt + START_TIME_PRECISION >= boundAt;
  return opener && bornAfter && !mayHavePassed(socket) && descends(holder, opener.process.pid, processes) ? INHERITED : UNKNOWN;
}

/** It ran before that instant: by its fork, where that was seen. */
function isOlder(process: Process | undefined, { startedAt }: Holder, t: Nanos): boolean {
  if (process?.forked) return process.forked.t < t;
  return startedAt !== null && startedAt + START_TIME_PRECISION < t;
}

/** Over a unix socket, or by pidfd_getfd: of a connection that no walk had shown, that is not seen. */
const mayHavePassed = ({ facts, steps }: Socket) => facts.peer !== null || steps.some(({ step }) => step === "sent" || step === "received");

function wasInherited(socket: Socket, process: Process, fd: number): boolean {
  const { forked } = process;
  if (!forked || !hadAt(socket, forked.by, fd, forked.t)) return false;
  const own = socket.steps.filter((step) => step.process === process && step.fd === fd);
  if (own.some(({ step }) => step === "copy-closed" || step === "duplicated" || step === "received")) return false;
  return process.execs.length === 0 || !mayHavePassed(socket);
}

/** Whether the process had the socket at this number then: by what it had last done with it, or because it had inherited it. */
function hadAt(socket: Socket, process: Process, fd: number, at: Nanos): boolean {
  const { steps, creator } = socket;
  const own = steps.filter((step) => step.process === process && step.fd === fd);
  const last = own.findLast(({ t }) => t <= at);
  const { forked } = process;
  const since = last?.t ?? forked?.t ?? creator?.t ?? at;
  if (mayHavePassed(socket) && process.execs.some(({ t }) => t >= since && t <= at)) return false;
  if (last) return last.step !== "copy-closed";
  // Before its bind nothing is seen of a socket but who made it.
  if (creator?.process === process) return creator.t <= at && own.length > 0 && !mayHavePassed(socket);
  return forked !== null && forked.t <= at && hadAt(socket, forked.by, fd, forked.t);
}

/**
 * The only other process that can have sent it; null where there may be several, and of pidfd_getfd, which takes. What is sent before
 * its bind is not seen, but that takes longer than to bind at once.
 */
function senderTo({ steps, creator, opener, boundAt }: Socket, process: Process | undefined, received: Step | null): HolderRecord["from"] {
  if (received?.detail === "pidfd_getfd") return null;
  if (creator && (creator.process !== opener?.process || (boundAt ?? Number.POSITIVE_INFINITY) - creator.t > AT_ONCE)) return null;
  const until = received?.t ?? Number.POSITIVE_INFINITY;
  const sent = steps.filter((step) => step.step === "sent" && step.process !== process && step.t <= until);
  const [first] = sent;
  return first && sent.every((step) => step.process === first.process) ? { pid: first.process.pid, comm: first.process.comm } : null;
}

function descends(holder: Holder, ancestor: number, processes: Processes): boolean {
  const known = processes.get(holder.pid);
  if (known && isAncestor(ancestor, known)) return true;
  if (holder.parent === ancestor) return true;
  const parent = processes.get(holder.parent);
  return parent !== undefined && isAncestor(ancestor, parent);
}

const isAncestor = (pid: number, process: Process) => ancestorsOf(process).some((ancestor) => ancestor.pid === pid);
