import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import { decodeName } from "./fields.ts";

/** How much is read of a file at most (bytes): a command line or an environment can be as large as the stack allows. */
const MOST = 1 << 20;
const PIECE = 1 << 14;
/** Bytes of a command line that are told: one may have megabytes, and each of ten thousand holders has its own. */
const MOST_COMMAND = 4096;

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

/** A file of /proc/PID, cut at 1 MiB, or at `most` rounded up to a piece. Throws where the process has gone, or may not be looked at. */
export function readFacts(path: string, most = MOST): Buffer {
  const file = openSync(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let size = 0; size < most; size += PIECE) {
      const piece = Buffer.allocUnsafe(PIECE);
      const length = readSync(file, piece);
      pieces.push(piece.subarray(0, length));
      // The kernel fills what it is given as far as the file goes (fs/proc/base.c, fs/seq_file.c).
      if (length < PIECE) break;
    }
    return Buffer.concat(pieces);
  } finally {
    closeSync(file);
  }
}

/** `folder`: /proc/PID. Throws like {@link readFacts}. */
export const readStat = (folder: string) => parseStat(readFacts(`${folder}/stat`));

/** The words of its command line, joined by spaces, and cut where they are long; empty for a kernel thread and for a process that has ended. Throws like {@link readFacts}. */
export const readCommand = (folder: string) => parseCommand(readFacts(`${folder}/cmdline`, MOST_COMMAND));

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
export function parseCommand(bytes: Buffer): string {
  const text = decodeName(bytes.subarray(0, MOST_COMMAND)).replace(/\0+$/, "").replaceAll("\0", " ");
  return bytes.length > MOST_COMMAND ? `${text}...` : text;
}

/** The kernel adds ` (deleted)` when the file has been removed or replaced. */
export const parseProgram = (path: Buffer) => decodeName(path.subarray(path.lastIndexOf("/") + 1)).replace(/ \(deleted\)$/, "");

/**
 * The path in systemd's own hierarchy (cgroup v1), else in v2, and null where there is neither. The one that says more than
 * `/` goes first: in a hybrid setup, v2 may not know the containers (cgroups(7)).
 */
export function parseCgroup(text: string): string | null {
  const rows = text.split("\n").map((row) => /^\d+:([^:]*):(.*)$/s.exec(row));
  // The kernel adds ` (deleted)` when the group has gone before the zombie has.
  const pathIn = (hierarchy: string) => rows.find((row) => row?.[1] === hierarchy)?.[2]?.replace(/ \(deleted\)$/, "");
  const paths = ["name=systemd", ""].map(pathIn).filter((path) => path !== undefined);
  return paths.find((path) => path !== "/") ?? paths[0] ?? null;
}

/** Its ids from the PID namespace of this /proc inwards; none where the kernel has no PID namespaces. */
export function parseNsPids(status: string): number[] {
  // Of a name, newlines are escaped here and nothing else that a regular expression takes for the end of a line.
  const line = status.split("\n").find((row) => row.startsWith("NSpid:\t"));
  return line === undefined ? [] : line.split("\t").slice(1).map(Number);
}
