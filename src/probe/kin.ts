import { readFileSync } from "node:fs";
import { readStat } from "./proc-pid.ts";

/** Generations that are followed upwards at most. */
const MOST_GENERATIONS = 64;

/** Whether `pid` is `ancestor` or descends from it, by what /proc says now. */
export function descendsFrom(pid: number, ancestor: number): boolean {
  return pid === ancestor || parentsOf(pid).includes(ancestor);
}

/** Its parent, the parent of that and so on, without process 1, by what /proc says now. */
export function parentsOf(pid: number): number[] {
  const parents: number[] = [];
  for (let at = parentOf(pid); at > 1 && parents.length < MOST_GENERATIONS; at = parentOf(at)) parents.push(at);
  return parents;
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

function parentOf(pid: number): number {
  try {
    return readStat(`/proc/${pid}`).parent;
  } catch {
    return 0;
  }
}
