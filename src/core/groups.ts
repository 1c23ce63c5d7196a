import type { Nanos } from "../base/nanoseconds.ts";
import type { SocketFacts } from "./event.ts";
import type { Socket } from "./socket.ts";
import type { PortTimeline, Row } from "./timeline.ts";

/** A reuseport group: the kernel's `reuseport_id` is recycled, so a group ends with its last known member. */
export interface Group {
  id: string;
  /** Network namespace and `reuseport_id`. */
  key: string;
  /** In the order in which they joined. */
  members: Set<Socket>;
  /** Members that the kernel counts: more than are known here, or fewer where an end was not seen. */
  size: number;
  /** When it last told that. */
  countedAt: Nanos;
  /** Most members that were counted, or known, at one time. */
  largest: number;
  /** A BPF program chooses among the members, as it was last seen; null where that was not read. */
  program: boolean | null;
  /** In the order of joining. */
  history: Stay[];
  /** How many more there were, between the first and the last of these. */
  notKept: number;
}

/** Stays that are kept of the beginning and of the end of a long history. */
const MOST_STAYS = 500;

/** One stay of a socket in a group. */
export interface Stay {
  socket: Socket;
  group: Group;
  /** The socket as it was last seen in the group. */
  facts: SocketFacts;
  /** When it joined; where that was not seen, when it was first seen in the group. */
  joinedAt: Nanos;
  joinSeen: boolean;
  /** Null while it is in the group. */
  leftAt: Nanos | null;
  /** Members that the kernel counted once it had joined, and how many of them were left when it had gone. */
  sizeThen: number;
  sizeLeft: number;
}

/**
 * The reuseport groups (`struct sock_reuseport`, net/core/sock_reuseport.c) over time. A TCP socket joins when it listens
 * (`inet_reuseport_add_sock`), a UDP socket when it is bound (`udp_reuseport_add_sock`).
 */
export class Groups {
  #count = 0;
  readonly #stays = new WeakMap<Socket, Stay[]>();
  /** The group that has a key now. */
  readonly #current = new Map<string, Group>();
  /** Sockets that got SO_REUSEPORT when they had their port already. */
  readonly #late = new Set<Socket>();

  /** The group in which the socket is now, or was at the instant `at`. */
  of(socket: Socket, at: Nanos = Number.POSITIVE_INFINITY): Group | undefined {
    return this.staysOf(socket).find((stay) => includes(stay, at))?.group;
  }

  staysOf(socket: Socket): readonly Stay[] {
    return this.#stays.get(socket) ?? [];
  }

  /** What the kernel told of the socket at `t`. `joining`: a call of its own has just succeeded. */
  seen(socket: Socket, facts: SocketFacts, t: Nanos, joining: boolean): void {
    const { group: told, netns, protocol } = facts;
    if (told === null) {
      // An MPTCP socket is a member through its subflow, of which its calls do not tell.
      if (protocol !== "mptcp") this.leave(socket, t);
      return;
    }
    const key = `${netns}:${told.id}`;
    if (this.of(socket)?.key !== key) this.leave(socket, t);
    if (joining && told.size === 2 && !this.#current.has(key)) this.#takeAlong(facts, { ...told, size: 1 }, t);
    const group = this.#named(key, socket, t);
    group.size = told.size;
    group.countedAt = t;
    group.program = told.program ?? group.program;
    const present = this.#present(socket);
    if (present) present.facts = facts;
    else this.#enter({ socket, group, facts, joinedAt: t, joinSeen: joining, leftAt: null, sizeThen: told.size, sizeLeft: told.size });
    group.largest = Math.max(group.largest, group.size, group.members.size);
  }

  /** The socket got SO_REUSEPORT when it had its port already. */
  late(socket: Socket): void {
    this.#late.add(socket);
  }

  /**
   * Lets go of sockets to which nothing will refer any more, members among them whose end was not seen: of a long history the first and
   * the last stays are kept.
   */
  forget(sockets: ReadonlySet<Socket>): void {
    const groups = new Set<Group>();
    for (const socket of sockets) {
      this.#late.delete(socket);
      for (const { group } of this.staysOf(socket)) {
        if (group.members.delete(socket) && group.members.size === 0) this.#current.delete(group.key);
        if (group.history.length > 2 * MOST_STAYS) groups.add(group);
      }
    }
    for (const group of groups) {
      const last = group.history.length - MOST_STAYS;
      const kept = group.history.filter(({ socket }, index) => group.members.has(socket) || index < MOST_STAYS || index >= last);
      group.notKept += group.history.length - kept.length;
      group.history = kept;
    }
  }

  leave(socket: Socket, t: Nanos): void {
    const stay = this.#present(socket);
    if (!stay) return;
    const { group } = stay;
    group.members.delete(socket);
    // The look that shows it gone has counted without it.
    group.size = Math.max(group.members.size, t > group.countedAt ? group.size - 1 : group.size);
    stay.leftAt = t;
    stay.sizeLeft = group.size;
    if (group.members.size === 0) this.#current.delete(group.key);
  }

  /** The socket has stopped listening: what made it a member, unless it was one before it listened (SO_ATTACH_REUSEPORT_EBPF). */
  stopped(socket: Socket, t: Nanos): void {
    if (this.#present(socket)?.facts.state === "LISTEN") this.leave(socket, t);
  }

  /**
   * The first socket that finds one with SO_REUSEPORT but without a group on its address makes one for both (`reuseport_add_sock`):
   * it is not alone in a group that nobody is known to have been in before.
   */
  #takeAlong(joining: SocketFacts, group: SocketFacts["group"], t: Nanos): void {
    const [late, ...others] = [...this.#late].filter((socket) => !this.of(socket) && mayJoin(socket, joining));
    if (!late || others.length > 0) return;
    late.facts = { ...late.facts, group };
    this.seen(late, late.facts, t, true);
  }

  #present(socket: Socket): Stay | undefined {
    const last = this.#stays.get(socket)?.at(-1);
    return last?.leftAt === null ? last : undefined;
  }

  #enter(stay: Stay): void {
    this.#stays.set(stay.socket, [...this.staysOf(stay.socket), stay]);
    stay.group.history.push(stay);
    stay.group.members.add(stay.socket);
  }

