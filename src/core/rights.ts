/** Bits of CapEff (include/uapi/linux/capability.h): the capabilities that make a difference here. */
const BITS = {
  CAP_DAC_OVERRIDE: 1n,
  CAP_DAC_READ_SEARCH: 2n,
  CAP_IPC_LOCK: 14n,
  CAP_SYS_PTRACE: 19n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_NICE: 23n,
  CAP_SYSLOG: 34n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;
export type Capability = keyof typeof BITS;

/** What a process may do, as far as tracing asks for it. */
export interface Rights {
  /** Effective user id. */
  uid: number;
  /** CapEff of /proc/self/status, null when it cannot be read. */
  effective: bigint | null;
  /** CapBnd: more than these not even root gets here. */
  bounding: bigint | null;
  /** Whether this is the machine's own user namespace, null where that cannot be read. */
  ownUsers: boolean | null;
  /** Tracefs is where bpftrace looks for it. */
  tracefs: boolean;
}

/** Why a process may not trace, and the mend, which of `not-root` is for who knows the command line. */
export interface Lack {
  code: "root" | "user-namespace" | "cap-sys-admin" | "cap-bpf" | "cap-perfmon";
  kind: "not-root" | "not-permitted";
  fact: string;
  mend: string | null;
}

/** Whether one of these is held. A set that could not be read is taken to be full. */
export const holds = (held: bigint | null, ...oneOf: readonly Capability[]): boolean =>
  held === null || oneOf.some((name) => ((held >> BITS[name]) & 1n) === 1n);

/** All that are held of those that make a difference. */
export const heldOf = (held: bigint | null): Capability[] => (Object.keys(BITS) as Capability[]).filter((name) => holds(held, name));

/** Either lets one list the folder of another user. */
const TO_LIST = ["CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"] as const;

/**
 * Without which /proc does not show the descriptors of every process: the folder /proc/PID/fd is its owner's alone, and what they lead to is for
 * who may trace the process (`proc_fd_permission`, `proc_fd_access_allowed` in fs/proc; PTRACE_MODE_READ in ptrace(2)).
 */
export function missingToNameHolders(held: bigint | null): Capability[] {
  return [...(holds(held, "CAP_SYS_PTRACE") ? [] : (["CAP_SYS_PTRACE"] as const)), ...(holds(held, ...TO_LIST) ? [] : [TO_LIST[0]])];
}

/**
 * Without which no program is let in: CAP_BPF and CAP_PERFMON, in whose place CAP_SYS_ADMIN does (`bpf_capable`, `perfmon_capable` in
 * include/linux/capability.h); where tracefs has to be mounted for bpftrace, that one (mount(2)).
 */
function missingToTrace(held: bigint | null, tracefs: boolean): ("CAP_SYS_ADMIN" | "CAP_BPF" | "CAP_PERFMON")[] {
  if (holds(held, "CAP_SYS_ADMIN")) return [];
  return tracefs ? (["CAP_BPF", "CAP_PERFMON"] as const).filter((name) => !holds(held, name)) : ["CAP_SYS_ADMIN"];
}

/** What root has here: this process, or who it becomes by sudo. */
export const ofRoot = ({ uid, effective, bounding }: Pick<Rights, "uid" | "effective" | "bounding">) => (uid === 0 ? effective : bounding);

/** What the rights of a process lack for tracing, for certain; null where nothing is known to forbid it. */
export function lackOf({ uid, effective, bounding, ownUsers, tracefs }: Rights): Lack | null {
  if (ownUsers === false) {
    return {
      code: "user-namespace",
      kind: "not-permitted",
      fact: "tracing needs the machine's root, and root of a user namespace is not that one (replay needs nothing)",
      mend: "run bindtrace outside of the container, as the machine's root",
    };
  }
  const reachable = ofRoot({ uid, effective, bounding });
  const missing = missingToTrace(reachable, tracefs);
  const [first] = missing;
  if (first) {
    const forHolders = missingToNameHolders(reachable);
    const forBuffers = holds(reachable, "CAP_IPC_LOCK") ? [] : (["CAP_IPC_LOCK"] as const);
    const onlyMount = !tracefs && holds(reachable, "CAP_BPF") && holds(reachable, "CAP_PERFMON");
    const needs = [
      `${list(missing)}${onlyMount ? " to mount tracefs" : ""}`,
      ...(forBuffers.length > 0 ? [`${list(forBuffers)} for its buffers`] : []),
      ...(forHolders.length > 0 ? [`${list(forHolders)} to find who holds a socket`] : []),
    ];
    return {
      code: ({ CAP_SYS_ADMIN: "cap-sys-admin", CAP_BPF: "cap-bpf", CAP_PERFMON: "cap-perfmon" } as const)[first],
      kind: "not-permitted",
      fact: `tracing needs ${needs.join(", ")}, which root does not have here (replay needs nothing)`,
      mend: outside([...missing, ...forBuffers, ...forHolders]),
    };
  }
  if (uid === 0) return null;
  const without = missingToTrace(effective, tracefs);
  const whatever = without.length > 0 ? ` without ${list(without)}` : ", whatever its capabilities";
  return { code: "root", kind: "not-root", fact: `tracing needs root (replay does not), and this is uid ${uid}${whatever}`, mend: null };
}

/** What to do where these are missing; the options are those of docker and podman. */
export const outside = (missing: readonly Capability[]): string =>
  `run bindtrace as root outside of the container, or start the container with ${missing.map((name) => `--cap-add ${name.slice("CAP_".length)}`).join(" ")}`;

const list = (names: readonly Capability[]): string => names.join(" and ");
