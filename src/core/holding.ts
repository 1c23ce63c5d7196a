import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder, SocketFacts } from "./event.ts";
import type { Process, Processes } from "./process.ts";
import type { HolderRecord, Nature, OpenerRecord, ProcessRecord } from "./process-record.ts";
import { signalName } from "./signal.ts";
import type { Socket } from "./socket.ts";
import { workloadOf } from "./workload.ts";

/** /proc gives start times in hundredths of a second. */
const START_TIME_PRECISION: Nanos = 10_000_000;

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
    const named =
      facts?.ancestors ?? this.#processes.ancestors(process).map((ancestor) => ({ pid: ancestor, comm: this.#nameOf(ancestor) }));
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
    const via = this.#via(socket, holder);
    return {
      pid: holder.pid,
      comm: holder.comm,
      fd: holder.fd,
      via,
      command: holder.command,
      from: via === "received" ? this.#sender(socket, holder) : null,
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

  /** Who stands behind a socket whose holders were all looked for, or that cannot have any. */
  nature(facts: SocketFacts, holders: readonly HolderRecord[], complete: boolean): Nature {
    if (facts.state === "TIME_WAIT") return "time-wait";
    if (holders.length > 0) return "process";
    if (facts.inode === null) return facts.peer === null ? "unknown" : "orphan";
    if (facts.references === undefined || facts.subflow !== null) return "unknown";
    if (facts.references === null) return "kernel";
    return complete ? "in-flight" : "unknown";
  }

  /**
   * How a descriptor came to its process, as far as the trace shows it: a process that is older than the
   * bind cannot have inherited the socket, and a younger descendant of the binder has. Another one has received it, where
   * somebody was seen to send it away.
   */
  #via({ opener, boundAt, steps }: Socket, holder: Holder): HolderRecord["via"] {
    if (steps.some(({ step, process }) => step === "received" && process.pid === holder.pid)) return "received";
    if (opener === null || boundAt === null) return "unknown";
    if (opener.process.pid === holder.pid) return "created";
    if (holder.startedAt === null) return "unknown";
    if (holder.startedAt + START_TIME_PRECISION < boundAt) return "received";
    if (this.#descends(holder, opener.process.pid)) return "inherited";
    return steps.some(({ step, process }) => step === "sent" && process.pid !== holder.pid) ? "received" : "unknown";
  }

  /** The last other process that sent the socket away before this one had it. */
  #sender({ steps }: Socket, { pid }: Holder): HolderRecord["from"] {
    const received = steps.findLast(({ step, process }) => step === "received" && process.pid === pid)?.t ?? Number.POSITIVE_INFINITY;
    const sent = steps.findLast(({ step, process, t }) => step === "sent" && process.pid !== pid && t <= received);
    return sent ? { pid: sent.process.pid, comm: sent.process.comm } : null;
  }

  #descends(holder: Holder, ancestor: number): boolean {
    const known = this.#processes.get(holder.pid);
    if (known && this.#processes.ancestors(known).includes(ancestor)) return true;
    if (holder.parent === ancestor) return true;
    const parent = this.#processes.get(holder.parent);
    return parent !== undefined && this.#processes.ancestors(parent).includes(ancestor);
  }

  #nameOf(pid: number): string {
    return this.#processes.get(pid)?.comm ?? "";
  }
}

/**
 * Who had a socket that has ended until then, null where that is not known: the process that closed its last copy, or the one with
 * whose end it went. `before`: who had it when that was last looked for; `known`: the descriptors of the process among these.
 */
export function lastHolderOf(
  { endedBy, lastClose, opener }: Socket,
  before: readonly Holder[],
): { process: Process; comm: string; fd: number | null; known: readonly Holder[] } | null {
  if (!endedBy) return null;
  const { process, comm, exiting } = endedBy;
  const known = before.filter(({ pid }) => pid === process.pid);
  const owned = opener?.process === process ? opener : null;
  const closed = lastClose?.pid === process.pid ? lastClose : null;
  // What a system call still refers to after the last descriptor was closed (accept in another thread) had no holder any more.
  if (closed && closed.left > 0 && !exiting) return null;
  const had = known.length > 0 || owned || closed || exiting;
  return had ? { process, comm, fd: closed?.fd ?? owned?.fd ?? null, known } : null;
}
