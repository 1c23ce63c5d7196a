import { roleOf } from "./notes-programs.ts";
import { type Actor, firstHolder, type HeldBlocker, isMarked, listeners, type Scene, who } from "./notes-scene.ts";
import { workloadOf } from "./workload.ts";

/** What the arrangement of processes that hold a listener says: whom to stop, so that it goes. */

/** systemd keeps its own descriptor of what a .socket unit listens on, and passes copies to the service (systemd.socket(5), sd_listen_fds(3)). */
export function systemdSocket(scene: Scene): string | null {
  const owned = { blockers: listeners(scene) };
  return (
    firstHolder(owned, (holder, { holders }) => (holder.program === "systemd" ? heldBySystemd(holder, holders) : null)) ??
    firstHolder(owned, (holder, blocker) => {
      if (isActivator(holder.program)) return `${who(holder)} holds it for the program that it starts when somebody connects`;
      return passedBySystemd(holder, blocker);
    })
  );
}

/** `systemd-socket-activate`, whose name is cut off where that is all there is. */
const isActivator = (program: string) => program.startsWith("systemd-socket-");

function heldBySystemd(systemd: Actor, holders: readonly Actor[]): string {
  const unit = holders.map(serviceOf).find((name) => name !== null);
  const whose = unit ? ` for a .socket unit that starts ${unit}` : " as it holds those of .socket units";
  const user = systemd.command.split(" ").includes("--user") ? " --user" : "";
  return `${who(systemd)} holds it,${whose}: systemctl${user} list-sockets names the unit to stop`;
}

/** The variable is inherited, and a service may bind other sockets by itself: only where systemd was seen to bind it, it came from there. */
function passedBySystemd(holder: Actor, { socket: { opener } }: HeldBlocker): string | null {
  if (!isMarked(holder, "LISTEN_FDS")) return null;
  const unit = serviceOf(holder);
  const as = unit ? ` as ${unit}` : "";
  const tells = "systemctl list-sockets tells whether a .socket unit has it";
  if (opener === null) return `${who(holder)} was started${as} with sockets (LISTEN_FDS), maybe with this one: ${tells}`;
  return opener.comm.startsWith("systemd") ? `${who(holder)} was started${as} with this socket (LISTEN_FDS): ${tells}` : null;
}

function serviceOf({ process }: Actor): string | null {
  const { unit } = workloadOf(process?.facts?.cgroup ?? null);
  return unit?.endsWith(".service") ? unit : null;
}

export function dockerProxy(scene: Scene): string | null {
  return firstHolder({ blockers: listeners(scene) }, (holder, { facts }) => {
    if (holder.program !== "docker-proxy") return null;
    const address = option(holder, "container-ip");
    const port = option(holder, "container-port");
    const where = address !== null && port !== null ? ` at ${address} port ${port}` : "";
    return `${who(holder)} publishes this port for the container${where}: docker ps --filter publish=${facts.port} names it`;
  });
}

/** docker-proxy takes `-name value`, and Go's flags allow `--name=value` too. */
const option = ({ command }: Actor, name: string) => new RegExp(` --?${name}[ =]([0-9A-Fa-f.:]+)(?= |$)`).exec(command)?.[1] ?? null;

export function serverMaster(scene: Scene): string | null {
  return firstHolder({ blockers: listeners(scene) }, (holder, { holders }) => {
    const role = roleOf(holder, holders);
    if (role?.role !== "master") return null;
    return `${who(holder)} is the master of ${role.server}: SIGTERM to it ends its workers too and frees the port, ending a worker does not`;
  });
}

export function serverWorker(scene: Scene): string | null {
  return firstHolder({ blockers: listeners(scene) }, (holder, { holders }) => {
    const role = roleOf(holder, holders);
    if (role?.role !== "worker" || role.master === undefined) return null;
    return role.master === null
      ? `${who(holder)} is a worker of ${role.server} that outlived its master: it keeps the port until it ends as well`
      : `${who(holder)} is a worker of ${role.server}: end its master ${who(role.master)}, which may replace a worker that ends`;
  });
}
