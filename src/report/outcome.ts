import { type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import type { Protocol } from "../core/event.ts";
import type { AbsenceRecord, AttemptsRecord, RestartRecord } from "../core/record.ts";
import { headLines, nameText, processText } from "./block.ts";
import { clockTime, durationText, escapeText, ordinal, paint, type TextOptions, wrap } from "./text.ts";

/** What came of it all: retries as one story, a restart step by step, and that nothing was refused. */

/** Most processes or sockets that are named one by one. */
const MAX_NAMED = 4;
/** `+ 4 min 05 s`. */
const STEP_WIDTH = 12;
/** Two spaces, the time of day, two spaces. */
const PHASE_INDENT = 16;
/** Steps have a column of their own from this width on. */
const WIDE = 60;

export function attemptsLine(record: AttemptsRecord, options: TextOptions): string {
  const { style, mark, at, text } = attemptsStory(record, options);
  return `${headLines(paint(style, mark, options), at, text, options).join("\n")}\n`;
}

/** What came of retries, and when that was certain. */
export function attemptsStory(
  record: AttemptsRecord,
  options: TextOptions,
): { style: "good" | "bad"; mark: string; at: string; text: string } {
  const { bound, failures, operation, address, port, protocol } = record;
  const lasted = durationText(record.lastedNs, options);
  const where = `${endpoint(address, port)}${protocol === "tcp" ? "" : ` (${protocol})`}`;
  const blame = blameText(record);
  if (!bound) {
    const text = `${whoText(record.binders, options)} could not ${operation === "bind" ? "bind" : "listen on"} ${where}: ${failures} attempts over ${lasted}, all refused${blame}`;
    return { style: "bad", mark: options.ascii ? "x" : "✗", at: record.last, text };
  }
  const alone = record.binders.every(({ pid }) => pid === bound.pid);
  const others = alone ? "" : ` (${whoText(record.binders, options)})`;
  const refused = failures === 1 ? `1 refused${others} ${lasted} earlier` : `${failures} refused${others} over ${lasted}`;
  const did = operation === "bind" ? "bound" : "listens on";
  const text = `${whoText([bound], options)} ${did} ${where} at the ${ordinal(failures + 1)} attempt: ${refused}${blame}`;
  return { style: "good", mark: options.ascii ? "+" : "✓", at: bound.at, text };
}

function blameText({ blockers, failures, unexplained }: AttemptsRecord): string {
  const blamed = failures - unexplained;
  if (blamed === 0) return "";
  const all = unexplained > 0 ? `${blamed} of them ` : failures > 1 ? "all " : "";
  return `, ${all}blocked by ${listText(blockers)}`;
}

const whoText = (processes: readonly { pid: number; comm: string }[], options: TextOptions) =>
  listText(processes.map((process) => processText(process, options)));

function listText(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? [`${names.length - MAX_NAMED} more`] : [];
  return [...names.slice(0, MAX_NAMED), ...more].join(", ");
}

type Phase = RestartRecord["phases"][number];

/** A step of a restart; `took`: since the one before, empty for the first. */
export interface RestartStep {
  at: string;
  took: string;
  text: string;
  slowest: boolean;
}

/** How a port went from one listener to the next: a line a step, with the time since the one before. */
export function restartBlock(record: RestartRecord, options: TextOptions): string {
  const [first = "", ...more] = wrap(escapeText(restartText(record, options), options.ascii), options.width - 2, true);
  const head = [first, ...more.map((line) => `  ${line}`)].map((line) => paint("strong", line, options));
  const steps = restartSteps(record, options).flatMap(({ at, took, text, slowest }) => {
    const mark = slowest ? `  ${options.ascii ? "<-" : "←"} slowest` : "";
    return stepLines(at, took, `${text}${mark}`, options);
  });
  return [...head, ...steps, ""].join("\n");
}

export function restartSteps(record: RestartRecord, options: TextOptions): RestartStep[] {
  const { phases, slowest } = record;
  const instants = phases.map(({ at }) => parseIsoTime(at) ?? 0n);
  const took = instants.map((instant, index) => Number(instant - (instants[index - 1] ?? instant)));
  const slow = phases.findIndex(({ phase }, index) => index > 0 && phase === slowest?.phase && took[index] === slowest.ns);
  return phases.map((phase, index) => ({
    at: phase.at,
    took: index === 0 ? "" : `+ ${durationText(took[index] ?? 0, options)}`,
    text: phaseText(phase, record, options),
    slowest: index === slow,
  }));
}

function stepLines(at: string, step: string, text: string, options: TextOptions): string[] {
  const wide = options.width >= WIDE;
  const column = wide ? `${step.padEnd(STEP_WIDTH)}  ` : "";
  const indent = PHASE_INDENT + column.length;
  const [first = "", ...more] = wrap(
    escapeText(wide || step === "" ? text : `${step}  ${text}`, options.ascii),
    options.width - indent,
    true,
  );
  return [`  ${clockTime(at, options)}  ${column}${first}`, ...more.map((line) => `${" ".repeat(indent)}${line}`)];
}

export function restartText({ address, port, to, phases, downtimeNs }: RestartRecord, options: TextOptions): string {
  const where = endpoint(address, port);
  if (to === null) return `${where}: its listener went, and no other came`;
  const closed = phases.find(({ phase }) => phase === "listener-closed");
  const came = phases.find(({ phase }) => phase === "listening");
  const itself = came && came.pid !== null && came.pid === closed?.pid ? ` within ${whoOf(came, options)}` : "";
  const served = downtimeNs === null ? "somebody listened all the time" : gapText("tcp", downtimeNs, options);
  return `restart of ${where}${itself}: ${served}`;
}

/** How long a port had no server. */
export const gapText = (protocol: Protocol, ns: Nanos, options: TextOptions) =>
  `nobody ${protocol === "udp" ? "was bound" : "listened"} for ${durationText(ns, options)}`;

function phaseText(phase: Phase, { phases }: RestartRecord, options: TextOptions): string {
  const { pid, by, detail, precision } = phase;
  const who = pid === null ? null : whoOf(phase, options);
  switch (phase.phase) {
    case "signalled":
      return `${detail} to ${who ?? "a holder"}${by ? `, from ${by.pid === 0 ? "the kernel" : whoOf(by, options)}` : ""}`;
    case "listener-closed": {
      const ended = phases.some((other) => other.phase === "exited" && other.pid === pid && other.at <= phase.at);
      if (who === null) return `${detail} stopped listening`;
      return ended ? `the listener ${detail} went with ${who}` : `${who} closed the listener ${detail}`;
    }
    case "last-connection-gone":
      return `${detail}, the last known connection, was gone`;
    case "exited":
      return detail.startsWith("code") ? `${who} exited (${detail})` : `${who} was ended by ${detail}`;
    case "port-free":
      return `the port was free of ${detail}${precision === "estimated" ? " (estimated)" : ""}`;
    case "bound":
      return who === null ? `${detail} was bound` : `${who} bound ${detail}`;
    case "listening":
      return who === null ? `${detail} listened` : `${who} listened on ${detail}`;
  }
}

const whoOf = ({ pid, comm }: { pid: number | null; comm: string | null }, options: TextOptions) =>
  `${nameText(comm ?? "", options)}[${pid ?? "?"}]`;

/** The last line of a report in which no bind was refused. */
export function absenceLine({ message }: AbsenceRecord, options: TextOptions): string {
  return `\n${wrap(escapeText(`bindtrace: ${message}`, options.ascii), options.width).join("\n")}\n`;
}
