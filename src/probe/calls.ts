import type { Nanos } from "../base/nanoseconds.ts";
import { ANY4, ANY6 } from "../core/address.ts";
import { errnoName } from "../core/errno.ts";
import type { CallEvent, EventOf, SocketFacts, TraceEvent } from "../core/event.ts";
import type { LineFields } from "./fields.ts";
import { fdOrNull, NO_FD, OP, RESULT } from "./protocol.ts";
import type { Reading } from "./sockets.ts";
import { commonWords, groupOf, orNull, protocolOf, sockaddr, unsigned, ZERO_WORD } from "./words.ts";

const OPERATIONS = { [OP.BIND]: "bind", [OP.CONNECT]: "connect", [OP.SENDTO]: "sendto", [OP.UNKNOWN]: "unknown" } as const;

/** The kernel's search for a port, as `bt:port` tells it: the `bt:call` that it belongs to follows on the same CPU. */
export interface Search {
  port: number;
  refused: boolean | null;
  /** Where the owners of the port were told: number and CPU of the last line of the walk as one; null when they were not. */
  walked: number | null;
  sk: number;
  /** The socket as it stood when the search began. */
  asked: ReturnType<typeof commonWords>;
}

/** Who else made the socket of the `bt:call` that follows on the same CPU, as `bt:made` tells it. */
export function readMaker(fields: LineFields, { instant }: Reading): NonNullable<CallEvent["created"]> {
  const pid = fields.number();
  return { pid, t: instant(fields.big()), comm: fields.comm() };
}

export function readSearch(fields: LineFields, { pointer }: Reading): Search {
  const port = fields.number();
  const result = fields.number();
  const sk = pointer(fields.hex());
  const asked = commonWords(fields.word(), fields.word(), fields.word(), fields.word(), fields.word(), ZERO_WORD, ZERO_WORD);
  const walked = orNull(fields.number());
  return { port, refused: result === RESULT.FREE ? false : result === RESULT.REFUSED ? true : null, walked, sk, asked };
}

/** A call and its result, and what was told with it and came before: that the socket of a listen has begun to listen. */
export interface ToldCall {
  before: TraceEvent | null;
  call: CallEvent;
}

/**
 * A `bt:call`. `search`: undefined where it is not known whether there was one, null where there was none; `created`: who else made the
 * socket.
 */
export function readCall(
  fields: LineFields,
  t: Nanos,
  { search, created }: { search: Search | null | undefined; created: NonNullable<CallEvent["created"]> | null },
  { pointer, instant }: Reading,
): ToldCall {
  const enteredAt = instant(fields.big());
  const op = fields.number();
  const fd = fields.number();
  const swapped = fields.number() === 1;
  const ret = fields.number();
  const pid = fields.number();
  const tid = fields.number();
  const uid = unsigned(fields.number());
  const [head, low, high] = [fields.word(), fields.word(), fields.word()];
  const made = fields.big();
  const nsPid = fields.number();
  const sk = pointer(fields.hex());
  const netns = fields.number();
  const now = commonWords(fields.word(), fields.word(), fields.word(), fields.word(), fields.word(), ZERO_WORD, ZERO_WORD);
  const socketUid = unsigned(fields.number());
  const protocol = protocolOf(fields.number());
  const inode = orNull(fields.number());
  const group = groupOf(fields.hex(), fields.number(), fields.number(), fields.hex());
  const comm = fields.comm();
  const operation = OPERATIONS[op as keyof typeof OPERATIONS];
  const isSearched = search !== null && search !== undefined && ret !== 0;
  const words = isSearched ? search.asked : now;
  const listening = !operation && ret !== 0 && words.state === "LISTEN";
  // Written out: of lines that come by the thousand, spreading objects took a third of the time.
  const socket: SocketFacts = {
    family: words.family,
    address: words.address,
    port: isSearched ? search.port : words.port,
    peer: words.peer,
    // A refused listen has passed through LISTEN (inet_csk_listen_start); the socket stays what it was.
    state: words.state === "CLOSE" || protocol === "udp" || listening ? "BOUND" : words.state,
    reuseAddr: words.reuseAddr,
    reusePort: words.reusePort,
    ipv6Only: words.ipv6Only,
    device: words.device,
    sk,
    subflow: search && search.sk !== sk ? search.sk : null,
    inode,
    netns,
    protocol,
    substate: null,
    expiresAt: null,
    uid: socketUid,
    group,
  };
  const call = {
    t,
    enteredAt,
    pid,
    tid,
    comm,
    nsPid,
    uid,
    fd: fdOrNull(fd),
    errno: ret < 0 ? errnoOf(operation, ret) : null,
    socket,
    swapped,
    walk: null,
    created: made === 0n ? created : { pid, t: instant(made), comm },
    inCommand: false,
  };
  const told: Pick<CallEvent, "search"> = search === undefined ? {} : { search: search && { port: search.port, refused: search.refused } };
  if (op === OP.LISTEN) {
    const heard = (BigInt(high.high) << 32n) | BigInt(high.low);
    const state = { type: "state", t: instant(heard), sk, inode, netns, port: head.low, from: "CLOSE", to: "LISTEN" } as const;
    return { before: heard === 0n ? null : state, call: Object.assign(call, { type: "listen" as const, backlog: low.low | 0 }, told) };
  }
  if (!operation) throw new Error(`unknown operation ${op}`);
  // Where the call itself was not seen, the kernel's search tells what was asked for.
  const requested =
    fd === NO_FD ? { family: socket.family, address: socket.address, port: search?.port ?? 0 } : sockaddr(head, low, high, socket.family);
  if (call.errno !== null && !search) asRequested(socket, requested);
  return { before: null, call: Object.assign(call, { type: "bind" as const, operation, requested }, told) };
}

/** A search for any free port that was refused is EAGAIN where connect or sendto began it (inet_autobind). */
function errnoOf(operation: string | undefined, ret: number): string {
  return operation === "connect" || operation === "sendto" ? "EAGAIN" : errnoName(-ret);
}

/** The kernel has zeroed the address of a refused socket by now. Where its search was not seen, what was asked for stands in its place. */
function asRequested(socket: SocketFacts, { family, address, port }: EventOf<"bind">["requested"]): void {
  socket.address = family === socket.family ? address : socket.family === "ipv6" ? ANY6 : ANY4;
  socket.port = port;
}
