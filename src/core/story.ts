import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import type { CallEvent, EventOf, Header, Holder, SocketFacts, TraceEvent, WalkFacts } from "./event.ts";
import { explain, type Verdict, type WalkedOwner } from "./explain.ts";
import { RecordBuilder } from "./records.ts";
import type { OutputRecord } from "./record.ts";
import type { Socket } from "./socket.ts";
import { SocketTable } from "./table.ts";
import { type PortTimeline, type Row, unavailable } from "./timeline.ts";

/** A refused call on its way into a report. */
export interface Failure {
  id: string;
  call: CallEvent;
  binder: Socket;
  verdict: Verdict;
  /** The blockers as the walk of this failure showed them. */
  owners: WalkedOwner[];
  holders: Map<number, Holder[]>;
  holdersComplete: boolean;
  reported: boolean;
  /** Blockers that have let go since. */
  released: Set<Socket>;
}

export interface StoryOptions {
  /** Which failures are reported; all evidence is used whatever it says. */
  reports(call: CallEvent): boolean;
}

/**
 * Turns the events of a trace, in time order, into what bindtrace says. Live and replay run this same
 * fold, and nothing in it asks a clock or the machine, so that both say the same.
 */
export class Story {
  readonly #table = new SocketTable();
  readonly #header: Header;
  readonly #options: StoryOptions;
  readonly #records: RecordBuilder;
  readonly #failures: Failure[] = [];
  readonly #timelines = new Map<string, PortTimeline>();
  #lost = 0;
  #end: Nanos = 0;
  #lastReported: Failure | undefined;
  #repeats = 0;

