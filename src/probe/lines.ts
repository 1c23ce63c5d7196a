import type { Nanos } from "../base/nanoseconds.ts";
import { conforms } from "../core/conforms.ts";
import { type CallEvent, eventSchema, portOf, type TraceEvent, type WalkFacts } from "../core/event.ts";
import { keepLast } from "../core/many.ts";
import { readCall, readMaker, readSearch, type Search } from "./calls.ts";
import { LineFields } from "./fields.ts";
import { readMoments } from "./moments.ts";
import { cpuOf, LAST_LINE, PROTOCOL_VERSION, placeOf, seqOf } from "./protocol.ts";
import { SequenceCheck } from "./sequence.ts";
import { type Owners, type Reading, readOwner, readWalk } from "./sockets.ts";
import { safe } from "./words.ts";

export interface DecoderOptions {
  /** The protocols of which the programs tell the kernel's searches for a port (`bt:port`). */
  searches: readonly ("tcp" | "udp")[];
  /** Instant of a jiffies value, null where the relation is not known. */
  instantOfJiffies(jiffies: bigint): Nanos | null;
}

/** Threads whose walk is kept until their call is told. A call follows at once: that of one so far behind never comes. */
const MOST_TOLD = 1024;

/** A refused call, or a look, whose owners are still arriving. */
interface OpenWalk extends Owners {
  call: CallEvent | null;
}

/**
 * Turns the lines of the bpftrace programs (bpf/README.md) into events. Every field is a number, so no
 * process can forge a line by its name. Kernel pointers are replaced by small numbers here.
 */
