import type { Nanos } from "../base/nanoseconds.ts";
import { type CallEvent, portOf, requestedPort, type TraceEvent } from "./event.ts";
import { latestBut, Many } from "./many.ts";
import type { Observer } from "./observer.ts";
import { areKin, type Process } from "./process.ts";
import type { AttemptsRecord } from "./record.ts";
import type { Failure } from "./refusal.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** Longest time from the first call of a process to what /proc says of it (probe/process-teller.ts). */
const FACTS_COME_WITHIN: Nanos = 500_000_000;

/** Most series that may go on, those of the latest refusals: many a program tries once and never again. */
const MOST_SERIES = 4096;

/** Refusals in a row of one program at one address. */
interface Series {
  /** The last refused call. */
  last: CallEvent;
  first: Nanos;
  failures: number;
  unexplained: number;
  binders: Many<Process>;
  blockers: Many<Socket>;
}

/** A call that a series begins with, goes on with or ends with. */
type Attempt = { call: CallEvent; process: Process } & ({ failure: Failure } | { bound: Socket });

/** Tells a program's retries as one story: how often it was refused an address, by whom, and when it got it. */
export class Attempts implements Observer {
  readonly #table: SocketTable;
  readonly #iso: (t: Nanos) => string;
  /** Those that no success has ended, by what was asked for. */
  readonly #open = new Map<string, Series[]>();
  /** What is to be told of those that are too old to go on. */
  readonly #given: AttemptsRecord[] = [];
  /** What has not been put in order: a call that passed may be seen before the report of a refusal that came before it. */
  #unordered: Attempt[] = [];

  constructor(table: SocketTable, iso: (t: Nanos) => string) {
    this.#table = table;
    this.#iso = iso;
  }

  after(event: TraceEvent, settled: boolean): AttemptsRecord[] {
    if ((event.type === "bind" || event.type === "listen") && event.errno === null) this.#passed(event, settled);
    if (!settled) return [];
    const ended = this.#settle(event.t);
    return this.#given.length > 0 ? [...this.#given.splice(0), ...ended] : ended;
  }

  explained(failure: Failure): AttemptsRecord[] {
    this.#unordered.push({ call: failure.call, process: failure.process, failure });
    return [];
  }