  constructor(header: Header, options: StoryOptions) {
    this.#header = header;
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
        this.#row("copy-closed", event.t, this.#table.close(event), event, String(event.references - 1));
        return [];
      case "option":
        this.#row("option", event.t, this.#table.option(event), event, event.errno ? `${event.option}: ${event.errno}` : event.option);
        return [];
      case "state":
        this.#state(event);
        return [];
      case "fork":
        this.#table.process(event.child, this.#table.processes.get(event.pid)?.comm ?? "").parent = event.pid;
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
    const waiting = this.#failures.filter((failure) => !failure.reported).flatMap((failure) => this.#report(failure));
    const reported = this.#failures.filter((failure) => this.#options.reports(failure.call));
    return [
      ...waiting,
      this.#records.summary(
        {
          failures: reported.length,
          explained: reported.filter(({ verdict }) => verdict.confidence !== "unknown").length,
          lost: this.#lost,
        },
        this.timelines().map((timeline) => ({ timeline, unavailableNs: unavailable(timeline.rows, this.#end) })),
      ),
    ];
  }

  /** One timeline for each port on which something happened to a reported failure or a socket. */
  timelines(): PortTimeline[] {
    return [...this.#timelines.values()].filter(({ rows }) => rows.length > 0);
  }

  #call(event: CallEvent): OutputRecord[] {
    if (event.errno === null) {
      const socket = this.#table.call(event);
      this.#row(event.type === "bind" ? "bound" : "listening", event.t, socket, event, "");
      return [];
    }
    const owners = event.walk ? this.#walked(event.walk, event.t) : [];
    const binder = this.#table.call(event);
    const failure: Failure = {
      id: `f${this.#failures.length + 1}`,
      call: event,
      binder,
      verdict: explain(event, owners, this.#header.kernel),
      owners,
      holders: new Map(),
      holdersComplete: false,
      reported: false,
      released: new Set(),
    };
    this.#failures.push(failure);
    this.#row("refused", event.t, binder, event, failure.id, event.type === "bind" ? event.requested.port : event.socket.port, failure.verdict);
    return [];
  }

  /** Owners with what was known of them before this walk. */
  #walked(walk: WalkFacts, t: Nanos): WalkedOwner[] {
    const before = new Map<Socket, Nanos | null>();
    const known = new Set<Socket>(this.#table.sockets);
    for (const socket of known) before.set(socket, socket.inBucketSince);
    return this.#table.walked(walk, t).map((socket, index) => {
      if (!known.has(socket)) this.#row("there", t, socket, null, "");
      const age = before.get(socket) ?? null;
      const evidence = socket.inBucketSince ?? t;
      return { socket, facts: walk.owners[index] as SocketFacts, knownSince: evidence < t ? evidence : age };
    });
  }

  #holders(event: EventOf<"holders">): OutputRecord[] {
    const failure = this.#failures.find(({ call }) => call.t === event.failureAt && call.tid === event.tid);
    if (!failure) return [];
    for (const { inode, holders } of event.sockets) failure.holders.set(inode, holders);
    failure.holdersComplete = event.complete;
    if (!failure.reported) return this.#report(failure);
    return event.late && this.#options.reports(failure.call) ? this.#records.holders(failure, event.t) : [];
  }

  #report(failure: Failure): OutputRecord[] {
    failure.reported = true;
    if (!this.#options.reports(failure.call)) return [];
    const last = this.#lastReported;
    this.#repeats = last && isRepeat(last, failure) ? this.#repeats + 1 : 0;
    this.#lastReported = failure;
    return [this.#records.failure(failure, this.#repeats), ...this.#releases(failure)];
  }

  #look(event: EventOf<"look">): OutputRecord[] {
    const { walk, t } = event;
    const present = new Set(this.#walked(walk, t).map(({ socket }) => socket));
    const whole = !walk.lost && walk.missed === 0 && walk.printed === walk.visited;
    if (event.seed || !whole) return [];
    const records: OutputRecord[] = [];
    for (const socket of this.#table.sockets) {
      const here = socket.facts.netns === walk.netns && socket.facts.port === walk.port && socket.releasedAt === null;
      if (!here) continue;
      if (present.has(socket)) {
        if (socket.destroyedAt !== null && socket.destroyedAt < t) this.#row("state", t, socket, null, "");
        continue;
      }
      const ended = socket.facts.state === "TIME_WAIT" ? Math.min(t, socket.facts.expiresAt ?? t) : socket.destroyedAt;
      if (ended !== null) records.push(...this.#release(socket, ended));
    }
    return records;
  }

  #destroy(event: EventOf<"destroy">): OutputRecord[] {
    const socket = this.#table.destroy(event);
    if (!socket) return [];
    // A connection may go on in TIME_WAIT: only another look at the bucket tells.
    if (socket.facts.peer !== null) {
      this.#row("gone", event.t, socket, event, "");
      return [];
    }
    return this.#release(socket, event.t);
  }

  #release(socket: Socket, at: Nanos): OutputRecord[] {
    socket.releasedAt = at;
    this.#row("released", at, socket, socket.endedBy, this.#records.releaseVia(socket));
    return this.#failures.filter(({ reported }) => reported).flatMap((failure) => this.#releases(failure));
  }

  /** Release records that a reported failure still owes. */
  #releases(failure: Failure): OutputRecord[] {
    if (!this.#options.reports(failure.call)) return [];
    const freed = failure.verdict.blockers
      .map(({ socket }) => socket)
      .filter((socket) => socket.releasedAt !== null && !failure.released.has(socket));
    for (const socket of freed) failure.released.add(socket);
    return freed.map((socket) => this.#records.release(failure, socket));
  }

  #state(event: EventOf<"state">): void {
    const socket = this.#table.state(event);
    if (!socket || event.from === event.to) return;
    if (event.to === "LISTEN") return;
    this.#row(event.from === "LISTEN" ? "stopped-listening" : "state", event.t, socket, null, "");
  }

  #exit(event: EventOf<"exit">): void {
    const process = this.#table.process(event.pid, event.comm);
    process.exitedAt = event.t;
    for (const timeline of this.#timelines.values()) {
      if (!timeline.lanes.some((socket) => socket.opener?.pid === event.pid)) continue;
      const detail = event.signal > 0 ? `signal ${event.signal}` : `code ${event.code}`;
      timeline.rows.push({ t: event.t, kind: "exited", socket: null, state: null, process: event, detail, blockers: [] });
    }
  }

  #row(
    kind: Row["kind"],
    t: Nanos,
    socket: Socket | undefined,
    process: { pid: number; comm: string } | null,
    detail: string,
    port = socket?.facts.port ?? 0,
    verdict?: Verdict,
  ): void {
    if (!socket) return;
    const { netns } = socket.facts;
    const protocol = socket.facts.protocol === "udp" ? "udp" : "tcp";
    const key = `${netns}/${protocol}/${port}`;
    const timeline = this.#timelines.get(key) ?? { netns, protocol, port, rows: [], lanes: [] };
    this.#timelines.set(key, timeline);
    if (kind !== "refused" && !timeline.lanes.includes(socket)) timeline.lanes.push(socket);
    const blockers = verdict?.blockers.map((blocker) => blocker.socket) ?? [];
    const who = process && { pid: process.pid, comm: process.comm };
    timeline.rows.push({ t, kind, socket, state: socket.facts.state, process: who, detail, blockers });
  }
}

/** The same program met the same obstacle again. */
function isRepeat(a: Failure, b: Failure): boolean {
  const key = ({ call, verdict }: Failure) =>
    JSON.stringify([
      call.type,
      call.comm,
      call.socket.netns,
      call.type === "bind" ? call.requested : [call.socket.address, call.socket.port],
      call.errno,
      verdict.rule,
      verdict.blockers.map(({ socket }) => socket.id),
    ]);
  return key(a) === key(b);
}
