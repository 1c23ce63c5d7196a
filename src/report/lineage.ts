import type { StepRecord } from "../core/process-record.ts";
import { nameText } from "./block.ts";
import { clockTime, most, type TextOptions } from "./text.ts";

/** Most lines of a socket's story, and how many of them are of its beginning. */
const MOST_LINES = 9;
const FIRST_LINES = 3;

/** Steps that say no more than the lines above them do, where there is nothing else. */
const PLAIN: ReadonlySet<StepRecord["step"]> = new Set(["created", "bound", "listened"]);

/** The story of a socket, a line a step; nothing when it is only that somebody bound it. */
export function lineageLines(steps: readonly StepRecord[], options: TextOptions): string[] {
  if (steps.every(({ step }) => PLAIN.has(step))) return [];
  const lines = joined(steps).map((some) => lineOf(some, options));
  const max = most(MOST_LINES, options);
  if (lines.length <= max) return lines;
  const left = lines.length - (max - 1);
  return [...lines.slice(0, FIRST_LINES), `and ${left} more steps`, ...lines.slice(FIRST_LINES + left)];
}

/** What a process did to get a listening socket is one line. */
function joined(steps: readonly StepRecord[]): StepRecord[][] {
  const groups: StepRecord[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const goesOn = PLAIN.has(step.step) && last?.every((one) => PLAIN.has(one.step) && one.pid === step.pid);
    if (last && goesOn) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

function lineOf(steps: readonly StepRecord[], options: TextOptions): string {
  const [first] = steps;
  if (!first) return "";
  const who = first.pid === null ? "" : `${nameText(first.comm ?? "", options)}[${first.pid}] `;
  const parts = steps.map((step) => partOf(step, options));
  const last = parts.pop() ?? "";
  return `${clockTime(first.at, options)}  ${who}${parts.length > 0 ? `${parts.join(", ")} and ` : ""}${last}`;
}

function partOf({ step, fd, other, detail }: StepRecord, options: TextOptions): string {
  const by = other && other.pid !== 0 ? `${nameText(other.comm, options)}[${other.pid}]` : null;
  const descriptor = fd === null ? "" : ` (fd ${fd})`;
  switch (step) {
    case "created":
      return "made it";
    case "bound":
      return `bound it${descriptor}`;
    case "listened":
      return "listened";
    case "forked":
      return `forked ${by}`;
    case "execed":
      return `became ${nameText(detail, options)} by exec`;
    case "duplicated":
      return `made another descriptor of it${descriptor}`;
    case "sent":
      return `sent it over a unix socket${descriptor}`;
    case "received":
      return detail === "pidfd_getfd" ? `took it by pidfd_getfd${descriptor}` : "received it";
    case "copy-closed":
      return detail === "0" ? `closed the last copy${descriptor}` : `closed a copy${descriptor}, ${detail} left`;
    case "signalled":
      return `got ${detail}${by === null ? "" : ` from ${by}`}`;
    case "exited":
      return detail.startsWith("SIG") ? `was ended by ${detail}` : `exited (${detail})`;
  }
}
