import { type Nanos, SECOND } from "../base/nanoseconds.ts";
import { type CallEvent, type EventOf, type Header, portOf } from "./event.ts";
import { explain } from "./explain.ts";
import { certainFaults, type KernelFault } from "./faults.ts";
import { longOver } from "./known-sockets.ts";
import { dropMiddle } from "./many.ts";
import type { PortTimelines } from "./port-timelines.ts";
import type { OutputRecord, SummaryRecord } from "./record.ts";
import type { RecordBuilder } from "./records.ts";
import { type Failure, isRepeat, type Refusal } from "./refusal.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable, WalkedOwner } from "./table.ts";

/** What the refused calls need of the story that they are part of. */
export interface RefusalsContext {
  header: Header;
  table: SocketTable;
  timelines: PortTimelines;
  records: RecordBuilder;
  /** Which of them are reported. */
  reports(call: CallEvent): boolean;
  /** This one has just been reported. */
  onReported(failure: Failure): void;
}

/** A reported failure that is yet to be told when one of its blockers lets go. There may be thousands: no more is kept of it. */
interface Owed {
  number: number;
  t: Nanos;
  /** Place of the blocker among those of the failure. */
  order: number;
}

/** How long the end of a search for holders is waited for: a look at all processes takes seconds at most. */
const LONGEST_SEARCH: Nanos = 600 * SECOND;

/** Of the refusals by a server that stays for days, so many of the first and of the last, at least, are told when it lets go. */
const MOST_OWED = 4096;

/** The refused calls: each waits for the first word about its holders, is reported in its turn, and followed until its blockers let go. */
export class Refusals {
  readonly #context: RefusalsContext;
  readonly #faults: KernelFault[];
  /** Calls whose holders are still being looked for, by instant and thread. */
  readonly #waiting = new Map<string, Refusal>();
  /** Reported failures whose search for holders goes on. */
  readonly #searching = new Map<string, Failure>();
  /** By each blocker that has not let go, or of which that was not told: the reported failures that it caused. */
  readonly #open = new Map<Socket, Owed[]>();
  /** Those of them that have let go. */
  readonly #freed = new Set<Socket>();
  readonly #counts = { seen: 0, failures: 0, explained: 0 };
  #lastReported: Failure | undefined;
  #repeats = 0;

  constructor(context: RefusalsContext) {
    this.#context = context;
    this.#faults = certainFaults(context.header.kernel.version);
  }

  /** No refused call waits for its report. */
  get settled(): boolean {
    return this.#waiting.size === 0;
  }

  /** How many have been reported, and how many of these explained. */
  get counts(): Pick<SummaryRecord, "failures" | "explained"> {
    const { failures, explained } = this.#counts;
    return { failures, explained };
  }

  /** A call was refused while these sockets had the port. */
  add(event: CallEvent, owners: WalkedOwner[]): void {
    const { table, timelines } = this.#context;
    const binder = table.call(event);
    const id = `f${++this.#counts.seen}`;
    const row = timelines.add("refused", event.t, binder, event, id, portOf(event));
    const process = table.processes.seen(event.pid, event.comm);
    const unknown = { holders: new Map(), holdersComplete: false, unseenListeners: [], ready: false };
    this.#waiting.set(key(event), { id, call: event, binder, process, owners, ...unknown, row });
  }

  /** Who holds the sockets that were in the way of one of them. */
  holders(event: EventOf<"holders">): OutputRecord[] {
    if (event.failureAt === null || event.tid === null) return [];
    const at = key({ t: event.failureAt, tid: event.tid });
    const refusal = this.#waiting.get(at) ?? this.#searching.get(at);
    if (!refusal) return [];
    for (const { inode, holders } of event.sockets) refusal.holders.set(inode, holders);
    refusal.holdersComplete = event.complete;
    refusal.unseenListeners = event.listeners ?? [];
    const late = this.#searching.get(at);
    if (late) {
      this.#searching.delete(at);
      return this.#context.reports(late.call) ? this.#context.records.holders(late, event.t) : [];
    }
    refusal.ready = true;
    return [...this.#reportReady(), ...this.#releases()];
  }

  /** A socket has let go of its port. */
  freed(socket: Socket): OutputRecord[] {
    if (this.#open.has(socket)) this.#freed.add(socket);
    return this.#releases();
  }

  /** It is yet to be told when this socket lets go. */
  awaits(socket: Socket): boolean {
    return this.#open.has(socket);
  }

  /** Gives up searches of which nothing will come any more, and blockers whose end was not seen. */
  forget(now: Nanos): void {
    for (const socket of longOver(this.#open.keys(), now)) if (!this.#freed.has(socket)) this.#open.delete(socket);
    for (const [at, { call }] of this.#searching) if (call.t < now - LONGEST_SEARCH) this.#searching.delete(at);
  }

  /** Reports what is still waiting. */
  finish(): OutputRecord[] {
    const waiting = [...this.#waiting.values()].flatMap((refusal) => this.#report(refusal).records);
    this.#waiting.clear();
    return [...waiting, ...this.#releases()];
  }

  /** Releases that reported failures wait for. They are told after every refusal that came before them. */
  #releases(): OutputRecord[] {
    if (!this.settled || this.#freed.size === 0) return [];
    // One that has taken a port again since is told of when it lets go of that.
    const freed = [...this.#freed].filter(({ releasedAt }) => releasedAt !== null);
    const all = freed.flatMap((socket) => (this.#open.get(socket) ?? []).map((owed) => ({ ...owed, socket })));
    for (const socket of freed) this.#open.delete(socket);
    this.#freed.clear();
    all.sort((a, b) => a.number - b.number || a.order - b.order);
    return all.map(({ number, t, socket }) => this.#context.records.release({ id: `f${number}`, t }, socket));
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
    const { call, owners, unseenListeners, row } = refusal;
    const { header, table, timelines, records, reports, onReported } = this.#context;
    const { kernel, filters } = header;
    const remembered = table.heldDuring(call.socket, call.enteredAt, call.t);
    const seeded = filters.ports.length > 0;
    const verdict = explain(call, { owners, remembered, unseenListeners, seeded, kernel, faults: this.#faults });
    const failure: Failure = { ...refusal, verdict };
    if (row) row.blockers = verdict.blockers.map(({ socket }) => socket);
    if (!reports(call)) return { failure, records: [] };
    timelines.report(refusal.binder, portOf(call));
    this.#counts.failures++;
    if (verdict.confidence !== "unknown") this.#counts.explained++;
    this.#awaitRelease(failure);
    const last = this.#lastReported;
    this.#repeats = last && isRepeat(last, failure) ? this.#repeats + 1 : 0;
    this.#lastReported = failure;
    onReported(failure);
    return { failure, records: [records.failure(failure, this.#repeats, header)] };
  }

  #awaitRelease({ id, call, verdict }: Failure): void {
    // They are numbered in the order in which they happened, and reported.
    const number = Number(id.slice(1));
    for (const [order, { socket }] of verdict.blockers.entries()) {
      const owed = { number, t: call.t, order };
      const others = this.#open.get(socket);
      if (others) {
        others.push(owed);
        dropMiddle(others, MOST_OWED);
      } else this.#open.set(socket, [owed]);
      if (socket.releasedAt !== null) this.#freed.add(socket);
    }
  }
}

const key = ({ t, tid }: Pick<CallEvent, "t" | "tid">) => `${t}/${tid}`;
