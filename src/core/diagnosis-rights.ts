import { type Finding, good, note, problem } from "./finding.ts";
import { type Capability, heldOf, holds, lackOf, missingToNameHolders, outside, type Rights } from "./rights.ts";

/** What a trace that starts goes without where one of these is missing. */
const COSTS: Readonly<Partial<Record<Capability, string>>> = {
  CAP_SYS_ADMIN: "a port of another network namespace is looked at only when a bind is refused there, and not by check --netns",
  CAP_IPC_LOCK: "before bpftrace 0.20 the kernel refuses buffers beyond ulimit -l, which --buffer 1M mends, too",
  CAP_SYS_PTRACE: "of the processes that hold a socket only those are found that are of the same user and have no more capabilities",
  CAP_DAC_READ_SEARCH: "processes of other users that hold a socket are not found (CAP_DAC_OVERRIDE would do, too)",
  CAP_SYS_NICE: "bpftrace does not go before other processes, so events are lost sooner on a busy machine",
  CAP_SYSLOG: "the kernel hides its messages, and the addresses of its symbols, which tracing needs before 6.2",
};

/** Rights of this process: what keeps it from tracing, which capabilities it has, and what those cost that it does without. */
export function rightsFindings(rights: Rights, asRoot = "run it with sudo"): Finding[] {
  const { uid, effective } = rights;
  const lack = lackOf(rights);
  const root = uid === 0 ? [good("root", "this is root")] : [];
  const refusal = lack ? [problem(lack.code, lack.fact, lack.mend ?? asRoot)] : [];
  // What root of a user namespace holds is good for that one alone.
  if (uid !== 0 || lack?.code === "user-namespace") return [...root, ...refusal];
  const missing: Capability[] = [
    ...(lack === null && !holds(effective, "CAP_SYS_ADMIN") ? (["CAP_SYS_ADMIN"] as const) : []),
    ...(holds(effective, "CAP_IPC_LOCK") ? [] : (["CAP_IPC_LOCK"] as const)),
    ...missingToNameHolders(effective),
    ...(["CAP_SYS_NICE", "CAP_SYSLOG"] as const).filter((name) => !holds(effective, name)),
  ];
  return [...root, ...held(effective, lack !== null || missing.length > 0), ...refusal, ...missing.map(missingFinding)];
}

function held(effective: bigint | null, lacks: boolean): Finding[] {
  const names = heldOf(effective).join(", ");
  if (!lacks) return [good("capabilities", `it has the capabilities that tracing needs: ${names}`)];
  return names === "" ? [] : [good("capabilities-held", `of the capabilities that tracing makes use of it has ${names}`)];
}

const missingFinding = (name: Capability): Finding =>
  note(name.toLowerCase().replaceAll("_", "-"), `${name} is missing: ${COSTS[name]}`, outside([name]));