  /** One refusal that no attempt followed has been told. */
  finish(): AttemptsRecord[] {
    const ended = this.#settle(Number.POSITIVE_INFINITY);
    return [...this.#given, ...ended, ...this.#failing([...this.#open.values()].flat())];
  }

  /** A series that is given up is told as one that failed. */
  forget(): void {
    const all = [...this.#open.values()].flat();
    const least = latestBut(MOST_SERIES, all, ({ last }) => last.t);
    const old = new Set(all.filter(({ last }) => last.t < least));
    for (const { last } of old) this.#keep(last, (series) => !old.has(series));
    this.#given.push(...this.#failing([...old]));
  }

  #failing(all: readonly Series[]): AttemptsRecord[] {
    return all.filter(({ failures }) => failures > 1).map((series) => this.#record(series, null));
  }

  #passed(call: CallEvent, settled: boolean): void {
    const process = this.#table.processes.get(call.pid);
    const bound = this.#table.find(call.socket.sk, call.socket.inode);
    // What nothing waits for ends no series.
    if (process && bound && (this.#open.size > 0 || !settled || this.#unordered.length > 0)) this.#unordered.push({ call, process, bound });
  }

  /** Puts what was seen up to `now` in order, as far as it is known whose attempt it was. */
  #settle(now: Nanos): AttemptsRecord[] {
    if (this.#unordered.length === 0) return [];
    this.#unordered.sort((a, b) => a.call.t - b.call.t);
    const records: AttemptsRecord[] = [];
    for (let next = this.#unordered[0]; next && !this.#awaitsFacts(next, now); next = this.#unordered[0]) {
      this.#unordered.shift();
      if ("failure" in next) this.#refused(next.failure);
      else records.push(...this.#got(next));
    }
    return records;
  }

  /** What /proc says of a process comes some milliseconds after its first call, and its name alone may be that of another program. */
  #awaitsFacts({ call, process }: Attempt, now: Nanos): boolean {
    if (process.facts || process.exitedAt !== null || now - call.t > FACTS_COME_WITHIN) return false;
    return this.#at(call).some((series) => series.last.comm === call.comm && !this.#isRelated(series, process));
  }

  #refused({ call, process, verdict }: Failure): void {
    const series = this.#seriesOf(call, process) ?? this.#begin(call);
    series.last = call;
    series.failures++;
    if (verdict.blockers.length === 0) series.unexplained++;
    series.binders.add(process);
    for (const { socket } of verdict.blockers) series.blockers.add(socket);
  }

  #begin(call: CallEvent): Series {
    const sets = { binders: new Many<Process>(), blockers: new Many<Socket>() };
    const series: Series = { last: call, first: call.t, failures: 0, unexplained: 0, ...sets };
    this.#open.set(keyOf(call), [...this.#at(call), series]);
    return series;
  }

  /** A bind that passes does not end what fails at listen. */
  #got({ call, process, bound }: { call: CallEvent; process: Process; bound: Socket }): AttemptsRecord[] {
    const series = this.#seriesOf(call, process);
    if (series?.last.type !== call.type) return [];
    this.#keep(call, (other) => other !== series);
    return [this.#record(series, { socket: bound.id, at: this.#iso(call.t), pid: call.pid, comm: call.comm }, call.t)];
  }

  /** Of those that asked for the same. */
  #keep(call: CallEvent, goesOn: (series: Series) => boolean): void {
    const left = this.#at(call).filter(goesOn);
    if (left.length > 0) this.#open.set(keyOf(call), left);
    else this.#open.delete(keyOf(call));
  }

  #at(call: CallEvent): Series[] {
    return this.#open.get(keyOf(call)) ?? [];
  }

  #seriesOf(call: CallEvent, process: Process): Series | undefined {
    return this.#at(call).find((series) => this.#sameProgram(series, call, process));
  }

  /** One that it is related to, or of the same name and not known to run another command. */
  #sameProgram(series: Series, call: CallEvent, process: Process): boolean {
    if (this.#isRelated(series, process)) return true;
    const commands = new Set([...series.binders.some, process].map(commandOf).filter((command) => command !== undefined));
    return series.last.comm === call.comm && commands.size < 2;
  }

  #isRelated({ binders }: Series, process: Process): boolean {
    return binders.has(process) || binders.some.some((binder) => areKin(binder, process));
  }

  #record(series: Series, bound: AttemptsRecord["bound"], until = series.last.t): AttemptsRecord {
    const { last, first, failures, unexplained, binders, blockers } = series;
    const { netns, protocol } = last.socket;
    return {
      type: "attempts",
      operation: last.type,
      netns,
      protocol,
      address: addressOf(last),
      port: portOf(last),
      first: this.#iso(first),
      last: this.#iso(last.t),
      failures,
      lastedNs: until - first,
      binders: binders.kept.map(({ pid, comm }) => ({ pid, comm })),
      blockers: blockers.kept.map(({ id }) => id),
      ...(binders.dropped + blockers.dropped > 0 && { notKept: { binders: binders.dropped, blockers: blockers.dropped } }),
      unexplained,
      bound,
    };
  }
}

/** What was asked for; where the kernel's search was seen, what that looked for. */
const addressOf = (call: CallEvent) => (call.type === "bind" && !call.search ? call.requested : call.socket).address;

function keyOf(call: CallEvent): string {
  const { netns, protocol } = call.socket;
  return `${netns} ${protocol === "udp"} ${requestedPort(call)} ${addressOf(call)}`;
}

/** A process may be told of before or after it has given itself another command line. */
const commandOf = ({ facts }: Process) => facts?.execCommand ?? facts?.command;
