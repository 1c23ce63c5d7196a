import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { Absence } from "./absence.ts";
import { Attempts } from "./attempts.ts";
import type { CallEvent, EventOf, Header, TraceEvent, WalkFacts } from "./event.ts";
import { Forgetting } from "./forgetting.ts";
import { withGroups } from "./groups.ts";
import { Losses } from "./losses.ts";
import type { Observer } from "./observer.ts";
import type { Place } from "./party.ts";
import { PortTimelines } from "./port-timelines.ts";
import type { OptionalProbe } from "./probes.ts";
import type { OutputRecord } from "./record.ts";
import { RecordBuilder } from "./records.ts";
import { Refusals } from "./refusals.ts";
import { Restarts } from "./restarts.ts";
import type { Socket } from "./socket.ts";
import { SocketTable, type WalkedOwner } from "./table.ts";
import type { PortTimeline } from "./timeline.ts";
import { Warnings } from "./warnings.ts";

/** What bindtrace itself says: its clock is paired with the kernel's, which is not the same. */
const OF_BINDTRACE: readonly TraceEvent["type"][] = ["holders", "process", "command", "namespace-gone", "lost", "end"];

export interface StoryOptions {
  /** Which failures are reported; all evidence is used whatever it says. */
  reports(call: CallEvent): boolean;
  /** The ports that are asked about: all when there is none, those of the trace when it is left out. */
  ports?: Header["filters"]["ports"];
  /** Which ports get a timeline; all when it is left out. */
  shows?(timeline: PortTimeline): boolean;
  /** About how many events of each port are kept for its timeline; all when it is left out. */
  history?: number;
  /** After so many new sockets and processes, those to which nothing will refer any more are forgotten. */
  forgetEvery?: number;
  /** Which ports are warned of; all when it is left out. */
  watches?(place: Place): boolean;
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
  readonly #timelines: PortTimelines;
  readonly #refusals: Refusals;
  readonly #observers: readonly Observer[];
  readonly #forgetting: Forgetting;
  /** What the observers said while refused calls waited for their report: it is told after those. */
  readonly #observed: OutputRecord[] = [];
  readonly #losses = new Losses();
  readonly #iso: (t: Nanos) => string;
  #end: Nanos = 0;

