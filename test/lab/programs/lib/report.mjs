import { readFileSync } from "node:fs";
import { until } from "./wait.mjs";

const LIMIT_MS = 10_000; // then there is no such report, which is for the comparison to say

/**
 * Waits until the report of bindtrace, in the file that REPORT of the environment names, has as many refusals of the process,
 * with all holders. Without REPORT nobody watches.
 */
export async function reported(pid, refusals) {
  const { REPORT } = process.env;
  const end = Date.now() + LIMIT_MS;
  if (REPORT) await until(() => isReported(readFileSync(REPORT, "utf8"), pid, refusals) || Date.now() > end);
}

function isReported(report, pid, refusals) {
  const lines = report.split("\n").slice(0, -1);
  const records = lines.map((line) => JSON.parse(line));
  const key = ({ failure, socket }) => `${failure} ${socket}`;
  const late = new Set(records.filter(({ type }) => type === "holders").map(key));
  const failures = records.filter((record) => record.type === "failure" && record.binder.pid === pid);
  const isComplete = ({ id, blockers }) =>
    blockers.every(({ socket, holdersComplete }) => holdersComplete || late.has(key({ failure: id, socket })));
  return failures.length >= refusals && failures.every(isComplete);
}
