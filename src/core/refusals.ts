import { type CallEvent, type EventOf, type Header, portOf } from "./event.ts";
import { explain } from "./explain.ts";
import { certainFaults, type KernelFault } from "./faults.ts";
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

/** The refused calls: each waits for the first word about its holders, is reported in its turn, and followed until its blockers let go. */
export class Refusals {
  readonly #context: RefusalsContext;
  readonly #faults: KernelFault[];
  /** Calls whose holders are still being looked for, by instant and thread. */
  readonly #waiting = new Map<string, Refusal>();
  /** Reported failures whose search for holders goes on. */
  readonly #searching = new Map<string, Failure>();
  /** By each blocker that has not let go: the reported failures that it caused. */
  readonly #open = new Map<Socket, Set<Failure>>();
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
    return [...this.#reportReady(), ...this.releases()];
  }

  /** Reports what is still waiting. */
  finish(): OutputRecord[] {
    const waiting = [...this.#waiting.values()].flatMap((refusal) => this.#report(refusal).records);
    this.#waiting.clear();
    return [...waiting, ...this.releases()];
  }

  /** Releases that reported failures wait for. They are told after every refusal that came before them. */
  releases(): OutputRecord[] {
    if (!this.settled) return [];
    const freed = [...this.#open.keys()].filter(({ releasedAt }) => releasedAt !== null);
    const failures = new Set(freed.flatMap((socket) => [...(this.#open.get(socket) ?? [])]));
    for (const socket of freed) this.#open.delete(socket);
    return [...failures].sort((a, b) => numberOf(a) - numberOf(b)).flatMap((failure) => this.#releases(failure));
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
    const failure: Failure = { ...refusal, verdict, released: new Set() };
    if (row) row.blockers = verdict.blockers.map(({ socket }) => socket);
    if (!reports(call)) return { failure, records: [] };
    timelines.report(refusal.binder, portOf(call));
    this.#counts.failures++;
    if (verdict.confidence !== "unknown") this.#counts.explained++;
    for (const { socket } of verdict.blockers) this.#open.set(socket, (this.#open.get(socket) ?? new Set()).add(failure));
    const last = this.#lastReported;
    this.#repeats = last && isRepeat(last, failure) ? this.#repeats + 1 : 0;
    this.#lastReported = failure;
    onReported(failure);
    return { failure, records: [records.failure(failure, this.#repeats, header)] };
  }

  /** Release records that a reported failure still owes. */
  #releases(failure: Failure): OutputRecord[] {
    const freed = failure.verdict.blockers
      .map(({ socket }) => socket)
      .filter((socket) => socket.releasedAt !== null && !failure.released.has(socket));
    for (const socket of freed) failure.released.add(socket);
    return freed.map((socket) => this.#context.records.release(failure, socket));
  }
}

/** They are numbered in the order in which they happened, and reported. */
const numberOf = ({ id }: Refusal) => Number(id.slice(1));

const key = ({ t, tid }: Pick<CallEvent, "t" | "tid">) => `${t}/${tid}`;
