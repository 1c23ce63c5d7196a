import { type Nanos, SECOND } from "../base/nanoseconds.ts";
import { ANY6, endpoint } from "./address.ts";
import type { SocketFacts } from "./event.ts";
import { exitText } from "./lineage.ts";
import { watcherName } from "./notes-programs.ts";
import { type Actor, firstHolder, isMarked, lasting, markValue, type Scene, unrelated, who } from "./notes-scene.ts";
import { binderParty } from "./party.ts";
import type { Process } from "./process.ts";
import { signalName } from "./signal.ts";

/** How the processes on both sides are related, and what has become of them. */

const SIGCONT = 18;
const SIGSTOP = 19;
/** SIGTSTP, SIGTTIN and SIGTTOU can be handled, SIGSTOP cannot (signal(7)). */
const STOP_SIGNALS = [SIGSTOP, 20, 21, 22];

export function sameProcess({ call, binder, blockers }: Scene): string | null {
  return firstHolder({ blockers }, (holder, blocker) => {
    if (holder.pid !== binder.pid) return null;
    const { socket, facts } = blocker;
    const inItsWay = `${who(binder)} is in its own way`;
    if (facts.peer) return `${inItsWay}: it holds ${socket.id}, a connection on this port`;
    const { boundAt, opener } = socket;
    const own = opener?.process === binder.process && boundAt !== null ? `bound ${socket.id} ${lasting(call.t - boundAt)} before` : null;
    return `${inItsWay}: ${dualStack(call, facts) ?? `it ${own ?? `holds ${socket.id} already`}`}`;
  });
}

/** Why sockets of two families meet, null where they are of one. */
function dualStack(call: Scene["call"], owner: SocketFacts): string | null {
  const binder = binderParty(call);
  const isDual = (party: Pick<SocketFacts, "address" | "ipv6Only">) => party.address === ANY6 && !party.ipv6Only;
  const [dual, other] = isDual(owner) ? [owner, binder] : [binder, owner];
  if (!isDual(dual) || other.family !== "ipv4") return null;
  const taken =
    dual === owner ? `so ${endpoint(other.address, owner.port)} is taken` : `and it holds ${endpoint(other.address, owner.port)}`;
  return `without IPV6_V6ONLY ${endpoint(ANY6, owner.port)} takes IPv4 too, ${taken}`;
}

export function sameCommand({ binder, blockers }: Scene): string | null {
  return firstHolder({ blockers }, (holder) => {
    const same = holder.command !== "" && holder.command === binder.command && holder.program === binder.program;
    if (!same || !unrelated(holder, binder)) return null;
    const between = holder.startedAt === null || binder.startedAt === null ? null : binder.startedAt - holder.startedAt;
    const when = between === null || between <= 0 ? "" : `, started ${lasting(between)} earlier`;
    return `${who(holder)} is another process of the same program with the same command line${when}`;
  });
}

/**
 * The watcher has a new child while an earlier one still has the port. Two processes below the same child of the watcher are of
 * one run, and no overlap.
 */
export function watcherOverlap(scene: Scene): string | null {
  const { call, binder } = scene;
  return firstHolder(scene, (holder) => {
    if (!unrelated(holder, binder) || holder.startedAt === null || binder.startedAt === null) return null;
    const between = binder.startedAt - holder.startedAt;
    const watcher = between > 0 ? commonWatcher(holder, binder) : null;
    if (!watcher) return null;
    const sent = holder.process?.signals.findLast(({ t, signal }) => t <= call.t && signal !== SIGCONT && !STOP_SIGNALS.includes(signal));
    const told = sent ? `got ${signalName(sent.signal)} ${lasting(call.t - sent.t)} before this` : "was not seen to get a signal";
    return `${watcher} started ${who(binder)} while its ${who(holder)}, ${lasting(between)} older, still had the port; that one ${told}`;
  });
}

/** `nodemon (pid 5)`, the nearest watcher above both. */
function commonWatcher(one: Actor, other: Actor): string | null {
  for (const [index, ancestor] of one.line.entries()) {
    const at = other.line.findIndex(({ pid }) => pid === ancestor.pid);
    const name = at < 0 || childBelow(one, index) === childBelow(other, at) ? null : watcherName(ancestor);
    if (name !== null) return `${name} (pid ${ancestor.pid})`;
  }
  return null;
}

/** Which child of an ancestor leads to the process. */
const childBelow = (actor: Actor, ancestor: number) => (actor.line[ancestor - 1] ?? actor).pid;

/** Longest time until a process that was told to stop has done so: it has to get its turn first. */
const UNTIL_STOPPED: Nanos = SECOND;

/** /proc is asked for the holders after the refusal; what was told of them before that may be older than a signal. */
export function stoppedHolder(scene: Scene): string | null {
  return firstHolder(scene, (holder) => {
    const { process } = holder;
    if (!process || process.exitedAt !== null) return null;
    const { facts, signals } = process;
    const last = signals.findLast(({ signal }) => signal === SIGCONT || STOP_SIGNALS.includes(signal));
    if (facts?.state === "T" && (!last || last.t <= facts.t || last.signal !== SIGCONT)) return stopText(holder, "is stopped");
    if (!last || last.signal === SIGCONT || (facts && facts.t >= last.t + UNTIL_STOPPED)) return null;
    return stopText(holder, last.signal === SIGSTOP ? "is stopped" : `got ${signalName(last.signal)}, which stops it unless it is handled`);
  });
}

const stopText = (holder: Actor, how: string) =>
  `${who(holder)} ${how}: a stopped process keeps the port, and until SIGCONT only SIGKILL ends it`;

export function launcherGone(scene: Scene): string | null {
  const { call, binder } = scene;
  return firstHolder(scene, (holder) => {
    if (holder.pid === binder.pid) return null;
    const by = launcherOf(holder.process);
    if (by?.exitedAt != null && by.exitedAt <= call.t) {
      return `${who(holder)} outlived ${who(by)}, which had started it and ended ${lasting(call.t - by.exitedAt)} before (${exitText(by.exit)})`;
    }
    const [parent] = holder.line;
    // /proc told of one parent when it bound, and of another one at the refusal.
    const told = holder.process?.facts?.ancestors[0];
    if (told && told.pid !== 1 && holder.parent !== null && holder.parent !== told.pid) {
      return `${who(holder)} outlived ${who(told)}, which had started it: its parent is process ${holder.parent} now`;
    }
    if (!isMarked(holder, "npm_lifecycle_event") || !parent || !INITS.includes(parent.program)) return null;
    const script = markValue(holder, "npm_lifecycle_event");
    return `${who(holder)} was started by npm${script ? ` (npm run ${script})` : ""}, which is gone: its parent is ${who(parent)} now`;
  });
}

/** Who forked the process, or the shell that did. */
function launcherOf(process: Process | null): Process | undefined {
  let by = process?.forked?.by;
  while (by && SHELLS.includes(by.facts?.program ?? by.comm) && by.exitedAt === null && by.forked) by = by.forked.by;
  return by;
}

const SHELLS = ["sh", "dash", "bash"];

/** What a process falls to when its parent ends: pid 1, or the service manager of the user (PR_SET_CHILD_SUBREAPER). */
const INITS = ["systemd", "init", "tini", "dumb-init", "docker-init", "catatonit"];
