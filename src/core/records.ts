import type { Nanos } from "../base/nanoseconds.ts";
import { type Header, type Holder, portOf, requestedPort, type SocketFacts } from "./event.ts";
import type {
  BlockerRecord,
  FailureRecord,
  GroupRecord,
  HolderRecord,
  HoldersRecord,
  PortRecord,
  ReleaseRecord,
  ReleaseVia,
  SessionRecord,
  SummaryRecord,
} from "./record.ts";
import type { Failure } from "./refusal.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";
import type { PortTimeline } from "./timeline.ts";

/** /proc gives start times in hundredths of a second. */
const START_TIME_PRECISION: Nanos = 10_000_000;

/** Writes down what the story knows in the frozen shapes of record.ts. */
export class RecordBuilder {
  readonly #table: SocketTable;
  readonly #iso: (t: Nanos) => string;

  constructor(table: SocketTable, iso: (t: Nanos) => string) {
    this.#table = table;
    this.#iso = iso;
  }

  session(header: Header): SessionRecord {
    return {
      type: "session",
      schema: 1,
      kernel: header.kernel.release,
      hooks: header.hooks,
      attach: header.attach,
      bpftrace: header.bpftrace,
      ports: header.filters.ports,
      armedAt: header.clock.wall,
      missingProbes: header.missingProbes,
    };
  }

