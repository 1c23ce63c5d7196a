import type { KernelMessage, Lockdown } from "../core/survey.ts";

/** Readers of small texts that the kernel writes in /proc, /sys and /dev. */

/** `none [integrity] confidentiality` of /sys/kernel/security/lockdown. */
export function parseLockdown(text: string): Lockdown {
  const level = /\[(\w+)\]/.exec(text)?.[1];
  return level === "none" || level === "integrity" || level === "confidentiality" ? level : "unknown";
}

/** A set of capabilities in /proc/self/status. */
export function parseCapabilities(status: string, set: "CapEff" | "CapBnd"): bigint | null {
  const bits = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1];
  return bits === undefined ? null : BigInt(`0x${bits}`);
}

/** LOG_KERN (syslog(3)): what a process writes to /dev/kmsg has another facility, so it cannot speak for the kernel. */
const KERNEL_FACILITY = 0;

/**
 * One record of /dev/kmsg, `6,339,5140900,-;message` and lines of properties behind it
 * (Documentation/ABI/testing/dev-kmsg). Null when it is not the kernel's.
 */
export function parseKernelMessage(record: string): KernelMessage | null {
  const match = /^(\d+),\d+,(\d+),[^;]*;(.*)$/m.exec(record);
  if (!match || Number(match[1]) >> 3 !== KERNEL_FACILITY) return null;
  return { at: Number(match[2]) / 1e6, text: match[3] ?? "" };
}

/** A counter of /proc/net/netstat, which has a line of names before each line of values; 0 when it is not there. */
export function parseCounter(netstat: string, name: string): number {
  const lines = netstat.split("\n").map((line) => line.split(" "));
  const row = lines.findIndex((words) => words.includes(name));
  return Number(lines[row + 1]?.[lines[row]?.indexOf(name) ?? -1] ?? 0) || 0;
}

export interface MountPoint {
  path: string;
  type: string;
  options: string[];
}

/** /proc/self/mounts; of several at one path the last is on top. */
export function parseMounts(text: string): MountPoint[] {
  return text.split("\n").flatMap((line) => {
    const [, path, type, options] = line.split(" ");
    return path && type ? [{ path, type, options: options?.split(",") ?? [] }] : [];
  });
}
