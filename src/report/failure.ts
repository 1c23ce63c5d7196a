import { endpoint } from "../core/address.ts";
import type { BlockerRecord, FailureRecord, HoldersRecord, ReleaseRecord } from "../core/record.ts";
import { adviceLines, between, field, headLines, heldBy, holderText, nameText, nanosBetween, ruleText, socketText } from "./block.ts";
import { lineageLines } from "./lineage.ts";
import { NATURE_SENTENCES, ORPHAN_SENTENCES } from "./sentences.ts";
import { clockTime, durationText, ordinal, paint, type TextOptions } from "./text.ts";

/** Most blockers described one by one. */
const MAX_BLOCKERS = 8;
/** Most notes: they come with the most specific first. */
const MAX_NOTES = 3;

/** The block that explains one refused call. */
export function failureBlock(record: FailureRecord, options: TextOptions): string {
  const head = (text: string) => headLines(paint("bad", options.ascii ? "x" : "✗", options), record.at, text, options);
  if (record.repeats > 0) {
    return `${head(`${what(record, options)}  (${ordinal(record.repeats + 1)} time, ${still(record)})`).join("\n")}\n`;
  }
  const shown = record.blockers.slice(0, MAX_BLOCKERS);
  const hidden = record.blockers.length - shown.length;
  return [
    ...head(`${what(record, options)}  (${record.errno})`).map((line) => paint("strong", line, options)),
    ...shown.flatMap((blocker) => blockerLines(blocker, record, options)),
    ...(hidden > 0 ? field("", `and ${hidden} more sockets`, options) : []),
    ...field("rule", ruleText(record), options),
    ...record.notes.slice(0, MAX_NOTES).flatMap(({ message }) => field("note", message, options)),
    ...(record.confidence === "exact" ? [] : field("certainty", `${record.confidence}: ${record.doubts.join("; ")}`, options)),
    ...adviceLines(record.advice, options),
    "",
  ].join("\n");
}

function what(record: FailureRecord, options: TextOptions): string {
  const protocol = record.protocol === "tcp" ? "" : ` (${record.protocol})`;
  const who = `${nameText(record.binder.comm, options)}[${record.binder.pid}]`;
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

function blockerLines(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): string[] {
  const line = `${socketText(blocker, options)}  ${since(blocker, record, options)}`;
  return [
    ...field("blocked by", line, options),
    ...field("", behind(blocker, record, options), options),
    ...lineageLines(blocker.lineage, options).flatMap((step, index) => field(index === 0 ? "story" : "", step, options)),
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
  return `since ${clockTime(blocker.boundAt, options)}, bound by ${nameText(opener.comm, options)}[${opener.pid}]${exited}`;
}

/** What a slow search for holders found after the block was out. */
export function holdersLine(record: HoldersRecord, options: TextOptions): string {
  const { socket, nature, holders, complete } = record;
  const text = `${socket} ${nature === "in-flight" || nature === "kernel" ? NATURE_SENTENCES[nature] : holderText(holders, complete, options)}`;
  return `${field("holders", text, options).join("\n")}\n`;
}

export function releaseLine(record: ReleaseRecord, options: TextOptions): string {
  const about = record.precision === "estimated" ? "about " : "";
  const when = `${record.socket} at ${about}${clockTime(record.at, options)}, ${about}${durationText(record.afterNs, options)} after the refusal`;
  return `${field("released", `${when}${cause(record, options)}`, options).join("\n")}\n`;
}

/** From which time on (ns) the end of a socket counts as later than the close call that it follows. */
const LATER = 1_000_000;

function cause({ via, by, exitSignal, at, closedAt }: ReleaseRecord, options: TextOptions): string {
  const who = by ? `${nameText(by.comm, options)}[${by.pid}]` : "its last holder";
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
