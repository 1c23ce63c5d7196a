import { closeSync, constants, openSync, readdirSync, readlinkSync } from "node:fs";
import type { Nanos } from "../base/nanoseconds.ts";
import type { Holder } from "../core/event.ts";
import { readCommand, readStat } from "./proc-pid.ts";

/** A descriptor of a process. */
export interface Descriptor {
  pid: number;
  fd: number;
}

/** The names in a folder of /proc that are numbers, as it lists them: none where it is gone, or not ours to look into. */
export function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .map(Number)
      .filter((number) => !Number.isNaN(number));
  } catch {
    return [];
  }
}

/** What /proc/PID/fd shows for a socket: the inode is its own, whatever namespace it is in (sockfs_dname, net/socket.c). */
function socketInode(path: string): number | null {
  try {
    const link = readlinkSync(path);
    return link.startsWith("socket:[") ? Number(link.slice("socket:[".length, -1)) : null;
  } catch {
    return null;
  }
}

/** The inode of the socket behind it, null where it is of none, or is gone. */
export const socketBehind = ({ pid, fd }: Descriptor) => socketInode(`/proc/${pid}/fd/${fd}`);

/** When this process started, in USER_HZ ticks; null where it has gone. */
export function startOf(pid: number): number | null {
  try {
    return readStat(`/proc/${pid}`).startTicks;
  } catch {
    return null;
  }
}

/** The process that has this socket behind this descriptor, null where it has not, or not any more. */
export function holderOf({ pid, fd }: Descriptor, inode: number, instantOfStart: (ticks: number) => Nanos): Holder | null {
  let directory: number | null = null;
  try {
    // An open directory stays with this process: another one that gets its pid meanwhile is not mixed in.
    directory = openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    const folder = `/proc/self/fd/${directory}`;
    if (socketInode(`${folder}/fd/${fd}`) !== inode) return null;
    const { comm, parent, startTicks } = readStat(folder);
    return { pid, fd, comm, command: readCommand(folder), parent, startedAt: instantOfStart(startTicks) };
  } catch {
    return null;
  } finally {
    if (directory !== null) closeSync(directory);
  }
}
