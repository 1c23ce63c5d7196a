import { parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import type { Advice } from "../core/advice.ts";
import type { Rule } from "../core/conflict.ts";
import type { DescriptorRecord, HolderRecord, ProcessRecord } from "../core/process-record.ts";
import type { BlockerRecord } from "../core/record.ts";
import { ADVICE_SENTENCES, AGAIN_SENTENCE, causeOf, ORPHAN_SENTENCE, RULE_SENTENCES } from "./sentences.ts";
import { clockTime, durationText, escapeText, most, type TextOptions, truncate, wrap } from "./text.ts";

/** What the blocks about a refused call and about a check share. */

const LABEL_WIDTH = 12;
/** Mark, time of day and the spaces after each. */
const HEAD_INDENT = 16;
/** Longest command line shown for a holder. */
const COMMAND_WIDTH = 60;
/** Characters of a container's id that its engines show. */
const CONTAINER_ID = 12;
/** Units that only say that somebody is logged in. */
const LOGIN = /^(session-.*\.scope|user@\d+\.service)$/;
/** Most holders of one socket that are named. */
const MAX_HOLDERS = 4;

type Shown = Pick<
  BlockerRecord,
  "socket" | "protocol" | "state" | "substate" | "address" | "port" | "peer" | "expiresAt" | "holdersComplete"
> & { holders: readonly DescriptorRecord[] };

/** `s1  0.0.0.0:8080  LISTEN`. */
export function socketText({ socket, protocol, state, substate, address, port, peer }: Shown, { ascii }: TextOptions): string {
  const other = peer ? ` ${ascii ? "->" : "→"} ${endpoint(peer.address, peer.port)}` : "";
  const kind = protocol === "tcp" ? "" : `  ${protocol}`;
  return `${socket}  ${endpoint(address, port)}${other}${kind}  ${substate && substate !== state ? `${state} (${substate})` : state}`;
}

/** The line with a mark and the time of day, wrapped under its text. */
export function headLines(mark: string, at: string, text: string, options: TextOptions): string[] {
  const [first = "", ...more] = wrap(escapeText(text, options.ascii), Math.max(20, options.width - HEAD_INDENT));
  return [`${mark} ${clockTime(at, options)}  ${first}`, ...more.map((line) => `${" ".repeat(HEAD_INDENT)}${line}`)];
}

/** Who holds a socket, or how long its TIME_WAIT lasts from `at` on. */
export function heldBy(blocker: Shown, at: string, options: TextOptions): string {
  if (blocker.state === "TIME_WAIT") {
    const end = blocker.expiresAt;
    return end === null
      ? "no process holds it"
      : `no process holds it; free at about ${clockTime(end, options)}, ${between(at, end, options)} later`;
  }
  return holderText(blocker.holders, blocker.holdersComplete, options);
}

/** A descriptor, and what is known of how it came there and what its process runs as. */
type ShownHolder = DescriptorRecord & Partial<Pick<HolderRecord, "from" | "process">>;

export function holderText(holders: readonly ShownHolder[], complete: boolean, options: TextOptions): string {
  const max = most(MAX_HOLDERS, options);
  const named = holders.slice(0, max).map((holder) => {
    const how = holder.via === "inherited" || holder.via === "received" ? `${holder.via} ` : "";
    const from = holder.from ? ` from ${processText(holder.from, options)}` : "";
    const through = holder.fd === null ? "" : ` through ${how}fd ${holder.fd}${from}`;
    const command = truncate(escapeText(holder.command, options.ascii), most(COMMAND_WIDTH, options), options);
    const place = placeText(holder.process ?? null, options);
    return `${processText(holder, options)}${through}${place ? ` (${place})` : ""}${command ? `: ${command}` : ""}`;
  });
  const more = holders.length > max ? [`${holders.length - max} more`] : [];
  const unsure = complete ? [] : ["maybe others too"];
  if (named.length === 0) return complete ? "no process holds it" : "holder not found";
  return `held by ${[...named, ...more, ...unsure].join(", ")}`;
}

/** What a process runs as: `unit nginx.service`, `container 0123456789ab, pid 7 in it`. */
function placeText(process: ProcessRecord | null, { ascii }: TextOptions): string {
  if (!process) return "";
  const { pod, container, unit, nsPids } = process;
  const inner = nsPids.length > 1 ? [`pid ${nsPids.at(-1)} in it`] : [];
  if (container !== null) {
    const where = `container ${escapeText(container.slice(0, CONTAINER_ID), ascii)}`;
    return [...(pod === null ? [] : [`pod ${escapeText(pod, ascii)}`]), where, ...inner].join(", ");
  }
  return unit === null || LOGIN.test(unit) ? "" : `unit ${escapeText(unit, ascii)}`;
}

export const nameText = (comm: string, { ascii }: Pick<TextOptions, "ascii">) => escapeText(comm, ascii) || "?";

/** `node[20]`. */
export const processText = ({ comm, pid }: { comm: string; pid: number }, options: Pick<TextOptions, "ascii">) =>
  `${nameText(comm, options)}[${pid}]`;

export const nanosBetween = (from: string, to: string) => Number((parseIsoTime(to) ?? 0n) - (parseIsoTime(from) ?? 0n));
export const between = (from: string, to: string, options: TextOptions) => durationText(nanosBetween(from, to), options);

interface Refused {
  rule: Rule;
  errno: string;
  binder: { socketUid: number | null };
  blockers: readonly { rule: Rule | null; socketUid: number | null }[];
}

/** The rule of a refusal as a sentence. */
export function ruleText({ rule, errno, binder, blockers }: Refused): string {
  if (rule === "not-a-conflict") return `${RULE_SENTENCES[rule]}: ${causeOf(errno)}`;
  if (rule === "ports-exhausted" && errno === "EAGAIN") return `${RULE_SENTENCES[rule]} (${AGAIN_SENTENCE})`;
  const other = blockers.find((blocker) => blocker.rule === "reuseport-other-user");
  if (rule !== "reuseport-other-user" || !other) return RULE_SENTENCES[rule];
  if (other.socketUid === binder.socketUid) return ORPHAN_SENTENCE;
  return `${RULE_SENTENCES[rule]} (uid ${binder.socketUid} and uid ${other.socketUid})`;
}

/** A label and its text; one without label belongs to the one before it. */
export type Field = readonly [label: string, text: string];

/** What would help, and what of the new socket would not. */
export function adviceFields(advice: readonly Advice[], options: TextOptions): Field[] {
  const helps = advice.filter(({ wouldBind }) => wouldBind);
  const useless = advice.filter(({ wouldBind, target }) => !wouldBind && target === "binder");
  const sentences = (some: readonly Advice[]) => some.map(({ code }) => ADVICE_SENTENCES[code]).join(options.ascii ? "; " : " · ");
  return [
    ...(helps.length > 0 ? [["would help", sentences(helps)] as const] : []),
    ...(useless.length > 0 ? [["no help", sentences(useless)] as const] : []),
  ];
}

/** Fields as lines, each wrapped under its text. */
export const fieldLines = (fields: readonly Field[], options: TextOptions): string[] =>
  fields.flatMap(([label, text]) => field(label, text, options));

/** `  label       text`, wrapped with the text column kept. */
export function field(label: string, text: string, options: TextOptions): string[] {
  const indent = 2 + LABEL_WIDTH;
  const lines = wrap(escapeText(text, options.ascii), Math.max(20, options.width - indent));
  return lines.map((line, index) => `  ${(index === 0 ? label : "").padEnd(LABEL_WIDTH)}${line}`);
}
