import { ANY4, ANY6, endpoint } from "../core/address.ts";
import type { CheckRecord, OwnerRecord } from "../core/check-record.ts";
import { adviceFields, field, fieldLines, headLines, heldBy, processText, ruleText, socketText } from "./block.ts";
import { escapeText, paint, type Style, type TextOptions, wrap } from "./text.ts";

/** Most sockets of a kind that are described one by one. */
const MAX_SHOWN = 8;
/** More connections than this are only counted. */
const MAX_CONNECTIONS = 3;

const HEADS: Readonly<Record<CheckRecord["answer"], { mark: string; ascii: string; style: Style; text: string }>> = {
  passes: { mark: "✓", ascii: "+", style: "good", text: "would pass" },
  refused: { mark: "✗", ascii: "x", style: "bad", text: "would be refused" },
  unknown: { mark: "?", ascii: "?", style: "strong", text: "not determined" },
};

/** The answer to a check for people: the bind, the answer, every owner, and what would help. */
export function checkText(record: CheckRecord, options: TextOptions): string {
  const { mark, ascii, style, text } = HEADS[record.answer];
  const answer = `${text}${record.errno === null ? "" : `  (${record.errno})`}`;
  const ofConflict = (wanted: OwnerRecord["conflicts"]) => record.owners.filter(({ conflicts }) => conflicts === wanted);
  return [
    ...wrap(escapeText(questionText(record), options.ascii), options.width, true),
    ...headLines(paint(style, options.ascii ? ascii : mark, options), record.at, answer, options).map((line) =>
      paint("strong", line, options),
    ),
    ...ownerLines(blameLabel(record), record.blockers, record, options),
    ...ownerLines("may block", ofConflict("maybe"), record, options),
    ...ownerLines("no conflict", ofConflict("no"), record, options),
    ...(record.owners.length === 0 && record.evidence === "bucket" ? field("owners", "no socket has this port", options) : []),
    ...ruleLines(record, options),
    ...record.reasons.flatMap((reason, index) => field(index === 0 ? reasonLabel(record) : "", reason, options)),
    ...dualStackLines(record, options),
    ...fieldLines(adviceFields(record.advice, options), options),
    "",
  ].join("\n");
}

function questionText({ address, port, protocol, binder, netns }: CheckRecord): string {
  const without = binder.reuseAddr || binder.reusePort ? "" : "without SO_REUSEADDR or SO_REUSEPORT, ";
  const options = optionNames(binder).join(" and ");
  const where = `network namespace ${netns ?? "not known"}`;
  return `bind of ${endpoint(address, port)}/${protocol}${reach(address, binder.ipv6Only)}, ${options === "" ? "" : `with ${options}, `}${without}${userText(binder.user)}, ${where}`;
}

function reach(address: string, ipv6Only: boolean): string {
  if (address === ANY4) return " (every IPv4 address)";
  return address === ANY6 ? ` (every address, ${ipv6Only ? "IPv6 only" : "IPv4 too"})` : "";
}

function userText({ uid, name, from }: CheckRecord["binder"]["user"]): string {
  const why = { option: "", sudo: ", who called sudo", caller: "" }[from];
  return `as ${name === null ? `uid ${uid}` : `${name} (uid ${uid}${why})`}`;
}

function optionNames(of: Pick<OwnerRecord, "reuseAddr" | "reusePort" | "ipv6Only" | "device">): string[] {
  const device = of.device === null ? [] : [`device ${of.device}`];
  return [
    ...(of.reuseAddr ? ["SO_REUSEADDR"] : []),
    ...(of.reusePort ? ["SO_REUSEPORT"] : []),
    ...(of.ipv6Only ? ["IPV6_V6ONLY"] : []),
    ...device,
  ];
}

/** What a conflict means for the answer: a bind can pass in spite of it, and another error can come before it. */
function blameLabel({ answer, errno }: CheckRecord): string {
  if (answer === "refused") return errno === "EADDRINUSE" ? "blocked by" : "also taken";
  return answer === "passes" ? "overlooked" : "may block";
}

/** Sockets one by one; of many connections the number and who holds them. */
function ownerLines(label: string, owners: readonly OwnerRecord[], record: CheckRecord, options: TextOptions): string[] {
  const connections = owners.filter(({ peer }) => peer !== null);
  const single = connections.length > MAX_CONNECTIONS ? owners.filter(({ peer }) => peer === null) : owners;
  const shown = single.slice(0, MAX_SHOWN);
  const more = single.length - shown.length;
  return [
    ...shown.flatMap((owner) => [
      ...field(label, `${socketText(owner, options)}  ${optionText(owner)}`, options),
      ...field("", heldBy(owner, record.at, options), options),
    ]),
    ...(more > 0 ? field("", `and ${more} more sockets`, options) : []),
    ...(single === owners ? [] : field(label, connectionsText(connections, options), options)),
  ];
}

function connectionsText(connections: readonly OwnerRecord[], options: TextOptions): string {
  const states = new Map<string, number>();
  for (const { state } of connections) states.set(state, (states.get(state) ?? 0) + 1);
  const holders = new Set(connections.flatMap((owner) => owner.holders.map((holder) => processText(holder, options))));
  const named = [...holders].slice(0, MAX_SHOWN);
  const more = holders.size > named.length ? [`${holders.size - named.length} more`] : [];
  const held = named.length > 0 ? `; held by ${[...named, ...more].join(", ")}` : "";
  return `${connections.length} connections: ${[...states].map(([state, count]) => `${count} ${state}`).join(", ")}${held}`;
}

function optionText(owner: OwnerRecord): string {
  const unseen = owner.reuseAddr === null;
  const names = optionNames(owner);
  const uid = owner.socketUid === null ? [] : [`uid ${owner.socketUid}`];
  return [...uid, ...(unseen ? ["options not visible"] : names.length > 0 ? names : ["no options"])].join(", ");
}

function ruleLines(record: CheckRecord, options: TextOptions): string[] {
  const { rule, errno, binder, blockers } = record;
  if (errno !== "EADDRINUSE") return [];
  if (rule === null) return field("rule", "the port is taken whatever options its socket has; which rule it is depends on them", options);
  return field("rule", ruleText({ rule, errno, binder, blockers }), options);
}

const reasonLabel = ({ answer, errno }: CheckRecord) =>
  answer === "unknown" || (errno !== null && errno !== "EADDRINUSE") ? "because" : "note";

/** The same bind of [::], where the answer is another one. */
function dualStackLines({ dualStack, answer, port }: CheckRecord, options: TextOptions): string[] {
  if (dualStack === null || dualStack.answer === answer) return [];
  const by =
    dualStack.blockers.length > 0 && dualStack.answer === "refused" ? ` by ${dualStack.blockers.slice(0, MAX_SHOWN).join(", ")}` : "";
  return field(
    "note",
    `${endpoint(ANY6, port)}, the default of Node, Go and Java, ${HEADS[dualStack.answer].text}${by} (--host ::)`,
    options,
  );
}
