import { readFileSync } from "node:fs";
import { MOST_ANCESTORS } from "../core/process.ts";
import { readStat, type Stat } from "./proc-pid.ts";

/** Whether `pid` is `ancestor` or descends from it, by what /proc says now. */
export function descendsFrom(pid: number, ancestor: number): boolean {
  return pid === ancestor || parentsOf(pid).includes(ancestor);
}

/** Its parent, the parent of that and so on, without process 1, by what /proc says now. */
export function parentsOf(pid: number): number[] {
  const stat = statOf(pid);
  return stat ? [...lineOf(stat)].map((ancestor) => ancestor.pid).filter((ancestor) => ancestor !== 1) : [];
}

/**
 * The parent of the process of which that is told, the parent of that and so on. Ends at the first one that is not there any more, and
 * at one that is younger than its child: another has its pid now.
 */
export function* lineOf(stat: Stat, read = statOf): Generator<{ pid: number; stat: Stat }> {
  let child = stat;
  for (let generation = 0; child.parent !== 0 && generation < MOST_ANCESTORS; generation++) {
    const parent = read(child.parent);
    if (!parent || parent.startTicks > child.startTicks) return;
    yield { pid: child.parent, stat: parent };
    child = parent;
  }
}

/** Those that its first thread forked: none where the kernel does not say (CONFIG_PROC_CHILDREN), or it has gone. */
export function childrenOf(pid: number): number[] {
  try {
    const words = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return words === "" ? [] : words.split(" ").map(Number);
  } catch {
    return [];
  }
}

function statOf(pid: number): Stat | null {
  try {
    return readStat(`/proc/${pid}`);
  } catch {
    return null;
  }
}
