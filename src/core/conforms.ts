import { PASSES, type TraceEvent } from "./event.ts";
import { familySchema, protocolSchema, stateSchema } from "./facts.ts";

/**
 * Whether a value read from JSON is an event with every field of the contract (event.ts) as the contract wants it, so that zod would
 * give it back as it is. Ten times faster than asking zod. False does not mean that it is none: then zod is to be asked, which
 * also fills in what older traces leave out.
 */
export function conforms(value: unknown): value is TraceEvent {
  if (!isObject(value) || !isInt(value.t)) return false;
  const check = CHECKS.get(value.type as string);
  return check?.(value) ?? false;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: Fields) => boolean;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isText = (value: unknown) => typeof value === "string";
const isTruth = (value: unknown) => typeof value === "boolean";
const isInt = (value: unknown) => Number.isSafeInteger(value);
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isPort = (value: unknown) => isCount(value) && (value as number) <= 65535;
const isCountOrNull = (value: unknown) => value === null || isCount(value);
const isIntOrNull = (value: unknown) => value === null || isInt(value);
const isTextOrNull = (value: unknown) => value === null || isText(value);

/** A list, and all in it. */
function areAll(value: unknown, check: (one: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return false;
  for (const one of value) if (!check(one)) return false;
  return true;
}

const states: ReadonlySet<unknown> = new Set(stateSchema.options);
const protocols: ReadonlySet<unknown> = new Set(protocolSchema.options);
const families: ReadonlySet<unknown> = new Set(familySchema.options);
const passes: ReadonlySet<unknown> = new Set(PASSES);
const operations: ReadonlySet<unknown> = new Set(["bind", "connect", "sendto", "unknown"]);
const options: ReadonlySet<unknown> = new Set(["SO_REUSEADDR", "SO_REUSEPORT", "SO_BINDTODEVICE", "IPV6_V6ONLY"]);

const isWho = ({ pid, comm }: Fields) => isInt(pid) && isText(comm);
const isThread = (value: Fields) => isWho(value) && isInt(value.tid);
const isPlace = ({ netns, port }: Fields) => isCount(netns) && isPort(port);
const isSocketRef = (value: Fields) => isCount(value.sk) && isCountOrNull(value.inode) && isPlace(value);

const isGroup = (value: unknown) =>
  value === null ||
  (isObject(value) && isCount(value.id) && isCount(value.size) && (value.program === undefined || isTruth(value.program)));

const isPeer = (value: unknown) => value === null || (isObject(value) && isText(value.address) && isPort(value.port));

function isSocket(value: unknown): boolean {
  if (!isObject(value)) return false;
  const identity = isSocketRef(value) && isCountOrNull(value.subflow) && protocols.has(value.protocol) && families.has(value.family);
  if (!identity || !isText(value.address) || !isPeer(value.peer) || !states.has(value.state)) return false;
  const timer = (value.substate === null || states.has(value.substate)) && isIntOrNull(value.expiresAt);
  const chosen = isTruth(value.reuseAddr) && isTruth(value.reusePort) && isTruth(value.ipv6Only) && isCount(value.device);
  if (!timer || !chosen || !isCountOrNull(value.uid) || !isGroup(value.group)) return false;
  return value.references === undefined || isCountOrNull(value.references);
}

function isWalk(value: unknown): boolean {
  if (!isObject(value) || !isPlace(value)) return false;
  if ((value.protocol !== "tcp" && value.protocol !== "udp") || !isTruth(value.locked)) return false;
  if (value.at !== undefined && !isInt(value.at)) return false;
  if (!isCount(value.buckets) || !isInt(value.fastReuse) || !isInt(value.fastReusePort) || !isCount(value.fastUid)) return false;
  if (!isCount(value.visited) || !isCount(value.possible) || !isCount(value.printed) || !isCount(value.missed)) return false;
  return areAll(value.owners, isSocket) && isCountOrNull(value.decisive) && isTruth(value.lost);
}

const isSearch = (value: unknown) =>
  value === undefined || value === null || (isObject(value) && isPort(value.port) && (value.refused === null || isTruth(value.refused)));

const isCreator = (value: unknown) => value === undefined || value === null || (isObject(value) && isInt(value.t) && isWho(value));

function isCall(value: Fields): boolean {
  if (!isInt(value.enteredAt) || !isThread(value) || !isInt(value.nsPid) || !isCount(value.uid) || !isCountOrNull(value.fd)) return false;
  if (!isTextOrNull(value.errno) || !isSocket(value.socket) || !isTruth(value.swapped)) return false;
  return (value.walk === null || isWalk(value.walk)) && isSearch(value.search) && isCreator(value.created) && isTruth(value.inCommand);
}

const isRequested = (value: unknown) => isObject(value) && families.has(value.family) && isText(value.address) && isPort(value.port);

const isHolder = (value: unknown) =>
  isObject(value) && isWho(value) && isCount(value.fd) && isText(value.command) && isInt(value.parent) && isIntOrNull(value.startedAt);

const isHeld = (value: unknown) => isObject(value) && isCount(value.inode) && areAll(value.holders, isHolder);

const isAncestor = (value: unknown) =>
  isObject(value) && isWho(value) && isTextOrNull(value.program) && (value.command === undefined || isText(value.command));

function isProcess(value: Fields): boolean {
  if (!isWho(value) || !isText(value.command) || !isTextOrNull(value.program) || !isIntOrNull(value.startedAt)) return false;
  if (value.execCommand !== undefined && !isText(value.execCommand)) return false;
  if (!areAll(value.ancestors, isAncestor) || !isTextOrNull(value.cgroup) || !areAll(value.nsPids, isInt)) return false;
  return areAll(value.marks, isText) && isText(value.state);
}

const isOption = (value: Fields) =>
  isThread(value) &&
  isSocketRef(value) &&
  isCountOrNull(value.fd) &&
  options.has(value.option) &&
  isTextOrNull(value.errno) &&
  isTruth(value.reuseAddr) &&
  isTruth(value.reusePort) &&
  isTruth(value.ipv6Only) &&
  isCount(value.device);

const isUnseenListener = (value: unknown) => isHeld(value) && isObject(value) && families.has(value.family) && isText(value.address);

function isHolders(value: Fields): boolean {
  if (!isIntOrNull(value.failureAt) || !isIntOrNull(value.tid) || !isTruth(value.late) || !isTruth(value.complete)) return false;
  return areAll(value.sockets, isHeld) && (value.listeners === undefined || areAll(value.listeners, isUnseenListener));
}

const isReleaser = (value: unknown) => value === null || (isObject(value) && isThread(value) && isTruth(value.exiting));

const CHECKS: ReadonlyMap<string, Check> = new Map<TraceEvent["type"], Check>([
  ["bind", (value) => isCall(value) && operations.has(value.operation) && isRequested(value.requested)],
  ["listen", (value) => isCall(value) && isInt(value.backlog)],
  ["close", (value) => isThread(value) && isSocketRef(value) && isCountOrNull(value.fd) && isCount(value.references)],
  ["option", isOption],
  ["state", (value) => isSocketRef(value) && states.has(value.from) && states.has(value.to)],
  ["destroy", (value) => isThread(value) && isCount(value.sk) && isPlace(value) && isTruth(value.exiting)],
  ["release", (value) => isCount(value.sk) && isPlace(value) && isReleaser(value.by)],
  ["pass", (value) => isThread(value) && isSocketRef(value) && isCountOrNull(value.fd) && passes.has(value.how)],
  ["fork", (value) => isInt(value.pid) && isInt(value.child)],
  ["exec", isWho],
  ["signal", (value) => isInt(value.pid) && isCount(value.signal) && isObject(value.by) && isWho(value.by)],
  ["exit", (value) => isWho(value) && isCount(value.code) && isCount(value.signal)],
  ["process", isProcess],
  ["command", (value) => isCountOrNull(value.code) && isTextOrNull(value.signal)],
  ["namespace-gone", (value) => isCount(value.netns)],
  ["look", (value) => isTruth(value.seed) && isWalk(value.walk)],
  ["holders", isHolders],
  ["lost", (value) => isCount(value.cpu) && isCount(value.count)],
  ["end", (value) => isText(value.reason) && isCount(value.lost) && isCount(value.foreign) && isTruth(value.died)],
]);
