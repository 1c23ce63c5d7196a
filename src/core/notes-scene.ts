import { formatDuration, MILLISECOND, type Nanos } from "../base/nanoseconds.ts";
import type { CallEvent, Header, Holder, SocketFacts } from "./event.ts";
import { lastHolderOf } from "./holding.ts";
import { ancestorsOf, type Process, type Processes, type Running } from "./process.ts";
import type { Failure } from "./refusal.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** The binder or a holder, with what is known of it by the time of the report. */
export interface Actor extends Running {
  marks: readonly string[];
  startedAt: Nanos | null;
  /** Its parent when its descriptors were looked at. */
  parent: number | null;
  process: Process | null;
  /** Its parent, the parent of that, and so on. */
  line: readonly Running[];
}

export interface HeldBlocker {
  socket: Socket;
  facts: SocketFacts;
  holders: readonly Actor[];
}

/** A refusal as the notes look at it. */
export interface Scene {
  call: CallEvent;
  /** Who made the call. */
  process: Process;
  binder: Actor;
  /** The first of the blockers, the one to blame most at first. */
  blockers: readonly HeldBlocker[];
  table: SocketTable;
  header: Header;
}

/** What a note says of a scene; null: it does not apply. */
export type Say = (scene: Scene) => string | null;

/** Thousands of connections can be in the way: the first ones tell who it is. */
const MOST_BLOCKERS = 32;
const NO_INODE = -1;

export function sceneOf(failure: Failure, table: SocketTable, header: Header): Scene {
  const { call, process, verdict } = failure;
  const { processes } = table;
  const actors = new Map<number, Actor>();
  const holderActor = (holder: Holder): Actor => {
    const actor = actors.get(holder.pid) ?? actorOf(processes, aliveAt(processes.get(holder.pid), call.enteredAt), holder);
    actors.set(holder.pid, actor);
    return actor;
  };
  const blockers = verdict.blockers.slice(0, MOST_BLOCKERS).map(({ socket, facts }) => {
    const inode = facts.inode ?? NO_INODE;
    const found = failure.holders.get(inode) ?? [];
    const before = table.lastHolders.get(inode) ?? [];
    const last = facts.state === "TIME_WAIT" || found.length > 0 ? null : lastHolderOf(socket, before);
    const holders = last
      ? [actorOf(processes, last.process, last.known[0] ?? { pid: last.process.pid, comm: last.comm })]
      : found.map(holderActor);
    return { socket, facts, holders };
  });
  return { call, process, binder: actorOf(processes, process, call), blockers, table, header };
}

/** A process that ended before the call is an earlier one of the same pid. */
const aliveAt = (process: Process | undefined, t: Nanos) =>
  process && (process.exitedAt === null || process.exitedAt >= t) ? process : null;

/** `seen`: what is known of it beside what /proc told of the process. */
function actorOf(
  processes: Processes,
  process: Process | null,
  seen: { pid: number; comm: string; command?: string; startedAt?: Nanos | null; parent?: number },
): Actor {
  const facts = process?.facts ?? null;
  return {
    pid: seen.pid,
    comm: seen.comm,
    program: facts?.program ?? seen.comm,
    command: facts?.command ?? seen.command ?? "",
    parent: seen.parent ?? null,
    marks: facts?.marks ?? [],
    startedAt: process?.forked?.t ?? facts?.startedAt ?? seen.startedAt ?? null,
    process,
    line: process ? lineOf(processes, process) : [],
  };
}

/** Its ancestors, with the command lines that were read of them at another time. */
const lineOf = (processes: Processes, process: Process): Running[] =>
  ancestorsOf(process).map((one) => (one.command === "" ? { ...one, command: processes.get(one.pid)?.facts?.command ?? "" } : one));

/** What is said of the first holder that it applies to. `say` gets each holder of each blocker in turn. */
export function firstHolder(
  { blockers }: Pick<Scene, "blockers">,
  say: (holder: Actor, blocker: HeldBlocker) => string | null,
): string | null {
  for (const blocker of blockers) {
    for (const holder of blocker.holders) {
      const text = say(holder, blocker);
      if (text !== null) return text;
    }
  }
  return null;
}

/** The blockers that are no connections: what a process bound, and others may have got from it. */
export const listeners = ({ blockers }: Scene): HeldBlocker[] => blockers.filter(({ facts }) => facts.peer === null);

/** Whether a variable that marks processes was in its environment. */
export const isMarked = ({ marks }: Pick<Actor, "marks">, name: string) =>
  marks.some((mark) => mark === name || mark.startsWith(`${name}=`));

/** The value of such a variable where it was told. */
export function markValue({ marks }: Actor, name: string): string | null {
  return marks.find((mark) => mark.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

/** Neither of the two comes from the other. */
export const unrelated = (a: Actor, b: Actor) =>
  a.pid !== b.pid && !a.line.some(({ pid }) => pid === b.pid) && !b.line.some(({ pid }) => pid === a.pid);

/** `node[20]`. */
export const who = ({ comm, pid }: { comm: string; pid: number }) => `${comm || "?"}[${pid}]`;

/** A duration in plain ASCII. */
export const lasting = (nanos: Nanos) => (nanos < MILLISECOND ? "less than 1 ms" : formatDuration(nanos));
