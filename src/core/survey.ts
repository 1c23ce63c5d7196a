import type { Result } from "../base/result.ts";
import type { Attachment, OptionalProbe } from "./probes.ts";
import type { Rights } from "./rights.ts";
import type { KernelNames } from "./version.ts";

/** What has to change before a kind of hook can be attached; `unavailable`: this kernel does not have it. */
export type RefusalCause = "lockdown" | "rights" | "tracefs" | "types" | "kprobe-events" | "unavailable" | "slow" | "unknown";

export interface Refusal {
  cause: RefusalCause;
  /** One clause. */
  reason: string;
}

/** Outcome of really attaching a small program. */
export interface Trial {
  attach: Attachment;
  /** Null when it was attached. */
  refused: Refusal | null;
}

/** The kernel's description of its own types. */
export type TypeInfo = { kind: "readable" } | { kind: "absent" } | { kind: "unreadable"; reason: string };

/** `absent`: this kernel has no such security module; `unknown`: it could not be read. */
export type Lockdown = "none" | "integrity" | "confidentiality" | "absent" | "unknown";

export interface KernelMessage {
  /** Seconds since boot. */
  at: number;
  text: string;
}

/** Facts of this machine, as they were found; what they mean is for the diagnosis. */
export interface Survey {
  kernel: KernelNames & { architecture: string };
  types: TypeInfo;
  /** What tracing itself checks first: what it learns of the kernel, or why it would not start. Null when it is not root. */
  preflight: Result<{ orphanUidIsZero: boolean; missingProbes: OptionalProbe[] }, string> | null;
  lockdown: Lockdown;
  rights: Rights;
  /** How to start the same as root, where that is known. */
  asRoot?: string;
  /** Whether this is the machine's own PID namespace, null where that cannot be read. */
  ownPids: boolean | null;
  tracefs: "mounted" | "mountable" | "absent";
  /** Version, or why there is none to use. Like that of preflight, the sentence says what is wrong, and behind a colon what to do. */
  bpftrace: Result<string, string>;
  /** Empty when nothing could be tried. */
  trials: Trial[];
  sysctls: Record<string, string>;
  /** TCPTimeWaitOverflow: connections that went without TIME_WAIT, for the limit or for lack of memory. */
  timeWaitOverflows: number;
  /** Messages of the kernel itself, oldest first; null when they cannot be read. */
  kernelLog: KernelMessage[] | null;
  processes: {
    count: number;
    /** The mount option, null when it is off. */
    hidepid: string | null;
  };
}
