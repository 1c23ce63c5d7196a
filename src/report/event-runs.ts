import type { Socket } from "../core/socket.ts";
import type { Row } from "../core/timeline.ts";
import type { PickedLines } from "./chart-lanes.ts";

/** Events that follow each other and say the same of one thing, or nothing of several. */
export interface EventRun {
  /** Refusals of one program by the same blockers, and the exits of the refused; connections without a line; sockets that share one. */
  of: "refusals" | "passing" | "alike" | "single";
  rows: Row[];
}

/** The rows of a port, which rise, as runs. */
export function eventRuns(rows: readonly Row[], picked: PickedLines): EventRun[] {
  const context = contextOf(picked);
  const runs: EventRun[] = [];
  const refused = new Set<number>();
  for (const row of rows) {
    const run = runs.at(-1);
    if (run && goesOn(run, row, refused, context)) run.rows.push(row);
    else {
      refused.clear();
      runs.push({ of: natureOf(row, context), rows: [row] });
    }
    if (row.kind === "refused" && row.process) refused.add(row.process.pid);
  }
  return runs;
}

interface Context {
  passing: ReadonlySet<Socket>;
  /** What stands for the socket where that shares a line with others. */
  shared: ReadonlyMap<Socket, object>;
}

function contextOf({ lines, left }: PickedLines): Context {
  const shared = new Map<Socket, object>();
  for (const { sockets } of lines) if (sockets && sockets.size > 1) for (const socket of sockets) shared.set(socket, sockets);
  return { passing: new Set(left.filter(({ socket }) => socket.facts.peer !== null).map(({ socket }) => socket)), shared };
}

function natureOf({ kind, socket }: Row, { passing, shared }: Context): EventRun["of"] {
  if (kind === "refused") return "refusals";
  if (socket && passing.has(socket)) return "passing";
  return socket && shared.has(socket) ? "alike" : "single";
}

function goesOn({ of, rows: [first] }: EventRun, row: Row, refused: ReadonlySet<number>, context: Context): boolean {
  if (of === "refusals" && row.kind === "exited") return row.process !== null && refused.has(row.process.pid);
  if (!first || of === "single" || of !== natureOf(row, context)) return false;
  if (of === "passing") return true;
  if (of === "refusals") return first.process?.comm === row.process?.comm && isSame(first.blockers, row.blockers);
  const line = ({ socket }: Row) => socket && context.shared.get(socket);
  return first.kind === row.kind && first.state === row.state && line(first) === line(row);
}

/** The same blockers, in the same order. */
export const isSame = (a: readonly Socket[], b: readonly Socket[]) =>
  a.length === b.length && a.every((socket, index) => socket === b[index]);
