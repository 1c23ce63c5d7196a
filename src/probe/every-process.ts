import { missingToNameHolders } from "../core/rights.ts";
import { isFirst, readRights } from "./rights.ts";

/** Whether the pids of /proc are those that the kernel's own events have. */
export const hasPidsOfKernel = (): boolean => isFirst("pid") === true;

/** Whether /proc shows the descriptors of every process of the machine. That nobody has a socket can be said only then. */
export const seesEveryProcess = (): boolean => whyNotEveryProcess() === null;

/**
 * Why it does not, as a clause: in a PID namespace of its own (pid_namespaces(7)), in a user namespace, and without the right to look
 * into processes of others (PTRACE_MODE_READ, ptrace(2)).
 */
export function whyNotEveryProcess(): string | null {
  if (!hasPidsOfKernel()) return "this is a container with pids of its own (--pid=host gives it those of the machine)";
  const { effective, ownUsers } = readRights();
  if (ownUsers !== true) return "processes of others are closed to root of a user namespace";
  const missing = missingToNameHolders(effective ?? 0n);
  return missing.length > 0 ? `without ${missing.join(" and ")} processes of others are closed` : null;
}
