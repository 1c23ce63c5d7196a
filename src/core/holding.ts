import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder, SocketFacts } from "./event.ts";
import { ancestorsOf, type Process, type Processes } from "./process.ts";
import type { HolderRecord, Nature, OpenerRecord, ProcessRecord } from "./process-record.ts";
import { provenanceOf } from "./provenance.ts";
import { signalName } from "./signal.ts";
import type { Socket } from "./socket.ts";
import { workloadOf } from "./workload.ts";

/** Writes down who stands behind a socket: the processes, and how each came to it. */
export class Holding {
  readonly #processes: Processes;
  readonly #iso: (t: Nanos) => string;

  constructor(processes: Processes, iso: (t: Nanos) => string) {
    this.#processes = processes;
    this.#iso = iso;
  }

  process(process: Process): ProcessRecord {
    const { pid, comm, facts, exitedAt, exit } = process;
    const named = facts?.ancestors ?? ancestorsOf(process);
    return {
      pid,
      comm,
      command: facts?.command ?? null,
      program: facts?.program ?? null,
      startedAt: facts?.startedAt == null ? null : this.#iso(facts.startedAt),
      parents: named.map((ancestor) => ({ pid: ancestor.pid, comm: ancestor.comm })),
      exitedAt: exitedAt === null ? null : this.#iso(exitedAt),
      exitCode: exit && exit.signal === 0 ? exit.code : null,
      exitSignal: exit && exit.signal !== 0 ? signalName(exit.signal) : null,
      ...workloadOf(facts?.cgroup ?? null),
      nsPids: facts?.nsPids ?? [],
    };
  }

  opener({ opener }: Socket): OpenerRecord | null {
    if (!opener) return null;
    const process = this.process(opener.process);
    return { pid: process.pid, comm: opener.comm, fd: opener.fd, exitedAt: process.exitedAt, process };
  }

  /** A process that was seen to have a descriptor of the socket. */
  holder(socket: Socket, holder: Holder): HolderRecord {
    const known = this.#processes.get(holder.pid);
    const { via, from } = provenanceOf(socket, holder, this.#processes);
    return {
      pid: holder.pid,
      comm: holder.comm,
      fd: holder.fd,
      via,
      command: holder.command,
      from,
      process: known ? this.process(known) : null,
    };
  }

  /** The socket was gone before the search came to it. */
  lastHolder(socket: Socket, before: readonly Holder[]): HolderRecord[] {
    const last = lastHolderOf(socket, before);
    if (!last) return [];
    const { process, comm, fd, known } = last;
    if (known.length > 0) return known.map((holder) => this.holder(socket, holder));
    const via = socket.opener?.process === process ? "created" : "unknown";
    return [{ pid: process.pid, comm, fd, via, command: "", from: null, process: this.process(process) }];
  }

  /**
   * Who stands behind a socket whose holders were all looked for, or that cannot have any. That nobody was found may also mean that
   * it had been closed by then.
   */
  nature(socket: Socket, facts: SocketFacts, holders: readonly HolderRecord[], complete: boolean): Nature {
    if (facts.state === "TIME_WAIT") return "time-wait";
    if (holders.length > 0) return "process";
    if (facts.inode === null) return facts.peer === null ? "unknown" : "orphan";
    if (facts.references === undefined || facts.subflow !== null) return "unknown";
    if (facts.references === null) return "kernel";
    return complete && isStillOpen(socket, facts) ? "in-flight" : "unknown";
  }
}

/**
 * Who had a socket that has ended until then, null where that is not known: the process that closed its last copy, or the one with
 * whose end it went. But a connection may end in any process, whose turn it was when the last packet came; and what was sent and not
 * received ends with the one that would have received it. `before`: who had it when that was last looked for; `known`: the
 * descriptors of the process among these.
 */
export function lastHolderOf(
  { endedBy, lastClose, opener, facts, steps }: Socket,
  before: readonly Holder[],
): { process: Process; comm: string; fd: number | null; known: readonly Holder[] } | null {
  if (!endedBy) return null;
  const { process, comm, exiting } = endedBy;
  const known = before.filter(({ pid }) => pid === process.pid);
  const owned = opener?.process === process ? opener : null;
  const closed = lastClose?.pid === process.pid ? lastClose : null;
  // What a system call still refers to after the last descriptor was closed (accept in another thread) had no holder any more.
  if (closed && closed.left > 0 && !exiting) return null;
  const endedHere = facts.peer === null && (owned !== null || exiting) && !steps.some(({ step }) => step === "sent");
  const had = known.length > 0 || closed || endedHere;
  return had ? { process, comm, fd: closed?.fd ?? owned?.fd ?? null, known } : null;
}

/**
 * Nobody has closed it since these facts. Of a UDP socket no event need have told that; a connection leaves these states with its
 * last descriptor, long before its end.
 */
function isStillOpen({ facts: now, destroyedAt, releasedAt }: Socket, { protocol, peer, state }: SocketFacts): boolean {
  if (destroyedAt !== null || releasedAt !== null || protocol === "udp") return false;
  return peer === null || (now.state === state && (state === "ESTABLISHED" || state === "CLOSE_WAIT"));
}
