import { accessSync, readFileSync, readlinkSync } from "node:fs";
import type { Rights } from "../core/rights.ts";
import { parseCapabilities } from "./survey-text.ts";

/** Inodes of the namespaces that the machine started with (include/linux/proc_ns.h). */
const FIRST = { pid: 0xeffffffc, user: 0xeffffffd } as const;

/** The rights of this process. */
export function readRights(): Rights {
  const status = readStatus();
  return {
    uid: process.geteuid?.() ?? 0,
    effective: parseCapabilities(status, "CapEff"),
    bounding: parseCapabilities(status, "CapBnd"),
    ownUsers: isFirst("user"),
    tracefs: hasTracefs(),
  };
}

/** Whether bpftrace finds its tracepoints: in tracefs, which debugfs brings with it. */
export function hasTracefs(): boolean {
  return ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"].some((path) => {
    try {
      accessSync(path);
      return true;
    } catch (error) {
      // Mounted, it is root's alone.
      return (error as NodeJS.ErrnoException).code === "EACCES";
    }
  });
}

/** Whether this process is in the machine's own namespace of that kind, null where that cannot be read. */
export function isFirst(kind: keyof typeof FIRST): boolean | null {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`) === `${kind}:[${FIRST[kind]}]`;
  } catch {
    return null;
  }
}

function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
