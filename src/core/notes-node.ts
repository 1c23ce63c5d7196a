import { type CallEvent, portOf, type SocketFacts } from "./event.ts";
import { isInspectorPort, isNode } from "./notes-programs.ts";
import { type Actor, firstHolder, type HeldBlocker, isMarked, listeners, markValue, type Scene, unrelated, who } from "./notes-scene.ts";
import type { Process, Running } from "./process.ts";

/** What Node, its cluster module and pm2 add to a refusal. */

/**
 * `uv__tcp_bind` (libuv, src/unix/tcp.c, 1.x) keeps EADDRINUSE in `delayed_error`, and `uv__tcp_listen` returns it; every other
 * error, and those of UDP, it returns at once.
 */
export function libuvReportsListen(scene: Scene): string | null {
  const { call, binder } = scene;
  if (!isNode(binder) || !isRefusedBind(call) || call.socket.protocol === "udp" || isPrimary(scene, binder)) return null;
  const inCluster = isWorker(binder) ? "" : ' ("bind EADDRINUSE" in a worker for which a cluster primary binds)';
  return `libuv keeps this error until listen: Node says "listen EADDRINUSE"${inCluster}`;
}

const isRefusedBind = (call: CallEvent) => call.type === "bind" && call.operation === "bind" && call.errno === "EADDRINUSE";

/** The variable is told to a worker by `cluster.fork`, which takes it out of the environment that the worker passes on. */
const isWorker = (actor: Pick<Actor, "program" | "marks">) => isNode(actor) && isMarked(actor, "NODE_UNIQUE_ID");

const primaryOf = (worker: Actor): Running | undefined => worker.line.find(isNode);

/** The parent of a cluster worker that is known. */
function isPrimary({ table }: Scene, actor: Actor): boolean {
  if (!isNode(actor)) return false;
  for (const { comm, forked, facts } of table.processes.marked()) {
    if (!facts || (forked?.by.pid ?? facts.ancestors[0]?.pid) !== actor.pid) continue;
    if (isWorker({ program: facts.program ?? comm, marks: facts.marks })) return true;
  }
  return false;
}

export function clusterWorker(scene: Scene): string | null {
  const { call, binder } = scene;
  if (isWorker(binder) && isRefusedBind(call)) {
    const how = howAlone(call.socket);
    return `${who(binder)} is a Node cluster worker that binds for itself, as with ${how}; by default its primary binds, for all workers`;
  }
  return firstHolder({ blockers: listeners(scene) }, (holder, blocker) => {
    if (!isWorker(holder) || holder.pid === binder.pid) return null;
    return holdingWorker(holder, blocker);
  });
}

/** The options of server.listen by which a worker does not ask its primary. */
const howAlone = ({ reusePort }: SocketFacts) => (reusePort ? "reusePort: true" : "exclusive: true");

function holdingWorker(worker: Actor, { socket, holders }: HeldBlocker): string {
  const opener: Process | null = socket.opener?.process ?? null;
  if (opener === worker.process) {
    return `${who(worker)} is a Node cluster worker that bound for itself, as with ${howAlone(socket.facts)}: its primary has no part in it`;
  }
  const primary = primaryOf(worker);
  if (primary && (opener?.pid === primary.pid || holders.some(({ pid }) => pid === primary.pid))) {
    return `${who(worker)} is a Node cluster worker with a copy of the listener of its primary ${who(primary)}: the port is free when no copy is left`;
  }
  return `${who(worker)} is a Node cluster worker: unless it bound for itself (exclusive: true), its primary holds the listener too`;
}

export function clusterPrimary(scene: Scene): string | null {
  const { binder } = scene;
  if (isRefusedBind(scene.call) && isPrimary(scene, binder)) {
    return `${who(binder)} is the primary of a Node cluster: where it binds for a worker, that worker says "bind EADDRINUSE"`;
  }
  return firstHolder({ blockers: listeners(scene) }, (holder) =>
    holder.pid !== binder.pid && isPrimary(scene, holder)
      ? `${who(holder)} is the primary of a Node cluster: it holds what its workers listen on until the last of them has closed it`
      : null,
  );
}

/** pm2 sets `pm_id` in fork mode only; in cluster mode that is inside of `pm2_env`. What such a process starts inherits it. */
export function pm2ForkMode(scene: Scene): string | null {
  const { binder } = scene;
  if (!isPm2Fork(binder)) return null;
  return firstHolder(scene, (holder) =>
    isPm2Fork(holder) && unrelated(binder, holder) && holder.line[0]?.pid === binder.line[0]?.pid
      ? `pm2 runs ${who(holder)} and ${who(binder)} in fork mode, where each binds for itself; in cluster mode instances share one listener`
      : null,
  );
}

const isPm2Fork = (actor: Actor) =>
  isMarked(actor, "pm_id") && !isMarked(actor, "NODE_UNIQUE_ID") && (markValue(actor, "exec_mode") ?? "fork_mode") === "fork_mode";

/** `child_process.fork` passes `execArgv` on, everything else the environment with NODE_OPTIONS. */
export function inspectorPort(scene: Scene): string | null {
  const { call, binder } = scene;
  const port = portOf(call);
  if (call.errno !== "EADDRINUSE" || call.socket.protocol === "udp") return null;
  const found = isInspectorPort(binder, port) || firstHolder(scene, (holder) => (isInspectorPort(holder, port) ? "" : null)) !== null;
  if (!found) return null;
  return `${port} is a port of Node's inspector: child processes inherit --inspect by NODE_OPTIONS or execArgv, and then want the same port`;
}
