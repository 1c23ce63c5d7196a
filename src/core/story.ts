import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { type CallEvent, type EventOf, type Header, portOf, type TraceEvent, type WalkFacts } from "./event.ts";
import { explain } from "./explain.ts";
import { certainFaults, type KernelFault } from "./faults.ts";
import { meet } from "./party.ts";
import { PortTimelines } from "./port-timelines.ts";
import type { OptionalProbe } from "./probes.ts";
import type { OutputRecord } from "./record.ts";
import { RecordBuilder } from "./records.ts";
import { type Failure, isRepeat, type Refusal } from "./refusal.ts";
import type { Socket } from "./socket.ts";
import { SocketTable, type WalkedOwner } from "./table.ts";
import { type PortTimeline, unavailable } from "./timeline.ts";

export interface StoryOptions {
  /** Which failures are reported; all evidence is used whatever it says. */
  reports(call: CallEvent): boolean;
  /** Which ports get a timeline; all when it is left out. */
  shows?(timeline: PortTimeline): boolean;
}

/**
 * Turns the events of a trace, in time order, into what bindtrace says. Live and replay run this same
 * fold, and nothing in it asks a clock or the machine, so that both say the same.
 */
export class Story {
  readonly #table = new SocketTable();
  readonly #header: Header;
  readonly #faults: KernelFault[];
  readonly #options: StoryOptions;
  readonly #records: RecordBuilder;
  /** Refused calls whose holders are still being looked for, by instant and thread. */
  readonly #waiting = new Map<string, Refusal>();
  /** Reported failures whose search for holders goes on. */
  readonly #searching = new Map<string, Failure>();
  /** Reported failures with a blocker that has not let go. */
  readonly #open = new Set<Failure>();
  readonly #timelines = new PortTimelines();
  readonly #counts = { seen: 0, failures: 0, explained: 0 };
  #lost = 0;
  #end: Nanos = 0;
  #lastReported: Failure | undefined;
  #repeats = 0;

  constructor(header: Header, options: StoryOptions) {
    this.#header = header;
    this.#faults = certainFaults(header.kernel.version);
    this.#options = options;
    const anchor = parseIsoTime(header.clock.wall) ?? 0n;
    this.#records = new RecordBuilder(this.#table, (t) => isoTime(anchor, t));
  }

  begin(): OutputRecord[] {
    return [this.#records.session(this.#header)];
  }

  /** Takes one event and returns what there is to say now. */
  apply(event: TraceEvent): OutputRecord[] {
    this.#end = Math.max(this.#end, event.t);
    switch (event.type) {
      case "bind":
      case "listen":
        return this.#call(event);
      case "holders":
        return this.#holders(event);
      case "look":
        return this.#look(event);
      case "destroy":
        return this.#destroy(event);
      case "close":
        return this.#close(event);
      case "release":
        return this.#free(event);
      case "option":
        this.#timelines.add(
          "option",
          event.t,
          this.#table.option(event),
          event,
          event.errno ? `${event.option}: ${event.errno}` : event.option,
        );
        return [];
      case "state":
        this.#state(event);
        return [];
      case "pass":
        this.#table.pass(event);
        return [];
      case "fork":
        this.#table.processes.fork(event);
        return [];
      case "exec":
        this.#table.processes.exec(event);
        return [];
      case "signal":
        this.#table.processes.signal(event);
        return [];
      case "process":
        this.#table.processes.told(event);
        return [];
      case "namespace-gone":
        return this.#table.namespaceGone(event).flatMap((socket) => this.#release(socket, event.t, false));
      case "command":
        return [];
      case "exit":
        this.#exit(event);
        return [];
      case "lost":
        this.#lost += event.count;
        return [];
      case "end":
        this.#lost = Math.max(this.#lost, event.lost);
        return [];
    }
  }

