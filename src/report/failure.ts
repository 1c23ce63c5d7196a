import { parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import type { BlockerRecord, FailureRecord, HolderRecord, HoldersRecord, ReleaseRecord } from "../core/record.ts";
import { ADVICE_SENTENCES, AGAIN_SENTENCE, causeOf, ORPHAN_SENTENCE, RULE_SENTENCES } from "./sentences.ts";
import { clockTime, durationText, escapeText, ordinal, paint, type TextOptions, truncate, wrap } from "./text.ts";

const LABEL_WIDTH = 12;
/** Cross, time of day and the spaces after each. */
const HEAD_INDENT = 16;
/** Longest command line shown for a holder. */
const COMMAND_WIDTH = 60;
/** Most blockers described one by one, and most holders of one of them. */
const MAX_BLOCKERS = 8;
const MAX_HOLDERS = 4;

/** The block that explains one refused call. */
export function failureBlock(record: FailureRecord, options: TextOptions): string {
  if (record.repeats > 0) {
    return `${head(`${what(record, options)}  (${ordinal(record.repeats + 1)} time, ${still(record)})`, record, options).join("\n")}\n`;
  }
  const shown = record.blockers.slice(0, MAX_BLOCKERS);
  const hidden = record.blockers.length - shown.length;
  const helps = record.advice.filter(({ wouldBind }) => wouldBind).map(({ code }) => ADVICE_SENTENCES[code]);
  const useless = record.advice
    .filter(({ wouldBind, target }) => !wouldBind && target === "binder")
    .map(({ code }) => ADVICE_SENTENCES[code]);
  const dot = options.ascii ? "; " : " · ";
  return [
    ...head(`${what(record, options)}  (${record.errno})`, record, options).map((line) => paint("strong", line, options)),
    ...shown.flatMap((blocker) => blockerLines(blocker, record, options)),
    ...(hidden > 0 ? field("", `and ${hidden} more sockets`, options) : []),
    ...field("rule", ruleText(record), options),
    ...(record.confidence === "exact" ? [] : field("certainty", `${record.confidence}: ${record.doubts.join("; ")}`, options)),
    ...(helps.length > 0 ? field("would help", helps.join(dot), options) : []),
    ...(useless.length > 0 ? field("no help", useless.join(dot), options) : []),
    "",
  ].join("\n");
}

/** The line with the cross, wrapped under its text. */
function head(text: string, record: FailureRecord, options: TextOptions): string[] {
  const [first = "", ...more] = wrap(escapeText(text, options.ascii), Math.max(20, options.width - HEAD_INDENT));
  const cross = paint("bad", options.ascii ? "x" : "✗", options);
  return [`${cross} ${clockTime(record.at, options)}  ${first}`, ...more.map((line) => `${" ".repeat(HEAD_INDENT)}${line}`)];
}

function ruleText(record: FailureRecord): string {
  if (record.rule === "not-a-conflict") return `${RULE_SENTENCES[record.rule]}: ${causeOf(record.errno)}`;
  if (record.rule === "ports-exhausted" && record.errno === "EAGAIN") return `${RULE_SENTENCES[record.rule]} (${AGAIN_SENTENCE})`;
  const other = record.blockers.find(({ rule }) => rule === "reuseport-other-user");
  if (record.rule !== "reuseport-other-user" || !other) return RULE_SENTENCES[record.rule];
  if (other.socketUid === record.binder.socketUid) return ORPHAN_SENTENCE;
  return `${RULE_SENTENCES[record.rule]} (uid ${record.binder.socketUid} and uid ${other.socketUid})`;
}

function what(record: FailureRecord, options: TextOptions): string {
  const protocol = record.protocol === "tcp" ? "" : ` (${record.protocol})`;
  const who = `${name(record.binder.comm, options)}[${record.binder.pid}]`;
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
  const protocol = blocker.protocol === "tcp" ? "" : `  ${blocker.protocol}`;
  const peer = blocker.peer ? ` ${options.ascii ? "->" : "→"} ${endpoint(blocker.peer.address, blocker.peer.port)}` : "";
  const state = blocker.substate && blocker.substate !== blocker.state ? `${blocker.state} (${blocker.substate})` : blocker.state;
  const line = `${blocker.socket}  ${endpoint(blocker.address, blocker.port)}${peer}${protocol}  ${state}  ${since(blocker, record, options)}`;
  return [...field("blocked by", line, options), ...field("", heldBy(blocker, record, options), options)];
}

function since(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): string {
  const { opener } = blocker;
  if (!opener || blocker.boundAt === null) {
    return blocker.seenAt < record.enteredAt ? `there since before ${clockTime(blocker.seenAt, options)}` : "first seen here";
  }
  const exited =
    opener.exitedAt === null || nanosBetween(opener.exitedAt, record.at) < 0
      ? ""
      : `, which exited ${between(opener.exitedAt, record.at, options)} earlier`;
  return `since ${clockTime(blocker.boundAt, options)}, bound by ${name(opener.comm, options)}[${opener.pid}]${exited}`;
}

function heldBy(blocker: BlockerRecord, record: FailureRecord, options: TextOptions): string {
  if (blocker.state === "TIME_WAIT") {
    const end = blocker.expiresAt;
    return end === null
      ? "no process holds it"
      : `no process holds it; free at about ${clockTime(end, options)}, ${between(record.at, end, options)} later`;
  }
  return holderText(blocker.holders, blocker.holdersComplete, options);
}

function holderText(holders: readonly HolderRecord[], complete: boolean, options: TextOptions): string {
  const named = holders.slice(0, MAX_HOLDERS).map((holder) => {
    const how = holder.via === "inherited" || holder.via === "received" ? `${holder.via} ` : "";
    const through = holder.fd === null ? "" : ` through ${how}fd ${holder.fd}`;
    const command = truncate(escapeText(holder.command, options.ascii), COMMAND_WIDTH, options);
    return `${name(holder.comm, options)}[${holder.pid}]${through}${command ? `: ${command}` : ""}`;
  });
  const more = holders.length > MAX_HOLDERS ? [`${holders.length - MAX_HOLDERS} more`] : [];
  const unsure = complete ? [] : ["maybe others too"];
  if (named.length === 0) return complete ? "no process holds it" : "holder not found";
  return `held by ${[...named, ...more, ...unsure].join(", ")}`;
}

/** What a slow search for holders found after the block was out. */
export function holdersLine(record: HoldersRecord, options: TextOptions): string {
  const text = `${record.socket} ${holderText(record.holders, record.complete, options)}`;
  return `${field("holders", text, options).join("\n")}\n`;
}

export function releaseLine(record: ReleaseRecord, options: TextOptions): string {
  const about = record.precision === "estimated" ? "about " : "";
  const when = `${record.socket} at ${about}${clockTime(record.at, options)}, ${about}${durationText(record.afterNs, options)} after the refusal`;
  return `${field("released", `${when}${cause(record, options)}`, options).join("\n")}\n`;
}

function cause({ via, by }: ReleaseRecord, options: TextOptions): string {
  const who = by ? `${name(by.comm, options)}[${by.pid}]` : "its last holder";
  switch (via) {
    case "close":
      return `, when ${who} closed it`;
    case "exit":
      return `, when ${who} exited`;
    case "time-wait-expired":
      return ", when its TIME_WAIT ended";
    case "unknown":
      return "";
  }
}

const name = (comm: string, { ascii }: TextOptions) => escapeText(comm, ascii) || "?";

const nanosBetween = (from: string, to: string) => Number((parseIsoTime(to) ?? 0n) - (parseIsoTime(from) ?? 0n));
const between = (from: string, to: string, options: TextOptions) => durationText(nanosBetween(from, to), options);

/** `  label       text`, wrapped with the text column kept. */
function field(label: string, text: string, options: TextOptions): string[] {
  const indent = 2 + LABEL_WIDTH;
  const lines = wrap(escapeText(text, options.ascii), Math.max(20, options.width - indent));
  return lines.map((line, index) => `  ${(index === 0 ? label : "").padEnd(LABEL_WIDTH)}${line}`);
}