  constructor(header: Header, options: StoryOptions) {
    this.#header = header;
    this.#options = options;
    this.#timelines = new PortTimelines(this.#table.processes, options.history ?? Number.POSITIVE_INFINITY);
    const anchor = parseIsoTime(header.clock.wall) ?? 0n;
    const iso = (t: Nanos) => isoTime(anchor, t);
    this.#iso = iso;
    this.#records = new RecordBuilder(this.#table, iso);
    this.#observers = [
      new Attempts(this.#table, iso),
      new Restarts(this.#table, iso, (socket) => this.#isShown(socket)),
      new Warnings(this.#table, options.watches ?? (() => true), iso),
      new Absence(header, options.ports ?? header.filters.ports),
    ];
    this.#refusals = new Refusals({
      header,
      table: this.#table,
      timelines: this.#timelines,
      records: this.#records,
      reports: (call) => options.reports(call),
      onReported: (failure) => {
        for (const observer of this.#observers) this.#observed.push(...observer.explained(failure));
      },
    });
    this.#forgetting = new Forgetting(this.#table, this.#timelines, this.#refusals, this.#observers, options.forgetEvery);
  }

  begin(): OutputRecord[] {
    return [this.#records.session(this.#header)];
  }

  /** Takes one event and returns what there is to say now. */
  apply(event: TraceEvent): OutputRecord[] {
    this.#end = Math.max(this.#end, event.t);
    if (!OF_BINDTRACE.includes(event.type)) this.#table.advance(event.t);
    const records = this.#take(event);
    const { settled } = this.#refusals;
    for (const observer of this.#observers) this.#observed.push(...observer.after(event, settled));
    this.#forgetting.after(event.t);
    return settled && this.#observed.length > 0 ? [...records, ...this.#observed.splice(0)] : records;
  }

  #take(event: TraceEvent): OutputRecord[] {
    switch (event.type) {
      case "bind":
      case "listen":
        return this.#call(event);
      case "holders":
        this.#table.held(event);
        return this.#refusals.holders(event);
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
        this.#losses.lost(event);
        return [];
      case "end":
        this.#losses.end(event);
        return [];
    }
  }

  /** Reports what is still waiting, then what the whole trace shows, then the summary. */
  finish(): OutputRecord[] {
    const waiting = this.#refusals.finish();
    for (const observer of this.#observers) this.#observed.push(...observer.finish(this.#end));
    const ports = this.timelines().map((timeline) => ({ timeline, unavailableNs: this.#timelines.unavailableNs(timeline, this.#end) }));
    return [
      ...waiting,
      ...this.#observed.splice(0),
      this.#records.summary({ ...this.#refusals.counts, ...this.#losses.told(this.#iso) }, ports),
    ];
  }

  /** One timeline for each port on which something happened and that is to be shown. */
  timelines(): PortTimeline[] {
    return this.#timelines
      .all()
      .filter((timeline) => timeline.rows.length > 0 && this.#shows(timeline))
      .map((timeline) => withGroups(timeline, this.#table.groups));
  }

  #shows(timeline: PortTimeline): boolean {
    return this.#options.shows?.(timeline) ?? true;
  }

  #isShown({ facts }: Socket): boolean {
    const timeline = this.#timelines.at(facts);
    return timeline !== undefined && this.#shows(timeline);
  }

  #call(event: CallEvent): OutputRecord[] {
    if (event.errno === null) {
      const socket = this.#table.call(event);
      this.#timelines.add(event.type === "bind" ? "bound" : "listening", event.t, socket, event, "");
      return [];
    }
    const owners = event.walk ? this.#walked(event.walk, event.t, event.enteredAt) : [];
    // A refused listen passes through LISTEN and back (inet_csk_listen_start): nobody could connect meanwhile.
    if (event.type === "listen") {
      this.#timelines.retract("stopped-listening", this.#table.find(event.socket.sk, event.socket.inode), event.enteredAt);
    }
    this.#refusals.add(event, owners);
    return [];
  }

  #walked(walk: WalkFacts, t: Nanos, since: Nanos = t): WalkedOwner[] {
    const owners = this.#table.walked(walk, t, since);
    for (const { socket, facts, previous } of owners) {
      if (previous !== facts.state) this.#timelines.add(previous === null ? "there" : "state", t, socket, null, "");
    }
    return owners;
  }

  #look(event: EventOf<"look">): OutputRecord[] {
    const { walk, t } = event;
    const present = new Set(this.#walked(walk, t).map(({ socket }) => socket));
    const whole = !walk.lost && walk.missed === 0 && walk.printed === walk.visited;
    if (event.seed || !whole) return [];
    const records: OutputRecord[] = [];
    for (const socket of this.#table.there(walk)) {
      const { protocol, state, expiresAt } = socket.facts;
      if (present.has(socket)) continue;
      // Nothing tells the end of a UDP socket whose last copy went with its process.
      const unseen = protocol === "udp" && socket.inBucketSince !== null ? t : null;
      const ended = state === "TIME_WAIT" ? Math.min(t, expiresAt ?? t) : (socket.destroyedAt ?? unseen);
      if (ended !== null) records.push(...this.#release(socket, ended, state !== "TIME_WAIT" && socket.destroyedAt !== null));
      // Its end was not seen, but it is not there any more: it can be blamed for nothing from here on.
      else {
        if (socket.inBucketSince !== null) this.#timelines.add("missing", t, socket, null, "");
        socket.inBucketSince = null;
        this.#table.groups.leave(socket, t);
      }
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
    this.#table.groups.leave(socket, at);
    const { endedBy } = socket;
    this.#timelines.add(
      "released",
      at,
      socket,
      endedBy && { pid: endedBy.process.pid, comm: endedBy.comm },
      this.#records.releaseVia(socket),
    );
    return this.#refusals.freed(socket);
  }

  #state(event: EventOf<"state">): void {
    const socket = this.#table.state(event);
    // A port that the kernel chose is let go before the socket stops listening.
    if (!socket || event.from === event.to || socket.releasedAt !== null) return;
    if (event.to === "LISTEN") return;
    this.#timelines.add(event.from === "LISTEN" ? "stopped-listening" : "state", event.t, socket, null, "");
  }

  #exit(event: EventOf<"exit">): void {
    const process = this.#table.processes.exit(event);
    this.#timelines.exited(event.t, process, event.signal > 0 ? `signal ${event.signal}` : `code ${event.code}`);
  }
}
