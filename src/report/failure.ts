import { endpoint } from "../core/address.ts";
import type { BlockerRecord, FailureRecord, HoldersRecord, ReleaseRecord } from "../core/record.ts";
import {
  adviceFields,
  between,
  type Field,
  field,
  fieldLines,
  headLines,
  heldBy,
  holderText,
  nanosBetween,
  processText,
  ruleText,
  socketText,
} from "./block.ts";
import { lineageLines } from "./lineage.ts";
import { NATURE_SENTENCES, ORPHAN_SENTENCES } from "./sentences.ts";
import { clockTime, durationText, most, ordinal, paint, type TextOptions } from "./text.ts";

/** Most blockers described one by one. */
const MAX_BLOCKERS = 8;
/** Most notes: they come with the most specific first. */
const MAX_NOTES = 3;

/** The block that explains one refused call. */
export function failureBlock(record: FailureRecord, options: TextOptions): string {
  const head = headLines(paint("bad", options.ascii ? "x" : "✗", options), record.at, failureText(record, options), options);
  if (record.repeats > 0) return `${head.join("\n")}\n`;
  return [...head.map((line) => paint("strong", line, options)), ...fieldLines(failureFields(record, options), options), ""].join("\n");
}

/** Who could not do what, and with which error; of one that came again, how often it has. */
export function failureText(record: FailureRecord, options: TextOptions): string {
  const why = record.repeats > 0 ? `${ordinal(record.repeats + 1)} time, ${still(record)}` : record.errno;
  return `${what(record, options)}  (${why})`;
}

/** What is known of a refused call. */
export function failureFields(record: FailureRecord, options: TextOptions): Field[] {
  const shown = record.blockers.slice(0, most(MAX_BLOCKERS, options));
  const hidden = record.blockers.length - shown.length;
  return [
    ...shown.flatMap((blocker) => blockerFields(blocker, record, options)),
    ...(hidden > 0 ? [["", `and ${hidden} more sockets`] as const] : []),
    ["rule", ruleText(record)],
    ...record.notes.slice(0, most(MAX_NOTES, options)).map(({ message }) => ["note", message] as const),
    ...(record.confidence === "exact" ? [] : [["certainty", `${record.confidence}: ${record.doubts.join("; ")}`] as const]),
    ...adviceFields(record.advice, options),
  ];
}

function what(record: FailureRecord, options: TextOptions): string {
  const protocol = record.protocol === "tcp" ? "" : ` (${record.protocol})`;
  const who = processText(record.binder, options);
  const asked = record.requestedPort === record.port ? "" : `, rewritten from port ${record.requestedPort} by a cgroup program`;
  return `${who} could not ${OPERATIONS[record.operation]} ${endpoint(record.address, record.port)}${protocol}${asked}`;
}

const OPERATIONS: Readonly<Record<FailureRecord["operation"], string>> = {
  bind: "bind",
  listen: "listen on",
  connect: "connect from",
  sendto: "send from",
  unknown: "get",
};

function still({ blockers, confidence }: FailureRecord): string {
  if (blockers.length > 0) return `still ${blockers.map(({ socket }) => socket).join(", ")}`;
  return confidence === "unknown" ? "still unexplained" : "for the same reason";
}

function blockerFields(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): Field[] {
  return [
    ["blocked by", `${socketText(blocker, options)}  ${since(blocker, record, options)}`],
    ["", behind(blocker, record, options)],
    ...lineageLines(blocker.lineage, options).map((step, index) => [index === 0 ? "story" : "", step] as const),
  ];
}

/** The processes behind a blocker, or why there is none. */
function behind(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): string {
  if (blocker.nature === "in-flight" || blocker.nature === "kernel") return NATURE_SENTENCES[blocker.nature];
  const orphan = blocker.nature === "orphan" ? ORPHAN_SENTENCES[blocker.substate ?? blocker.state] : undefined;
  return orphan ?? heldBy(blocker, record.at, options);
}

function since(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): string {
  const { opener } = blocker;
  if (!opener || blocker.boundAt === null) {
    return blocker.seenAt < record.enteredAt ? `there since before ${clockTime(blocker.seenAt, options)}` : "first seen here";
  }
  const { exitSignal } = opener.process;
  const end = exitSignal === null ? "exited" : `was ended by ${exitSignal}`;
  const exited =
    opener.exitedAt === null || nanosBetween(opener.exitedAt, record.at) < 0
      ? ""
      : `, which ${end} ${between(opener.exitedAt, record.at, options)} earlier`;
  return `since ${clockTime(blocker.boundAt, options)}, bound by ${processText(opener, options)}${exited}`;
}

/** What a slow search for holders found after the block was out. */
export function holdersText({ socket, nature, holders, complete }: HoldersRecord, options: TextOptions): string {
  return `${socket} ${nature === "in-flight" || nature === "kernel" ? NATURE_SENTENCES[nature] : holderText(holders, complete, options)}`;
}

export const holdersLine = (record: HoldersRecord, options: TextOptions): string =>
  `${field("holders", holdersText(record, options), options).join("\n")}\n`;

export const releaseLine = (record: ReleaseRecord, options: TextOptions): string =>
  `${field("released", releaseText(record, options), options).join("\n")}\n`;

/** When a blocker let the port go, and why. */
export function releaseText(record: ReleaseRecord, options: TextOptions): string {
  const about = record.precision === "estimated" ? "about " : "";
  const when = `${record.socket} at ${about}${clockTime(record.at, options)}, ${about}${durationText(record.afterNs, options)} after the refusal`;
  return `${when}${cause(record, options)}`;
}

/** From which time on (ns) the end of a socket counts as later than the close call that it follows. */
const LATER = 1_000_000;

function cause({ via, by, exitSignal, at, closedAt }: ReleaseRecord, options: TextOptions): string {
  const who = by ? processText(by, options) : "its last holder";
  switch (via) {
    case "close": {
      const late = closedAt === null ? 0 : nanosBetween(closedAt, at);
      return late < LATER ? `, when ${who} closed it` : `, ${durationText(late, options)} after ${who} had closed its last descriptor`;
    }
    case "exit":
      return exitSignal === null ? `, when ${who} exited` : `, when ${who} was ended by ${exitSignal}`;
    case "exec":
      return `, when ${who} became another program (CLOEXEC)`;
    case "namespace-gone":
      return ", when its network namespace had no process any more";
    case "time-wait-cut-short":
      return ", when its TIME_WAIT was cut short (by a reset, or a new connection in its place)";
    case "time-wait-expired":
      return ", when its TIME_WAIT ended";
    case "unknown":
      return "";
  }
}
