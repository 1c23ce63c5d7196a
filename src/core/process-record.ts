/** What bindtrace says of processes and of what they did with a socket: parts of the records in record.ts. */

/** A process as far as the trace tells. Null: not known. */
export interface ProcessRecord {
  pid: number;
  comm: string;
  command: string | null;
  /** Last part of its program's path. */
  program: string | null;
  startedAt: string | null;
  /** Its parent, the parent of that, and so on. */
  parents: { pid: number; comm: string }[];
  exitedAt: string | null;
  exitCode: number | null;
  exitSignal: string | null;
  /** systemd's unit, container id, Kubernetes pod: what the path of its control group tells. */
  unit: string | null;
  container: string | null;
  pod: string | null;
  /** Its ids in the PID namespaces from the outermost inwards. */
  nsPids: number[];
}

/** A descriptor of a socket, and the process that has it. */
export interface DescriptorRecord {
  pid: number;
  comm: string;
  /** Null where only the end of the socket told of this process. */
  fd: number | null;
  via: "created" | "inherited" | "received" | "unknown";
  command: string;
}

export interface HolderRecord extends DescriptorRecord {
  /** Of a received one: who sent it, null where that was not seen. */
  from: { pid: number; comm: string } | null;
  process: ProcessRecord | null;
}

/** Who bound a socket, and what has become of that process. */
export interface OpenerRecord {
  pid: number;
  comm: string;
  fd: number | null;
  exitedAt: string | null;
  process: ProcessRecord;
}

/** What a process did with a socket, or what happened to a process that had it. */
export interface StepRecord {
  at: string;
  step:
    | "created"
    | "bound"
    | "listened"
    | "forked"
    | "execed"
    | "duplicated"
    | "sent"
    | "received"
    | "copy-closed"
    | "signalled"
    | "exited";
  pid: number | null;
  comm: string | null;
  fd: number | null;
  /** The child of a fork, the sender of a signal. */
  other: { pid: number; comm: string } | null;
  /** `signalled`, `exited`: signal or exit code; `copy-closed`: copies left; `received`: how. */
  detail: string;
}

/** Who stands behind a blocker: a process; or nobody, and why. */
export type Nature = "process" | "time-wait" | "orphan" | "in-flight" | "kernel" | "unknown";
