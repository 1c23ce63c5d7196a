import type { Nanos } from "../base/nanoseconds.ts";
import { exitText } from "./lineage.ts";
import { type Listener, type Listeners, ONE_STORY, overlap } from "./listeners.ts";
import { placeKey } from "./party.ts";
import type { Process } from "./process.ts";
import type { RestartRecord } from "./record.ts";
import { signalName } from "./signal.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

type Phase = RestartRecord["phases"][number];
export type TimedPhase = Phase & { t: Nanos };

/** Signals by which servers are told to go or to hand over: HUP, INT, QUIT, KILL, USR2, TERM (signal(7)). */
const SIGNALS: ReadonlySet<number> = new Set([1, 2, 3, 9, 12, 15]);
/** Longest time from the end of listening to the end of the socket where one exit or exec causes both. */
const AT_ONCE: Nanos = 10_000_000;

/** Collects what happened while listeners went: only what was seen. */
export class RestartPhases {
  readonly #table: SocketTable;
  readonly #listeners: Listeners;
  readonly #iso: (t: Nanos) => string;

  constructor(table: SocketTable, listeners: Listeners, iso: (t: Nanos) => string) {
    this.#table = table;
    this.#listeners = listeners;
    this.#iso = iso;
  }

  /** What happened to these listeners and their processes, up to `end`: of many ends the first and the last. */
  going(from: readonly Listener[], end: Nanos): TimedPhase[] {
    const closed = from.flatMap((listener) => this.#closed(listener));
    return [...this.signals(from, end), ...firstAndLast(this.#exits(from, end)), ...firstAndLast(closed)].sort(inTime);
  }

  /** The first signal of each kind. */
  signals(from: readonly Listener[], end: Nanos): TimedPhase[] {
    const sent = this.#processes(from).flatMap(({ process, since }) =>
      process.signals
        .filter(({ t, signal }) => SIGNALS.has(signal) && t >= since && t <= end)
        .map(({ t, signal, by }) => this.#phase("signalled", t, signalName(signal), process, { by: { pid: by.pid, comm: by.comm } })),
    );
    const sorted = sent.sort(inTime);
    return sorted.filter(({ detail }, index) => sorted.findIndex((other) => other.detail === detail) === index);
  }

  /** The end of the last connection of the old listeners that is known of, where the ends of all these were seen. */
  lastConnection(from: readonly Listener[], start: Nanos, end: Nanos): TimedPhase[] {
    const known = this.#connectionsAt(from, start).filter((socket) => socket.seenAt <= end && !wasOver(socket, start));
    const last = latest(
      known.filter((socket) => from.some((listener) => overlap(listener.socket, socket))),
      ({ destroyedAt }) => destroyedAt,
    );
    return last && last.t <= end ? [this.#phase("last-connection-gone", last.t, last.of.id)] : [];
  }

  /** When the last of these let the port go, if all have. */
  free(sockets: readonly Socket[], end: Nanos): TimedPhase[] {
    const last = latest(sockets, ({ releasedAt }) => releasedAt);
    if (!last || last.t > end) return [];
    const precision = last.of.releaseIsExact ? "exact" : "estimated";
    return [this.#phase("port-free", last.t, last.of.id, null, { precision })];
  }

  arrival({ socket, since, call }: Listener): TimedPhase[] {
    const { boundAt, opener, id } = socket;
    const bound = boundAt === null ? [] : [this.#phase("bound", boundAt, id, opener && { pid: opener.process.pid, comm: opener.comm })];
    return [...bound, this.#phase("listening", since, id, call)];
  }

  #exits(from: readonly Listener[], end: Nanos): TimedPhase[] {
    const exited = this.#processes(from).flatMap(({ process, since }) => {
      const { exitedAt, exit } = process;
      return exitedAt !== null && exitedAt >= since && exitedAt <= end ? [this.#phase("exited", exitedAt, exitText(exit), process)] : [];
    });
    return exited.sort(inTime);
  }

  /** Those that had one of them, and since when what happens to them is part of this story. */
  #processes(from: readonly Listener[]): { process: Process; since: Nanos }[] {
    const since = new Map<Process, Nanos>();
    for (const listener of from) {
      for (const process of this.#listeners.processesOf(listener)) since.set(process, (listener.until ?? 0) - ONE_STORY);
    }
    return [...since].map(([process, at]) => ({ process, since: at }));
  }

  /** The connections that these ports had at `start` or since, as far as walks showed them. */
  #connectionsAt(from: readonly Listener[], start: Nanos): Socket[] {
    const places = from.map(({ netns, port }) => ({ netns, protocol: "tcp" as const, port }));
    const ports = new Map(places.map((place) => [placeKey(place), place]));
    return [...ports.values()].flatMap((place) => this.#table.since(place, start)).filter(({ facts }) => facts.peer !== null);
  }

  #closed({ socket, until }: Listener): TimedPhase[] {
    if (until === null) return [];
    const { id, steps, endedBy, destroyedAt, releasedAt } = socket;
    const closer = steps.findLast(({ t, step, detail }) => step === "copy-closed" && detail === "0" && t <= until)?.process;
    const ended = destroyedAt ?? releasedAt;
    const process = closer ?? (ended !== null && ended - until < AT_ONCE ? endedBy?.process : undefined);
    return [this.#phase("listener-closed", until, id, process ?? null)];
  }

  #phase(
    phase: Phase["phase"],
    t: Nanos,
    detail: string,
    process: { pid: number; comm: string } | null = null,
    more: Partial<Phase> = {},
  ): TimedPhase {
    const who = { pid: process?.pid ?? null, comm: process?.comm ?? null };
    return { t, phase, at: this.#iso(t), precision: "exact", ...who, by: null, detail, ...more };
  }
}

export const inTime = (a: TimedPhase, b: TimedPhase) => a.t - b.t;

/** The longest way from one phase to the next, which names it. */
export function slowestOf(phases: readonly TimedPhase[]): RestartRecord["slowest"] {
  let slowest: RestartRecord["slowest"] = null;
  for (const [index, { phase, t }] of phases.entries()) {
    const ns = t - (phases[index - 1]?.t ?? t);
    if (index > 0 && (slowest === null || ns > slowest.ns)) slowest = { phase, ns };
  }
  return slowest;
}

/** The connection had ended when the story began: before that, nothing but its TIME_WAIT was ever seen, or its end was. */
function wasOver({ facts, inode, seenAt, destroyedAt }: Socket, start: Nanos): boolean {
  if (destroyedAt !== null) return destroyedAt < start;
  return facts.state === "TIME_WAIT" && inode === null && seenAt <= start;
}

/** The last of them; undefined where one has no such time. */
function latest<T>(all: readonly T[], timeOf: (one: T) => Nanos | null): { of: T; t: Nanos } | undefined {
  const timed = all.map((of) => ({ of, t: timeOf(of) }));
  if (timed.some(({ t }) => t === null)) return undefined;
  return timed
    .map(({ of, t }) => ({ of, t: t ?? 0 }))
    .reduce<{ of: T; t: Nanos } | undefined>((a, b) => (a && a.t >= b.t ? a : b), undefined);
}

const firstAndLast = (phases: readonly TimedPhase[]) => {
  const sorted = [...phases].sort(inTime);
  return sorted.length > 2 ? [...sorted.slice(0, 1), ...sorted.slice(-1)] : sorted;
};
