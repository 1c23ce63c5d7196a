/** What a process runs as, by the path of its control group. Null: the path does not tell. */
export interface Workload {
  /** systemd's unit as systemctl names it (`nginx.service`, `session-3.scope`); of a container that runs systemd, the unit in there. */
  unit: string | null;
  /** Full id of a container of docker, podman, containerd or CRI-O; name of one of LXC or systemd-nspawn. The innermost one. */
  container: string | null;
  /** uid of a Kubernetes pod as kubectl shows it. */
  pod: string | null;
}

/** A name that systemd takes for a unit with processes (unit_name_is_valid, src/basic/unit-name.c). Slices have none of their own. */
const UNIT = /^[\w:.\\-]+(?:@[\w:.\\@-]+)?\.(?:service|scope|socket|mount|swap)$/;
/** The service manager of a user: the units below it are those of the user. */
const USER_MANAGER = /^user@\d+\.service$/;
/** A container's group by its id, alone (cgroupfs) or named by its runtime, such as `docker-ID.scope` (runc, crun). */
const BY_ID = /^(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?$/;
/** conmon stands outside of the container that it watches. */
const CONMON = /(?:^|-)conmon(?:$|-)/;
/** systemd's way to write a container under a slice, where the runtime took it for a plain path. */
const UNPARSED = /^(.+\.slice):[^:]*:([^:]+)$/;
/** A pod under the systemd driver, dashes of its uid written as underscores; `--cgroup-root` is a prefix (kubelet, pkg/kubelet/cm). */
const POD_SLICE = /^(?:.*-)?kubepods(?:-(?:burstable|besteffort))?-pod([^-]+)\.slice$/;
/** systemd-nspawn keeps its container in this subgroup (src/nspawn/nspawn-cgroup.c): of a virtual machine there is none. */
const PAYLOAD = "payload";
const MACHINE = /^(?:systemd-nspawn@(.+)\.service|(?:machine-)?(.+)\.scope)$/;

/**
 * Reads the path of a control group from the root inwards. Slices, scopes and services are systemd's (systemd.slice(5),
 * cg_path_get_unit in src/basic/cgroup-util.c); container ids are in the names that runc and crun give under their drivers
 * `systemd` and `cgroupfs`; pods in those of the kubelet; `lxc.payload.NAME` is LXC's from 4.0, `lxc/NAME` the older form.
 * A name is evidence of who made the group, no proof: whoever may make groups can call one like this.
 */
export function workloadOf(cgroup: string | null): Workload {
  const workload: Workload = { unit: null, container: null, pod: null };
  const segments = (cgroup ?? "").split("/").filter((segment) => segment !== "");
  /** Groups below a unit are its own, and no units. */
  let inUnit = false;
  segments.forEach((segment, index) => {
    const outer = segments.slice(0, index);
    workload.pod = podOf(segment, outer) ?? workload.pod;
    const container = containerOf(segment, outer);
    if (container !== null) {
      workload.container = container;
      // A scope made for a container says no more than the container does; a service may be one that an administrator wrote.
      if ((segment === PAYLOAD ? outer.at(-1) : segment)?.endsWith(".scope")) workload.unit = null;
      inUnit = false;
    } else if (segment === "conmon") {
      workload.container = null;
    } else if (!inUnit) {
      const unit = unescapeGroup(segment);
      if (!UNIT.test(unit)) return;
      workload.unit = unit;
      inUnit = !USER_MANAGER.test(unit);
    }
  });
  return workload;
}

function containerOf(segment: string, outer: readonly string[]): string | null {
  const parent = outer.at(-1) ?? "";
  if (segment === PAYLOAD && outer.includes("machine.slice")) {
    const machine = MACHINE.exec(parent);
    return machine ? unescapeName(machine[1] ?? machine[2] ?? "") : null;
  }
  if (parent === "lxc" || parent === "lxc.payload") return segment;
  const named = /^lxc\.payload\.(.+)$/.exec(segment) ?? (CONMON.test(segment) ? null : BY_ID.exec(segment));
  return named?.[1] ?? UNPARSED.exec(segment)?.[2] ?? null;
}

function podOf(segment: string, outer: readonly string[]): string | null {
  const slice = POD_SLICE.exec(UNPARSED.exec(segment)?.[1] ?? segment)?.[1];
  if (slice !== undefined) return slice.replaceAll("_", "-");
  return (outer.includes("kubepods") && /^pod(.+)$/.exec(segment)?.[1]) || null;
}

/** systemd puts `_` before a name that the kernel would take for a file of the group (cg_escape). */
const unescapeGroup = (segment: string) => segment.replace(/^_/, "");

/** The escapes of a unit's name stand for the bytes of a machine's (unit_name_escape): `debian\x2dtree`. */
const unescapeName = (name: string) => name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