  failure(failure: Failure, repeats: number): FailureRecord {
    const { call, binder, verdict } = failure;
    const asked = call.type === "bind" && !call.search ? call.requested : call.socket;
    const { socket } = call;
    return {
      type: "failure",
      id: failure.id,
      enteredAt: this.#iso(call.enteredAt),
      at: this.#iso(call.t),
      operation: call.type === "bind" ? call.operation : "listen",
      errno: call.errno ?? "",
      netns: socket.netns,
      protocol: socket.protocol,
      family: socket.family,
      address: asked.address,
      port: portOf(call),
      requestedPort: requestedPort(call),
      binder: {
        socket: binder.id,
        pid: call.pid,
        tid: call.tid,
        nsPid: call.nsPid,
        comm: call.comm,
        processUid: call.uid,
        socketUid: socket.uid,
        fd: call.fd,
        inode: socket.inode,
        reuseAddr: socket.reuseAddr,
        reusePort: socket.reusePort,
        ipv6Only: socket.ipv6Only,
        device: socket.device || null,
        group: this.#group(binder),
      },
      blockers: verdict.blockers.map((blocker) => this.#blocker(failure, blocker)),
      rule: verdict.rule,
      evidence: verdict.evidence,
      confidence: verdict.confidence,
      doubts: verdict.doubts,
      ownersCounted: verdict.ownersCounted,
      walkComplete: verdict.walkComplete,
      advice: verdict.advice,
      repeats,
    };
  }

  /** One record a blocker whose holders were found only after its failure had been reported. */
  holders(failure: Failure, t: Nanos): HoldersRecord[] {
    return failure.verdict.blockers
      .filter(({ facts }) => facts.inode !== null)
      .map(({ socket, facts }) => {
        const { holders, complete } = this.#holdersOf(failure, socket, facts);
        return { type: "holders", failure: failure.id, socket: socket.id, holders, complete, scannedAt: this.#iso(t) };
      });
  }

  release(failure: Failure, socket: Socket): ReleaseRecord {
    const at = socket.releasedAt ?? failure.call.t;
    const via = this.releaseVia(socket);
    return {
      type: "release",
      failure: failure.id,
      socket: socket.id,
      at: this.#iso(at),
      afterNs: at - failure.call.t,
      via,
      precision: socket.releaseIsExact ? "exact" : "estimated",
      by: via === "time-wait-expired" || !socket.endedBy ? null : { pid: socket.endedBy.pid, comm: socket.endedBy.comm },
    };
  }

  /** What let the port go. A destroy by the thread that just called close is that close's doing. */
  releaseVia(socket: Socket): ReleaseVia {
    if (socket.facts.state === "TIME_WAIT") return "time-wait-expired";
    if (socket.endedBy?.exiting || (socket.endedBy === null && this.#openerExited(socket))) return "exit";
    return socket.lastClose !== null && socket.lastClose.pid === socket.endedBy?.pid ? "close" : "unknown";
  }

  #openerExited({ opener }: Socket): boolean {
    return opener !== null && this.#table.processes.get(opener.pid)?.exitedAt != null;
  }

  summary(
    counts: Pick<SummaryRecord, "failures" | "explained" | "lost">,
    ports: readonly { timeline: PortTimeline; unavailableNs: Nanos }[],
  ): SummaryRecord {
    return { type: "summary", ...counts, ports: ports.map(({ timeline, unavailableNs }) => this.#port(timeline, unavailableNs)) };
  }

  #port({ netns, protocol, port, lanes }: PortTimeline, unavailableNs: Nanos): PortRecord {
    const groups = lanes.map((socket) => this.#group(socket)).filter((group) => group !== null);
    return {
      netns,
      protocol,
      port,
      sockets: lanes.map((socket) => ({
        socket: socket.id,
        state: socket.facts.state,
        address: socket.facts.address,
        peer: socket.facts.peer,
        inode: socket.facts.inode,
        seenAt: this.#iso(socket.seenAt),
        endedAt: socket.releasedAt === null ? null : this.#iso(socket.releasedAt),
      })),
      groups: groups.filter((group, index) => groups.findIndex(({ id }) => id === group.id) === index),
      unavailableNs,
    };
  }

  #blocker(failure: Failure, { socket, facts, rule, decisive }: Failure["verdict"]["blockers"][number]): BlockerRecord {
    const { holders, complete } = this.#holdersOf(failure, socket, facts);
    const opener = socket.opener;
    const exitedAt = opener ? (this.#table.processes.get(opener.pid)?.exitedAt ?? null) : null;
    return {
      socket: socket.id,
      decisive,
      protocol: facts.protocol,
      state: facts.state,
      substate: facts.substate,
      family: facts.family,
      address: facts.address,
      port: facts.port,
      peer: facts.peer,
      reuseAddr: facts.reuseAddr,
      reusePort: facts.reusePort,
      ipv6Only: facts.ipv6Only,
      device: facts.device || null,
      socketUid: facts.uid,
      inode: facts.state === "TIME_WAIT" ? null : (facts.inode ?? socket.inode),
      expiresAt: facts.expiresAt === null ? null : this.#iso(facts.expiresAt),
      group: this.#group(socket),
      holders,
      holdersComplete: complete,
      rule,
      boundAt: socket.boundAt === null ? null : this.#iso(socket.boundAt),
      seenAt: this.#iso(socket.seenAt),
      opener: opener && { ...opener, exitedAt: exitedAt === null ? null : this.#iso(exitedAt) },
    };
  }

  /** Who held a socket at the refusal. A socket with an inode had a holder then, so that nobody was found is not the whole answer. */
  #holdersOf(failure: Failure, socket: Socket, facts: SocketFacts): { holders: HolderRecord[]; complete: boolean } {
    const found = facts.inode === null ? [] : (failure.holders.get(facts.inode) ?? []);
    const seen = found.map((holder) => ({
      pid: holder.pid,
      comm: holder.comm,
      fd: holder.fd,
      via: this.#via(socket, holder),
      command: holder.command,
    }));
    const holders = seen.length > 0 || facts.state === "TIME_WAIT" ? seen : this.#lastHolder(socket);
    return { holders, complete: failure.holdersComplete && (facts.inode === null || holders.length > 0) };
  }

  /**
   * The socket was gone before the search came to it: the process that closed its last copy had it until then, and so had
   * the one with whose end it went.
   */
  #lastHolder({ endedBy, lastClose, opener }: Socket): HolderRecord[] {
    if (!endedBy) return [];
    const owned = opener?.pid === endedBy.pid ? opener : null;
    const closed = lastClose?.pid === endedBy.pid ? lastClose : null;
    if (!owned && !closed && !endedBy.exiting) return [];
    const fd = closed?.fd ?? owned?.fd ?? null;
    const via = opener?.pid === endedBy.pid ? "created" : "unknown";
    return [{ pid: endedBy.pid, comm: endedBy.comm, fd, via, command: "" }];
  }

  /**
   * How a descriptor came to its process, as far as the trace shows it: a process that is older than the
   * bind cannot have inherited the socket, and a younger descendant of the binder has.
   */
  #via({ opener, boundAt }: Socket, holder: Holder): HolderRecord["via"] {
    if (opener === null || boundAt === null) return "unknown";
    if (opener.pid === holder.pid) return "created";
    if (holder.startedAt === null) return "unknown";
    if (holder.startedAt + START_TIME_PRECISION < boundAt) return "received";
    return this.#descends(holder, opener.pid) ? "inherited" : "unknown";
  }

  #descends(holder: Holder, ancestor: number): boolean {
    let pid: number | null = holder.pid;
    for (let steps = 0; pid !== null && steps < 64; steps++) {
      pid = this.#table.processes.get(pid)?.parent ?? (pid === holder.pid ? holder.parent : null);
      if (pid === ancestor) return true;
    }
    return false;
  }

  #group(socket: Socket): GroupRecord | null {
    const group = this.#table.groupOf(socket);
    return group ? { id: group.id, members: group.members.map(({ id }) => id), size: group.size } : null;
  }
}
