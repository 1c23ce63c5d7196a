import type { Nanos } from "../base/nanoseconds.ts";
import { type Header, portOf, requestedPort, type SocketFacts } from "./event.ts";
import { type Group, membersAt } from "./groups.ts";
import { Holding } from "./holding.ts";
import { lineageOf } from "./lineage.ts";
import { notesOn } from "./notes.ts";
import { oddOneOut } from "./odd-one-out.ts";
import type { HolderRecord } from "./process-record.ts";
import type {
  BlockerRecord,
  FailureRecord,
  GroupHistoryRecord,
  GroupRecord,
  HoldersRecord,
  PortRecord,
  ReleaseRecord,
  ReleaseVia,
  SessionRecord,
  SummaryRecord,
} from "./record.ts";
import type { Failure } from "./refusal.ts";
import { isUnaccepted, type Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";
import type { PortTimeline } from "./timeline.ts";

/** The end of a timer is known from the kernel's ticks, of 10 ms at most. */
const TIMER_PRECISION: Nanos = 100_000_000;
/** Longest time between an exec and the end of what it closes: both happen before the new program runs. */
const AFTER_EXEC: Nanos = 10_000_000;

/** Writes down what the story knows in the frozen shapes of record.ts. */
export class RecordBuilder {
  readonly #table: SocketTable;
  readonly #iso: (t: Nanos) => string;
  readonly #holding: Holding;

  constructor(table: SocketTable, iso: (t: Nanos) => string) {
    this.#table = table;
    this.#iso = iso;
    this.#holding = new Holding(table.processes, iso);
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
      ...(header.redacted ? { redacted: true as const } : {}),
      missingProbes: header.missingProbes,
    };
  }

  failure(failure: Failure, repeats: number, header: Header): FailureRecord {
    const { call, binder, verdict } = failure;
    const asked = call.type === "bind" && !call.search ? call.requested : call.socket;
    const { socket } = call;
    const odd = oddOneOut(failure);
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
        group: this.#group(binder, socket, call.t),
        process: this.#holding.process(failure.process),
      },
      blockers: verdict.blockers.map((blocker) => this.#blocker(failure, blocker)),
      rule: verdict.rule,
      evidence: verdict.evidence,
      confidence: verdict.confidence,
      doubts: verdict.doubts,
      ownersCounted: verdict.ownersCounted,
      walkComplete: verdict.walkComplete,
      advice: verdict.advice,
      notes: [...notesOn(failure, this.#table, header), ...(odd === null ? [] : [odd])],
      repeats,
    };
  }

  /** One record a blocker whose holders were found only after its failure had been reported. */
  holders(failure: Failure, t: Nanos): HoldersRecord[] {
    return failure.verdict.blockers
      .filter(({ facts }) => facts.inode !== null)
      .map(({ socket, facts }) => {
        const { holders, complete } = this.#holdersOf(failure, socket, facts);
        return {
          type: "holders",
          failure: failure.id,
          socket: socket.id,
          holders,
          complete,
          scannedAt: this.#iso(t),
          nature: this.#holding.nature(socket, facts, holders, failure.holdersComplete),
        };
      });
  }

  /** `failure`: its id, and when it was. */
  release(failure: { id: string; t: Nanos }, socket: Socket): ReleaseRecord {
    const at = socket.releasedAt ?? failure.t;
    const via = this.releaseVia(socket);
    const ended = ["time-wait-expired", "time-wait-cut-short", "namespace-gone"].includes(via) ? null : socket.endedBy;
    const { exitCode = null, exitSignal = null } = ended && via === "exit" ? this.#holding.process(ended.process) : {};
    return {
      type: "release",
      failure: failure.id,
      socket: socket.id,
      at: this.#iso(at),
      afterNs: at - failure.t,
      via,
      precision: socket.releaseIsExact ? "exact" : "estimated",
      by: ended && { pid: ended.process.pid, comm: ended.comm },
      exitCode,
      exitSignal,
      closedAt: socket.lastClose === null ? null : this.#iso(socket.lastClose.t),
    };
  }

  /** What let the port go. A destroy by the process that just called close is that close's doing. */
  releaseVia(socket: Socket): ReleaseVia {
    const { facts, endedBy, lastClose, releasedAt, wentWithNamespace } = socket;
    if (wentWithNamespace) return "namespace-gone";
    if (facts.state === "TIME_WAIT") {
      const early = facts.expiresAt !== null && releasedAt !== null && releasedAt < facts.expiresAt - TIMER_PRECISION;
      return early ? "time-wait-cut-short" : "time-wait-expired";
    }
    if (endedBy?.exiting) return "exit";
    if (endedBy === null) return this.#haveExited(socket) ? "exit" : "unknown";
    const { pid, execs } = endedBy.process;
    const execed = execs.at(-1)?.t ?? null;
    // What CLOEXEC closes goes right after the exec, before the new program does anything (begin_new_exec, task_work).
    if (execed !== null && releasedAt !== null && releasedAt >= execed && releasedAt - execed < AFTER_EXEC) return "exec";
    return lastClose?.pid === pid ? "close" : "unknown";
  }

  /** All who were last known to have it have ended, and nobody else can have got it. */
  #haveExited({ facts, inode, opener, steps }: Socket): boolean {
    const isConnection = facts.peer !== null && facts.protocol !== "udp";
    if (isConnection || steps.some(({ step }) => step === "sent")) return false;
    const { lastHolders, processes } = this.#table;
    const had = lastHolders.get(inode ?? 0)?.map(({ pid }) => processes.get(pid)) ?? [opener?.process];
    return had.every((process) => process != null && process.exitedAt !== null);
  }

  summary(
    counts: Pick<SummaryRecord, "failures" | "explained" | "lost" | "losses">,
    ports: readonly { timeline: PortTimeline; unavailableNs: Nanos }[],
  ): SummaryRecord {
    return { type: "summary", ...counts, ports: ports.map(({ timeline, unavailableNs }) => this.#port(timeline, unavailableNs)) };
  }

  #port({ netns, protocol, port, lanes, notKept }: PortTimeline, unavailableNs: Nanos): PortRecord {
    const groups = new Set(lanes.flatMap((socket) => this.#table.groups.staysOf(socket)).map(({ group }) => group));
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
      groups: [...groups].map((group) => this.#history(group)),
      unavailableNs,
      ...(notKept && { notKept: { events: notKept.events, sockets: notKept.sockets } }),
    };
  }

  #blocker(failure: Failure, { socket, facts, rule, decisive }: Failure["verdict"]["blockers"][number]): BlockerRecord {
    const { holders, complete } = this.#holdersOf(failure, socket, facts);
    const { creator } = socket;
    const until = failure.call.t;
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
      inode: facts.state === "TIME_WAIT" || isUnaccepted(facts) ? null : (facts.inode ?? socket.inode),
      expiresAt: facts.expiresAt === null ? null : this.#iso(facts.expiresAt),
      group: this.#group(socket, facts, until),
      holders,
      holdersComplete: complete,
      rule,
      boundAt: socket.boundAt === null ? null : this.#iso(socket.boundAt),
      seenAt: this.#iso(socket.seenAt),
      opener: this.#holding.opener(socket),
      creator: creator && { pid: creator.process.pid, comm: creator.comm, at: this.#iso(creator.t) },
      nature: this.#holding.nature(socket, facts, holders, failure.holdersComplete),
      references: facts.references ?? null,
      lineage: lineageOf(
        socket,
        holders.map(({ pid }) => pid),
        this.#table.processes,
        until,
        this.#iso,
      ),
    };
  }

  /**
   * Who held a socket at the refusal. A socket with an inode had a holder then, so that nobody was found is not the whole answer; nor is
   * the last of several. A connection without inode had none, in whatever process it ended.
   */
  #holdersOf(failure: Failure, socket: Socket, facts: SocketFacts): { holders: HolderRecord[]; complete: boolean } {
    const found = facts.inode === null ? [] : (failure.holders.get(facts.inode) ?? []);
    const seen = found.map((holder) => this.#holding.holder(socket, holder));
    if (seen.length > 0 || (facts.inode === null && facts.peer !== null)) return { holders: seen, complete: failure.holdersComplete };
    const holders = this.#holding.lastHolder(socket, this.#table.lastHolders.get(facts.inode ?? -1) ?? []);
    const complete = facts.inode === null || (facts.references ?? 1) === holders.length;
    return { holders, complete: failure.holdersComplete && complete };
  }

  /** The group of a socket at that instant, when the kernel told these facts of it. */
  #group(socket: Socket, { group: told }: SocketFacts, at: Nanos): GroupRecord | null {
    const group = this.#table.groups.of(socket, at);
    if (!group) return null;
    const members = membersAt(group, at).map(({ id }) => id);
    return { id: group.id, members, size: Math.max(members.length, told?.size ?? 0) };
  }

  #history({ id, members, size, largest, program, history, notKept }: Group): GroupHistoryRecord {
    return {
      id,
      members: [...members].map((member) => member.id),
      size,
      history: history.map(({ socket, facts, joinedAt, leftAt }) => ({
        socket: socket.id,
        uid: facts.uid,
        address: facts.address,
        joinedAt: this.#iso(joinedAt),
        leftAt: leftAt === null ? null : this.#iso(leftAt),
      })),
      largest,
      program,
      ...(notKept > 0 && { notKept }),
    };
  }
}
