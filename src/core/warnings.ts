import type { Nanos } from "../base/nanoseconds.ts";
import { ANY4, ANY6, addressKind, endpoint } from "./address.ts";
import type { CallEvent, EventOf, SocketFacts, TraceEvent } from "./event.ts";
import type { Group } from "./groups.ts";
import { isKnown, related } from "./kinship.ts";
import { keepLast } from "./many.ts";
import type { Observer } from "./observer.ts";
import { type Place, type PlaceKey, placeKey } from "./party.ts";
import type { Process } from "./process.ts";
import type { WarningRecord } from "./record.ts";
import type { Socket } from "./socket.ts";
import type { SocketTable } from "./table.ts";

/** Members of one group whose processes are compared with each other at most. */
const MOST_MEMBERS = 128;
/** Warnings that are remembered, so as not to be told again. */
const MOST_TOLD = 4096;
/** Sockets that are named one by one, and characters that are shown of a command line. */
const MOST_NAMED = 4;
const COMMAND_LENGTH = 60;

/** Processes that belong together, and what they have of a port. */
interface Family {
  processes: Process[];
  sockets: Socket[];
}

/** Trouble that gives no error: each is told once, as soon as the evidence is complete. */
export class Warnings implements Observer {
  readonly #table: SocketTable;
  readonly #watches: (place: Place) => boolean;
  readonly #iso: (t: Nanos) => string;
  /** Sockets by port that may get connections or datagrams, and the group in which each was when that was looked at. */
  readonly #servers = new Map<PlaceKey, Map<Socket, Group | undefined>>();
  /** Ports on which a process is not known that would have to be. */
  readonly #undecided = new Set<PlaceKey>();
  /** Who had the sockets of the seed, by inode. */
  readonly #seedHolders = new Map<number, { t: Nanos; pids: number[] }>();
  /** What a socket that was refused had asked for. */
  readonly #refusedAt = new WeakMap<Socket, string>();
  readonly #told = new Set<string>();

  constructor(table: SocketTable, watches: (place: Place) => boolean, iso: (t: Nanos) => string) {
    this.#table = table;
    this.#watches = watches;
    this.#iso = iso;
  }

  after(event: TraceEvent): WarningRecord[] {
    switch (event.type) {
      case "bind":
      case "listen":
        return this.#call(event);
      case "look":
        return this.#shown(event.walk.owners, event.t);
      case "holders":
        return event.failureAt === null ? this.#held(event) : [];
      case "process":
        return this.#decide(event.t);
      case "option":
        return this.#option(event);
      default:
        return [];
    }
  }

  explained(): WarningRecord[] {
    return [];
  }

  finish(): WarningRecord[] {
    return [];
  }

  forget(): void {
    for (const [key, servers] of this.#servers) {
      for (const socket of servers.keys()) if (!serves(socket)) servers.delete(socket);
      if (servers.size === 0) this.#servers.delete(key);
    }
  }

