import { closeSync, constants, openSync } from "node:fs";
import type { Nanos } from "../base/nanoseconds.ts";
import type { ProcessEvent } from "../core/event.ts";
import { decodeName } from "./fields.ts";
import { marksOf } from "./marks.ts";
import { parseCgroup, parseNsPids, readCommand, readFacts, readProgram, readStat, type Stat } from "./proc-pid.ts";

/** Generations that are followed upwards at most. */
const MOST_ANCESTORS = 64;
/** Characters of an ancestor's command line that are told: enough to know a watcher or a package manager by. */
const MOST_COMMAND = 200;

/**
 * What /proc says of a process at instant `t`, null where it has gone or may not be looked at. What only its owner may read
 * (program, environment) is left out where that is not allowed.
 */
export function readProcess(pid: number, t: Nanos, instantOfStart: (ticks: number) => Nanos): ProcessEvent | null {
  let directory: number | null = null;
  try {
    // An open directory stays with this process: another one that gets its pid meanwhile is not mixed in.
    directory = openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    const folder = `/proc/self/fd/${directory}`;
    const stat = readStat(folder);
    const nsPids = parseNsPids(readFacts(`${folder}/status`).toString("latin1"));
    return {
      type: "process",
      t,
      pid,
      comm: stat.comm,
      command: readCommand(folder),
      program: readProgram(folder),
      startedAt: instantOfStart(stat.startTicks),
      ancestors: ancestorsOf(stat),
      cgroup: orNull(() => parseCgroup(decodeName(readFacts(`${folder}/cgroup`)))),
      nsPids,
      marks: orNull(() => marksOf(readFacts(`${folder}/environ`), nsPids.at(-1) ?? pid)) ?? [],
      state: stat.state,
    };
  } catch {
    return null;
  } finally {
    if (directory !== null) closeSync(directory);
  }
}

/** Ends at the first one that is not there any more, and at one that is younger than its child: another has its pid now. */
function ancestorsOf(stat: Stat): ProcessEvent["ancestors"] {
  const found: ProcessEvent["ancestors"] = [];
  let child = stat;
  while (child.parent !== 0 && found.length < MOST_ANCESTORS) {
    const folder = `/proc/${child.parent}`;
    const parent = orNull(() => readStat(folder));
    if (!parent || parent.startTicks > child.startTicks) break;
    const command = orNull(() => readCommand(folder))?.slice(0, MOST_COMMAND);
    found.push({ pid: child.parent, comm: parent.comm, program: readProgram(folder), ...(command === undefined ? {} : { command }) });
    child = parent;
  }
  return found;
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
