import { closeSync, constants, openSync } from "node:fs";
import type { Nanos } from "../base/nanoseconds.ts";
import type { ProcessEvent } from "../core/event.ts";
import { decodeName } from "./fields.ts";
import { lineOf } from "./kin.ts";
import { marksOf } from "./marks.ts";
import { parseCgroup, parseNsPids, readCommand, readFacts, readProgram, readStat, type Stat } from "./proc-pid.ts";

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

function ancestorsOf(stat: Stat): ProcessEvent["ancestors"] {
  const found: ProcessEvent["ancestors"] = [];
  // Each is read at once: it may be gone when the whole line is known.
  for (const { pid, stat: ancestor } of lineOf(stat)) {
    const folder = `/proc/${pid}`;
    const command = orNull(() => readCommand(folder))?.slice(0, MOST_COMMAND);
    found.push({ pid, comm: ancestor.comm, program: readProgram(folder), ...(command === undefined ? {} : { command }) });
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