  #named(key: string, joining: Socket, t: Nanos): Group {
    // The end of a refused binder is not seen, since it has no port: its group, in which it is alone, ends when the id comes again.
    for (const member of this.#current.get(key)?.members ?? []) if (member.binderOnly && member !== joining) this.leave(member, t);
    const current = this.#current.get(key);
    if (current) return current;
    const group: Group = {
      id: `g${++this.#count}`,
      key,
      members: new Set(),
      size: 0,
      countedAt: t,
      largest: 0,
      program: null,
      history: [],
      notKept: 0,
    };
    this.#current.set(key, group);
    return group;
  }
}

/** `inet_reuseport_add_sock` and `udp_reuseport_add_sock`: what has to be equal for two sockets to be in one group. */
function mayJoin({ facts, binderOnly, releasedAt, destroyedAt }: Socket, other: SocketFacts): boolean {
  const there = !binderOnly && releasedAt === null && destroyedAt === null;
  const ready = facts.reusePort && (facts.state === "LISTEN" || facts.protocol === "udp");
  const equal = ["netns", "protocol", "port", "family", "address", "ipv6Only", "device", "uid"] as const;
  return there && ready && equal.every((name) => facts[name] === other[name]);
}

const includes = ({ joinedAt, leftAt }: Stay, at: Nanos) => joinedAt <= at && (leftAt === null || leftAt > at);

/** The members that were known at that instant. */
export const membersAt = ({ history }: Group, at: Nanos): Socket[] =>
  history.filter((stay) => includes(stay, at)).map(({ socket }) => socket);

/** The timeline with what groups its sockets joined and left; a group that always was of one socket says nothing. */
export function withGroups(timeline: PortTimeline, groups: Groups): PortTimeline {
  const stays = timeline.lanes.flatMap((socket) => groups.staysOf(socket)).filter(({ group }) => group.largest > 1);
  const first = new Map(stays.filter(isFirstSight).map((stay) => [stay.socket, stay]));
  const told = timeline.rows.map((one) => {
    const stay = one.kind === "there" && one.socket ? first.get(one.socket) : undefined;
    return stay ? { ...one, detail: stay.group.id } : one;
  });
  return { ...timeline, rows: [...told, ...stays.flatMap((stay) => [...joinRows(stay), ...leaveRows(stay)])] };
}

/** The look that first showed the socket showed it in the group. */
const isFirstSight = ({ socket, joinedAt, joinSeen }: Stay) => !joinSeen && joinedAt === socket.seenAt;

function joinRows(stay: Stay): Row[] {
  const { socket, group, joinedAt, joinSeen, sizeThen } = stay;
  if (isFirstSight(stay)) return [];
  const counted = sizeThen === 1 ? "1 member" : `${sizeThen} members`;
  return [row(joinSeen ? "joined" : "member", joinedAt, socket, `${group.id} (${counted})`)];
}

const leaveRows = ({ socket, group, leftAt, sizeLeft }: Stay): Row[] =>
  leftAt === null ? [] : [row("left", leftAt, socket, `${group.id} (${sizeLeft} left)`)];

const row = (kind: Row["kind"], t: Nanos, socket: Socket, detail: string): Row => ({
  ...{ t, kind, socket, detail },
  ...{ state: null, process: null, blockers: [] },
});
