import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { HolderRecord, Nature, StepRecord } from "../../src/core/process-record.ts";
import type { AbsenceRecord, ReleaseVia } from "../../src/core/record.ts";
import { ROOT } from "./cli.ts";
import { PORTS } from "./ports.ts";

/** What is to be told of the first blocker beside what it is: only that which the situation is about (test/lab/README.md). */
export interface TrueStory {
  /** By the pid of the holder. */
  via?: Record<string, HolderRecord["via"]>;
  /** Pid of the sender, by that of the holder. */
  from?: Record<string, number>;
  nature?: Nature;
  notes?: string[];
  warnings?: string[];
  release?: ReleaseVia;
  /** Steps of its lineage in this order, others between them, with the pid of who did or suffered it. */
  steps?: [StepRecord["step"], number][];
}

/** Ground truth about one refused call, as the lab programs print it (test/lab/README.md). */
export interface Truth {
  pid: number;
  fd: number | null;
  inode: number | null;
  operation: "bind" | "listen";
  protocol: string;
  family: string;
  address: string;
  port: number;
  netns: number;
  rule: string;
  blockers: {
    inode: number | null;
    protocol: string;
    state: string;
    family: string;
    address: string;
    peer: { address: string; port: number } | null;
    rule: string;
    holders: number[];
  }[];
  story?: TrueStory;
}

/** Something is wrong, and no call was refused: these sockets, by their inodes, have to be warned of. */
export interface SilentTrouble {
  warning: string;
  port: number;
  sockets: number[];
}

/** A program complains of a port that nobody refused. */
export interface UnfoundedComplaint {
  absence: AbsenceRecord["code"];
  port: number;
}

/** A line of ground truth. */
export type Said = Truth | SilentTrouble | UnfoundedComplaint;

export const PORT = PORTS.situations;
const FOLDER = "test/lab/situations";

/**
 * What /proc has to tell of the holders is gone right after the refusal: these wait until bindtrace has reported to the file
 * that REPORT names. One name a line, which record-samples.sh reads too.
 */
const PATIENT: readonly string[] = [
  "dup-holder.py",
  "exec-keeps-listener.py",
  "forked-worker.py",
  "in-flight-listener.py",
  "inherited-by-child.py",
  "killed-server.py",
  "loopback-split.py",
  "orphan-grandchild.py",
  "pidfd-getfd-listener.py",
  "received-listener.py",
  "silent-sharing.py",
  "slow-close.py",
  "stopped-holder.py",
  "udp-inherited-by-child.py",
];

/** Name of each situation and the command that creates it, relative to the repository. */
export const situations: { name: string; command: string[] }[] = readdirSync(join(ROOT, FOLDER))
  .filter((file) => /\.(py|mjs)$/.test(file))
  .sort()
  .map((file) => ({
    name: file.replace(/\.\w+$/, ""),
    command: [
      file.endsWith(".py") ? "python3" : "node",
      ...(PATIENT.includes(file) ? ["test/vm/guest/patiently.py"] : []),
      `${FOLDER}/${file}`,
      String(PORT),
    ],
  }));

/** What a program of the lab said on its stdout. */
export function said(stdout: string): Said[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Said);
}

export const isTruth = (line: Said): line is Truth => "rule" in line;
