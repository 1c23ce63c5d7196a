import { readFileSync, readlinkSync } from "node:fs";
import { parseCapabilities } from "./survey-text.ts";

/** include/uapi/linux/capability.h */
const CAP_SYS_PTRACE = 19n;
/** The PID namespace that the machine started with (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const FIRST_NAMESPACE = "pid:[4026531836]";

/** Whether the pids of /proc are those that the kernel's own events have. */
export function hasPidsOfKernel(): boolean {
  try {
    return readlinkSync("/proc/self/ns/pid") === FIRST_NAMESPACE;
  } catch {
    return false;
  }
}

/**
 * Whether /proc shows the descriptors of every process of the machine: not in a PID namespace of its own (pid_namespaces(7)), nor
 * without the right to look into processes of others (PTRACE_MODE_READ, ptrace(2)). That nobody has a socket can be said only then.
 */
export function seesEveryProcess(): boolean {
  try {
    const held = parseCapabilities(readFileSync("/proc/self/status", "utf8")) ?? 0n;
    return ((held >> CAP_SYS_PTRACE) & 1n) === 1n && hasPidsOfKernel();
  } catch {
    return false;
  }
}
