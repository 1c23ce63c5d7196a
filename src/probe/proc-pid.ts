import { readFileSync, readlinkSync } from "node:fs";
import { decodeName } from "./fields.ts";

/** What /proc/PID/stat says (proc(5)). */
export interface Stat {
  comm: string;
  /** R, S, D, Z, T ...: T is stopped. */
  state: string;
  /** 0: none, or one outside of the reader's PID namespace. */
  parent: number;
  /** When the process was started: USER_HZ ticks of CLOCK_BOOTTIME. An exec does not change it. */
  startTicks: number;
}

/** `folder`: /proc/PID. Throws where the process has gone, or may not be looked at. */
export const readStat = (folder: string) => parseStat(readFileSync(`${folder}/stat`));

/** The words of its command line, joined by spaces; empty for a kernel thread and for a process that has ended. Throws like readStat. */
export const readCommand = (folder: string) => parseCommand(readFileSync(`${folder}/cmdline`));

/** Last part of the path of its program, null where there is none or it may not be read (PTRACE_MODE_READ, ptrace(2)). */
export function readProgram(folder: string): string | null {
  try {
    return parseProgram(readlinkSync(`${folder}/exe`, "buffer"));
  } catch {
    return null;
  }
}

/** The name is between the first `(` and the last `)`, and may contain both, blanks and newlines. */
export function parseStat(bytes: Buffer): Stat {
  const nameEnd = bytes.lastIndexOf(")");
  const comm = decodeName(bytes.subarray(bytes.indexOf("(") + 1, nameEnd));
  const fields = bytes.toString("latin1", nameEnd + 2).split(" ");
  return { comm, state: fields[0] ?? "", parent: Number(fields[1]), startTicks: Number(fields[19]) };
}

/** Words end in NUL; a program that writes over its title leaves several. */
export const parseCommand = (bytes: Buffer) => decodeName(bytes).replace(/\0+$/, "").replaceAll("\0", " ");

/** The kernel adds ` (deleted)` when the file has been removed or replaced. */
export const parseProgram = (path: Buffer) => decodeName(path.subarray(path.lastIndexOf("/") + 1)).replace(/ \(deleted\)$/, "");

/**
 * The path in systemd's own hierarchy (cgroup v1), else in v2, and null where there is neither. The one that says more than
 * `/` goes first: in a hybrid setup, v2 may not know the containers (cgroups(7)).
 */
export function parseCgroup(text: string): string | null {
  const paths = ["name=systemd", ""].flatMap((controllers) => {
    const line = text.split("\n").find((row) => row.split(":")[1] === controllers);
    // The kernel adds ` (deleted)` when the group has gone before the zombie has.
    return line === undefined
      ? []
      : [
          line
            .split(":")
            .slice(2)
            .join(":")
            .replace(/ \(deleted\)$/, ""),
        ];
  });
  return paths.find((path) => path !== "/") ?? paths[0] ?? null;
}

/** Its ids from the PID namespace of this /proc inwards; none where the kernel has no PID namespaces. Names are escaped in this file. */
export function parseNsPids(status: string): number[] {
  const line = /^NSpid:\t(.+)$/m.exec(status)?.[1];
  return line === undefined ? [] : line.split("\t").map(Number);
}