  /** Reports what is still waiting, then the summary. */
  finish(): OutputRecord[] {
    const waiting = [...this.#waiting.values()].flatMap((refusal) => this.#report(refusal).records);
    this.#waiting.clear();
    const releases = this.#owedReleases();
    const { failures, explained } = this.#counts;
    const ports = this.timelines().map((timeline) => ({ timeline, unavailableNs: unavailable(timeline.rows, this.#end) }));
    return [...waiting, ...releases, this.#records.summary({ failures, explained, lost: this.#lost }, ports)];
  }

  /** One timeline for each port on which something happened and that is to be shown. */
  timelines(): PortTimeline[] {
    return this.#timelines.all().filter((timeline) => timeline.rows.length > 0 && (this.#options.shows?.(timeline) ?? true));
  }

  #call(event: CallEvent): OutputRecord[] {
    if (event.errno === null) {
      const socket = this.#table.call(event);
      this.#timelines.add(event.type === "bind" ? "bound" : "listening", event.t, socket, event, "");
      return [];
    }
    const owners = event.walk ? this.#walked(event.walk, event.t) : [];
    // A refused listen passes through LISTEN and back (inet_csk_listen_start): nobody could connect meanwhile.
    if (event.type === "listen") {
      this.#timelines.retract("stopped-listening", this.#table.find(event.socket.sk, event.socket.inode), event.enteredAt);
    }
    const binder = this.#table.call(event);
    const port = portOf(event);
    const id = `f${++this.#counts.seen}`;
    const row = this.#timelines.add("refused", event.t, binder, event, id, port);
    const process = this.#table.processes.seen(event.pid, event.comm);
    const unknown = { holders: new Map(), holdersComplete: false, ready: false };
    this.#waiting.set(key(event), { id, call: event, binder, process, owners, ...unknown, row });
    return [];
  }

  #walked(walk: WalkFacts, t: Nanos): WalkedOwner[] {
    const owners = this.#table.walked(walk, t);
    for (const { socket, facts, previous } of owners) {
      if (previous !== facts.state) this.#timelines.add(previous === null ? "there" : "state", t, socket, null, "");
    }
    return owners;
  }

  #holders(event: EventOf<"holders">): OutputRecord[] {
    this.#table.held(event);
    if (event.failureAt === null || event.tid === null) return [];
    const at = key({ t: event.failureAt, tid: event.tid });
    const refusal = this.#waiting.get(at) ?? this.#searching.get(at);
    if (!refusal) return [];
    for (const { inode, holders } of event.sockets) refusal.holders.set(inode, holders);
    refusal.holdersComplete = event.complete;
    const late = this.#searching.get(at);
    if (late) {
      if (event.complete) this.#searching.delete(at);
      return this.#options.reports(late.call) ? this.#records.holders(late, event.t) : [];
    }
    refusal.ready = true;
    return [...this.#reportReady(), ...this.#owedReleases()];
  }

  /** Reports refusals in the order in which they happened. */
  #reportReady(): OutputRecord[] {
    const records: OutputRecord[] = [];
    for (const [at, refusal] of this.#waiting) {
      if (!refusal.ready) break;
      this.#waiting.delete(at);
      const reported = this.#report(refusal);
      records.push(...reported.records);
      if (!refusal.holdersComplete) this.#searching.set(at, reported.failure);
    }
    return records;
  }

  #report(refusal: Refusal): { failure: Failure; records: OutputRecord[] } {
    const { call, owners, row } = refusal;
    const remembered = this.#table.heldDuring(call.socket, call.enteredAt, call.t);
    const { kernel, filters } = this.#header;
    const verdict = explain(call, { owners, remembered, seeded: filters.ports.length > 0, kernel, faults: this.#faults });
    const failure: Failure = { ...refusal, verdict, released: new Set() };
    if (row) row.blockers = verdict.blockers.map(({ socket }) => socket);
    if (!this.#options.reports(call)) return { failure, records: [] };
    this.#counts.failures++;
    if (verdict.confidence !== "unknown") this.#counts.explained++;
    if (verdict.blockers.length > 0) this.#open.add(failure);
    const last = this.#lastReported;
    this.#repeats = last && isRepeat(last, failure) ? this.#repeats + 1 : 0;
    this.#lastReported = failure;
    return { failure, records: [this.#records.failure(failure, this.#repeats)] };
  }

  #look(event: EventOf<"look">): OutputRecord[] {
    const { walk, t } = event;
    const present = new Set(this.#walked(walk, t).map(({ socket }) => socket));
    const whole = !walk.lost && walk.missed === 0 && walk.printed === walk.visited;
    if (event.seed || !whole) return [];
    const records: OutputRecord[] = [];
    for (const socket of this.#table.sockets) {
      const { protocol, state, expiresAt } = socket.facts;
      if (!meet(socket.facts, walk) || socket.releasedAt !== null || present.has(socket)) continue;
      // Nothing tells the end of a UDP socket whose last copy went with its process.
      const unseen = protocol === "udp" && socket.inBucketSince !== null ? t : null;
      const ended = state === "TIME_WAIT" ? Math.min(t, expiresAt ?? t) : (socket.destroyedAt ?? unseen);
      if (ended !== null) records.push(...this.#release(socket, ended, state !== "TIME_WAIT" && socket.destroyedAt !== null));
      // Its end was not seen, but it is not there any more: it can be blamed for nothing from here on.
      else socket.inBucketSince = null;
    }
    return records;
  }

  #destroy(event: EventOf<"destroy">): OutputRecord[] {
    const socket = this.#table.destroy(event);
    if (!socket) return [];
    // A connection may go on in TIME_WAIT: only another look at the bucket tells.
    if (socket.facts.peer !== null) {
      this.#timelines.add("gone", event.t, socket, event, "");
      return [];
    }
    return this.#tells("inet_put_port") ? [] : this.#release(socket, event.t, true);
  }

  #close(event: EventOf<"close">): OutputRecord[] {
    const socket = this.#table.close(event);
    this.#timelines.add("copy-closed", event.t, socket, event, String(event.references - 1));
    // Nothing holds a UDP socket longer than its last copy.
    const ends = socket?.facts.protocol === "udp" && event.references === 1 && !this.#tells("udp_lib_unhash");
    if (!socket || !ends) return [];
    this.#table.ended(socket, { ...event, exiting: false });
    return this.#release(socket, event.t, true);
  }

  #free(event: EventOf<"release">): OutputRecord[] {
    const socket = this.#table.release(event);
    if (!socket) return [];
    // A connection may go on in TIME_WAIT: only another look at the bucket tells.
    const { peer, state, protocol } = socket.facts;
    if (peer !== null && state !== "TIME_WAIT" && protocol !== "udp") {
      if (socket.destroyedAt === null) this.#timelines.add("gone", event.t, socket, event.by, "");
      socket.destroyedAt ??= event.t;
      return [];
    }
    return this.#release(socket, event.t, true);
  }

  /** Whether this trace tells of the end of sockets by that function of the kernel. */
  #tells(probe: OptionalProbe): boolean {
    return this.#header.hooks === "kernel" && !this.#header.missingProbes.includes(probe);
  }

  #release(socket: Socket, at: Nanos, exact: boolean): OutputRecord[] {
    socket.releasedAt = at;
    socket.releaseIsExact = exact;
    const { endedBy } = socket;
    this.#timelines.add(
      "released",
      at,
      socket,
      endedBy && { pid: endedBy.process.pid, comm: endedBy.comm },
      this.#records.releaseVia(socket),
    );
    return this.#owedReleases();
  }

  /** Releases that reported failures wait for. They are told after every refusal that came before them. */
  #owedReleases(): OutputRecord[] {
    return this.#waiting.size > 0 ? [] : [...this.#open].flatMap((failure) => this.#releases(failure));
  }

  /** Release records that a reported failure still owes. */
  #releases(failure: Failure): OutputRecord[] {
    const freed = failure.verdict.blockers
      .map(({ socket }) => socket)
      .filter((socket) => socket.releasedAt !== null && !failure.released.has(socket));
    for (const socket of freed) failure.released.add(socket);
    if (failure.released.size === failure.verdict.blockers.length) this.#open.delete(failure);
    return freed.map((socket) => this.#records.release(failure, socket));
  }

  #state(event: EventOf<"state">): void {
    const socket = this.#table.state(event);
    // A port that the kernel chose is let go before the socket stops listening.
    if (!socket || event.from === event.to || socket.releasedAt !== null) return;
    if (event.to === "LISTEN") return;
    this.#timelines.add(event.from === "LISTEN" ? "stopped-listening" : "state", event.t, socket, null, "");
  }

  #exit(event: EventOf<"exit">): void {
    this.#table.processes.exit(event);
    this.#timelines.exited(event.t, event, event.signal > 0 ? `signal ${event.signal}` : `code ${event.code}`);
  }
}

const key = ({ t, tid }: { t: Nanos; tid: number }) => `${t}/${tid}`;