export class LineDecoder {
  readonly #options: DecoderOptions;
  readonly #reading: Reading;
  readonly #pointers = new Map<bigint, number>();
  readonly #walks = new Map<number, OpenWalk>();
  readonly #sequence = new SequenceCheck();
  /** The search of each CPU whose call is still to come. */
  readonly #searches = new Map<number, Search>();
  /** Who made the socket of each CPU's call that is still to come. */
  readonly #makers = new Map<number, NonNullable<CallEvent["created"]>>();
  /** Owners told during a search, by the thread whose call is still to come; and calls whose owners are, by the place of those. */
  readonly #told = new Map<number, { place: number; walk: WalkFacts }>();
  readonly #awaited = new Map<number, CallEvent>();
  /** CPUs of which a line was lost right before the present one. */
  readonly #gaps = new Set<number>();
  /** Numbers that each CPU had given out at the last mark. */
  readonly #given = new Map<number, number>();
  /** CLOCK_BOOTTIME of the first line: instant 0. */
  #anchor: bigint | null = null;
  /** Instant of the newest line. */
  #latest: Nanos = 0;
  foreign = 0;
  lost = 0;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#reading = {
      pointer: (value) => this.#pointer(value),
      instant: (boot) => this.#instant(boot),
      instantOfJiffies: options.instantOfJiffies,
    };
  }

  /** CLOCK_BOOTTIME of instant 0 in ns, null before the stream is ready. */
  get anchor(): bigint | null {
    return this.#anchor;
  }

  /** Takes one line; a line that is not ours, or that does not fit the contract, is counted and left out. */
  decode(line: string): TraceEvent[] {
    if (line === "") return [];
    const fields = LineFields.parse(line);
    if (!fields) {
      this.foreign++;
      return [];
    }
    const events: unknown[] = [];
    try {
      if (fields.tag === "ready") return this.#ready(fields);
      if (fields.tag === "beat") return [];
      const cpu = fields.number();
      const seq = fields.number();
      if (cpu < 0 || seq < 0 || seq > LAST_LINE) throw new Error("no CPU gives out such a number");
      if (fields.tag === "count") {
        this.#given.set(cpu, seq);
        return [];
      }
      events.push(...this.#lostEvents(cpu, this.#sequence.gap(cpu, seq)), ...this.#overdue(fields.tag, cpu, seq));
      events.push(...this.#decode(fields, cpu, seq));
    } catch {
      this.foreign++;
    }
    return events.flatMap((event) => this.#checked(event));
  }

  /** How many lines that the last mark tells of have not come. */
  get outstanding(): number {
    return this.#sequence.missing(this.#given).reduce((sum, { count }) => sum + count, 0);
  }

  /** Nothing leaves that does not fit the contract; one event that does not keeps no other back. */
  #checked(event: unknown): TraceEvent[] {
    if (conforms(event)) return [event];
    const parsed = eventSchema.safeParse(event);
    if (parsed.success) return [parsed.data];
    this.foreign++;
    return [];
  }

  /** Everything that came before the last mark has arrived: what the CPUs had numbered by then and is missing was lost. */
  finish(): TraceEvent[] {
    const open = [...this.#walks.keys()].flatMap((cpu) => this.#abandon(cpu));
    const missing = this.#sequence.missing(this.#given).flatMap(({ cpu, count }) => this.#lostEvents(cpu, count));
    return [...open, ...this.#awaited.values(), ...missing].flatMap((event) => this.#checked(event));
  }

  #ready(fields: LineFields): TraceEvent[] {
    const version = fields.number();
    if (version !== PROTOCOL_VERSION) throw new Error(`line protocol ${version} is unknown`);
    this.#anchor = fields.big();
    return [];
  }

  #lostEvents(cpu: number, count: number): TraceEvent[] {
    this.#gaps.delete(cpu);
    if (count === 0) return [];
    this.lost += count;
    this.#gaps.add(cpu);
    this.#searches.delete(cpu);
    this.#makers.delete(cpu);
    const walk = this.#walks.get(cpu);
    if (walk) walk.lost = true;
    return [{ type: "lost", t: this.#latest, cpu, count }];
  }

  #decode(fields: LineFields, cpu: number, seq: number): TraceEvent[] {
    switch (fields.tag) {
      case "owner":
        (this.#walks.get(cpu) ?? this.#open(cpu, null)).list.push(readOwner(fields, this.#reading));
        return [];
      case "walk":
        return this.#walk(fields, cpu, seq);
      case "port":
        this.#searches.set(cpu, readSearch(fields, this.#reading));
        return [];
      case "made":
        this.#makers.set(cpu, readMaker(fields, this.#reading));
        return [];
    }
    const t = this.#instant(fields.big());
    this.#latest = t;
    return fields.tag === "call" ? this.#call(fields, cpu, t) : readMoments(fields, t, this.#reading);
  }

  #call(fields: LineFields, cpu: number, t: Nanos): TraceEvent[] {
    const searched = this.#searchOf(cpu);
    this.#searches.delete(cpu);
    const { before, call } = readCall(fields, t, { search: searched, created: this.#makers.get(cpu) ?? null }, this.#reading);
    this.#makers.delete(cpu);
    const events = before ? [before] : [];
    if (this.#options.searches.length > 0) return [...events, ...this.#searched(this.#withoutUnseen(call), searched?.walked ?? null)];
    // The walk follows the call.
    if (call.errno === "EADDRINUSE" && portOf(call) !== 0) this.#open(cpu, call);
    else events.push(call);
    return events;
  }

  /** That a search was not told means nothing where those of this protocol never are. */
  #withoutUnseen(event: CallEvent): CallEvent {
    if (this.#options.searches.includes(event.socket.protocol === "udp" ? "udp" : "tcp")) return event;
    const { search: _, ...rest } = event;
    return rest;
  }

  /** A call in which the kernel searched for a port. The owners were told by the same thread before, maybe on another CPU. */
  #searched(event: CallEvent, walked: number | null): TraceEvent[] {
    const told = this.#told.get(event.tid);
    this.#told.delete(event.tid);
    if (walked === null) return [event];
    if (told?.place === walked) return [{ ...event, walk: told.walk }];
    if (this.#sequence.last(cpuOf(walked)) >= seqOf(walked)) return [event];
    this.#awaited.set(walked, event);
    return [];
  }

  /** Calls whose walk should have come from this CPU before this line, and so was lost. */
  #overdue(tag: string, cpu: number, seq: number): TraceEvent[] {
    // The walk of a call runs to its end before its CPU says anything else, so one that is open at another line was cut by a
    // loss. An interrupt may speak into a look.
    const cut = tag === "owner" || tag === "walk" || !this.#walks.get(cpu)?.call ? [] : this.#abandon(cpu);
    const due = [...this.#awaited].filter(
      ([place]) => cpuOf(place) === cpu && (seqOf(place) < seq || (seqOf(place) === seq && tag !== "walk")),
    );
    for (const [place] of due) this.#awaited.delete(place);
    return [...cut, ...due.map(([, call]) => call)];
  }

  /** The search that belongs to the call that this CPU tells of now. */
  #searchOf(cpu: number): Search | null | undefined {
    if (this.#options.searches.length === 0 || this.#gaps.has(cpu)) return undefined;
    return this.#searches.get(cpu) ?? null;
  }

  #walk(fields: LineFields, cpu: number, seq: number): TraceEvent[] {
    const open = this.#walks.get(cpu) ?? this.#open(cpu, null);
    this.#walks.delete(cpu);
    const { t, tid, duringSearch, walk } = readWalk(fields, open, this.#reading);
    this.#latest = Math.max(this.#latest, t);
    if (duringSearch) {
      const place = placeOf(cpu, seq);
      const call = this.#awaited.get(place);
      this.#awaited.delete(place);
      if (call) return [{ ...call, walk }];
      this.#told.delete(tid);
      this.#told.set(tid, { place, walk });
      keepLast(this.#told, MOST_TOLD);
      return [];
    }
    return [open.call ? { ...open.call, walk: withoutBinder(walk, open.call) } : { type: "look", t, seed: false, walk }];
  }

  /** A walk whose end never came. The call is kept; what was seen of its owners is not trusted. */
  #abandon(cpu: number): TraceEvent[] {
    const open = this.#walks.get(cpu);
    this.#walks.delete(cpu);
    return open?.call ? [open.call] : [];
  }

  #open(cpu: number, call: CallEvent | null): OpenWalk {
    const walk: OpenWalk = { call, list: [], lost: false };
    this.#walks.set(cpu, walk);
    return walk;
  }

  #instant(boot: bigint): Nanos {
    return safe(boot - (this.#anchor ?? boot));
  }

  #pointer(value: bigint): number {
    const known = this.#pointers.get(value) ?? this.#pointers.size + 1;
    this.#pointers.set(value, known);
    return known;
  }
}

/** The program leaves out the binder by its address; an MPTCP binder stands in the bucket as its subflow. */
function withoutBinder(walk: WalkFacts, call: CallEvent): WalkFacts {
  const owners = walk.owners.filter(({ sk }) => sk !== call.socket.sk);
  const self = walk.owners.length - owners.length;
  return { ...walk, owners, visited: walk.visited - self, possible: walk.possible - self, printed: walk.printed - self };
}