  #call(event: CallEvent): WarningRecord[] {
    const { socket, walk, t } = event;
    const binder = this.#table.find(socket.sk, socket.inode);
    if (binder && event.type === "bind" && event.errno === "EADDRINUSE" && event.requested.port !== 0) {
      this.#refusedAt.set(binder, endpoint(event.requested.address, event.requested.port));
    }
    return this.#shown([...(walk?.owners ?? []), ...(event.errno === null ? [socket] : [])], t);
  }

  #held({ t, sockets }: EventOf<"holders">): WarningRecord[] {
    for (const { inode, holders } of sockets) this.#seedHolders.set(inode, { t, pids: holders.map(({ pid }) => pid) });
    return this.#decide(t);
  }

  #decide(t: Nanos): WarningRecord[] {
    return [...this.#undecided].flatMap((key) => this.#check(key, t));
  }

  #shown(sockets: readonly SocketFacts[], t: Nanos): WarningRecord[] {
    const changed = new Set<PlaceKey>();
    for (const { sk, inode } of sockets) {
      const socket = this.#table.find(sk, inode);
      if (!socket || !serves(socket) || !this.#watches(socket.facts)) continue;
      const key = placeKey(socket.facts);
      const servers = this.#servers.get(key) ?? new Map<Socket, Group | undefined>();
      const group = this.#table.groups.of(socket);
      if (servers.has(socket) && servers.get(socket) === group) continue;
      this.#servers.set(key, servers.set(socket, group));
      changed.add(key);
    }
    return [...changed].flatMap((key) => this.#check(key, t));
  }

  #check(key: PlaceKey, t: Nanos): WarningRecord[] {
    const servers = this.#servers.get(key) ?? new Map<Socket, Group | undefined>();
    for (const socket of servers.keys()) if (!serves(socket)) servers.delete(socket);
    this.#undecided.delete(key);
    const groups = new Set([...servers.keys()].map((socket) => this.#table.groups.of(socket)));
    const shared = [...groups].flatMap((group) => (group ? this.#shared(key, group, t) : []));
    return [...shared, ...this.#split(key, [...servers.keys()], t)];
  }

  /** Programs that have nothing to do with each other in one group. One in which a BPF program chooses was meant to be shared. */
  #shared(key: PlaceKey, group: Group, t: Nanos): WarningRecord[] {
    if (group.program || group.members.size < 2) return [];
    const known = [...group.members].slice(0, MOST_MEMBERS).flatMap((socket) => this.#familyOf(key, [socket]) ?? []);
    const families = merged(known);
    const [facts] = families.flatMap(({ sockets }) => sockets).map((socket) => socket.facts);
    if (!facts || families.length < 2) return [];
    const what = facts.protocol === "udp" ? "unicast datagram" : "connection";
    const where = `${endpoint(facts.address, facts.port)} through SO_REUSEPORT (${group.id})`;
    const message = `processes that were started apart share ${where}, and each ${what} goes to one of them: ${families.map(familyText).join(", ")}`;
    return this.#tell("unrelated-programs-share", `${group.id} ${families.map(identity).sort().join()}`, message, families, t);
  }

  /** `localhost` has an address of each family, and clients differ in which they try. */
  #split(key: PlaceKey, servers: readonly Socket[], t: Nanos): WarningRecord[] {
    const listeners = servers.filter(({ facts }) => facts.state === "LISTEN");
    // What is bound to an interface comes first there, and is not reached elsewhere.
    if (listeners.some(({ facts }) => facts.device !== 0)) return [];
    const [over4, over6] = [answering(listeners, rank4), answering(listeners, rank6)];
    if (over4.length === 0 || over6.length === 0 || over4.some((socket) => over6.includes(socket))) return [];
    const [ipv4, ipv6] = [this.#familyOf(key, over4), this.#familyOf(key, over6)];
    if (!ipv4 || !ipv6 || belong(ipv4, ipv6)) return [];
    const message = `localhost:${over4[0]?.facts.port} leads to different processes: 127.0.0.1 to ${familyText(ipv4)}, ::1 to ${familyText(ipv6)}`;
    return this.#tell("loopback-split", `${key} ${identity(ipv4)} ${identity(ipv6)}`, message, [ipv4, ipv6], t);
  }

  /** Who has these sockets. Null, and the port to be looked at again, where that is not known of one. */
  #familyOf(key: PlaceKey, sockets: Socket[]): Family | null {
    const processes = sockets.map((socket) => this.#processesOf(socket));
    if (processes.every((found) => found !== null)) return { processes: [...new Set(processes.flat())], sockets };
    this.#undecided.add(key);
    return null;
  }

  /** The living processes that have a socket: who bound it, or who had it when the trace began. Null where they are not known. */
  #processesOf({ opener, inode, seenAt }: Socket): Process[] | null {
    const holders = this.#seedHolders.get(inode ?? 0);
    const pids = holders && seenAt <= holders.t ? holders.pids : [];
    const found = opener ? [opener.process] : pids.map((pid) => this.#table.processes.get(pid));
    const living = found.filter((process) => process === undefined || process.exitedAt === null);
    const known = living.filter((process) => process !== undefined && isKnown(process)) as Process[];
    return known.length > 0 && known.length === living.length ? known : null;
  }

  #option({ option, sk, inode, pid, comm, t }: EventOf<"option">): WarningRecord[] {
    const socket = this.#table.find(sk, inode);
    if (option !== "SO_REUSEPORT" || socket?.reusePortSince !== t || socket.facts.peer !== null) return [];
    const { id, facts, binderOnly, releasedAt } = socket;
    const refusedAt = this.#refusedAt.get(socket);
    if (!this.#watches(facts) || releasedAt !== null || (binderOnly && refusedAt === undefined)) return [];
    const set = `${comm || "?"}[${pid}] set SO_REUSEPORT on ${id} only after`;
    const message = binderOnly
      ? `${set} its bind of ${refusedAt} had been refused: it counts from the next bind on, and until then ${id} has no port`
      : `${set} its bind of ${endpoint(facts.address, facts.port)}: it did not count until now, and from now on sockets of the same user (uid ${facts.uid}) that have it too can share the port with ${id}`;
    return this.#tell("reuseport-after-bind", id, message, [{ sockets: [socket] }], t);
  }

  #tell(code: WarningRecord["code"], about: string, message: string, of: readonly Pick<Family, "sockets">[], t: Nanos): WarningRecord[] {
    const key = `${code} ${about}`;
    if (this.#told.has(key)) return [];
    this.#told.add(key);
    keepLast(this.#told, MOST_TOLD);
    return [{ type: "warning", at: this.#iso(t), code, message, sockets: of.flatMap(({ sockets }) => sockets.map(({ id }) => id)) }];
  }
}

/** It may get connections, or datagrams together with others. */
const serves = ({ facts, releasedAt, destroyedAt }: Socket) =>
  releasedAt === null && destroyedAt === null && (facts.state === "LISTEN" || (facts.protocol === "udp" && facts.group !== null));

const belong = (a: Family, b: Family) => a.processes.some((one) => b.processes.some((other) => one === other || related(one, other)));

function merged(families: readonly Family[]): Family[] {
  return families.reduce<Family[]>((found, family) => {
    const kin = found.filter((other) => belong(other, family));
    const whole = [...kin, family];
    const processes = [...new Set(whole.flatMap((one) => one.processes))];
    return [...found.filter((other) => !kin.includes(other)), { processes, sockets: whole.flatMap(({ sockets }) => sockets) }];
  }, []);
}

/**
 * How well a listener's address fits 127.0.0.1 and ::1, the least being the best; null: not at all. The kernel looks for the
 * address itself first, then for wildcards, and prefers a socket of IPv4 alone (`__inet_lookup_listener`, `compute_score`).
 */
function rank4({ family, address, ipv6Only }: SocketFacts): number | null {
  const { kind, v4 } = addressKind(family, address);
  if (ipv6Only || (v4 !== "127.0.0.1" && v4 !== ANY4)) return null;
  return (v4 === ANY4 ? 2 : 0) + (kind === "v4" ? 0 : 1);
}
const rank6 = ({ address }: SocketFacts) => (address === "::1" ? 0 : address === ANY6 ? 1 : null);

/** The listeners among which the kernel chooses for a connection to a loopback address. */
function answering(listeners: readonly Socket[], rank: (facts: SocketFacts) => number | null): Socket[] {
  const best = Math.min(...listeners.map(({ facts }) => rank(facts) ?? Number.POSITIVE_INFINITY));
  return listeners.filter(({ facts }) => rank(facts) === best);
}

/** The same after one process of a program has given way to another. */
const identity = ({ processes: [first] }: Family) => JSON.stringify([first?.facts?.program, first?.facts?.command]);

/** `node[12] and 3 more with s1, s2 (node server.js)`. */
function familyText({ processes, sockets }: Family): string {
  const [{ comm, pid, facts }, ...others] = processes as [Process, ...Process[]];
  const command = [...(facts?.command ?? "")];
  const shown = command.length > COMMAND_LENGTH ? `${command.slice(0, COMMAND_LENGTH - 3).join("")}...` : command.join("");
  const names = sockets.slice(0, MOST_NAMED).map(({ id }) => id);
  const more = (count: number) => (count > 0 ? ` and ${count} more` : "");
  const who = `${comm || "?"}[${pid}]${more(others.length)}`;
  return `${who} with ${names.join(", ")}${more(sockets.length - names.length)}${shown && ` (${shown})`}`;
}
