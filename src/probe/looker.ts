import type { Nanos } from "../base/nanoseconds.ts";
import { MILLISECOND } from "../base/nanoseconds.ts";
import type { SocketFacts, TraceEvent } from "../core/event.ts";
import { askForLooks, type Place } from "./look.ts";
import { type NetworkNamespace, networkNamespaces } from "./namespaces.ts";

/** A destroyed socket leaves its bucket a moment after its end was reported. */
const AFTER_END = 5;
/** The kernel's timers of a minute go off up to this much late (ms), and TIME_WAIT has no event of its own. */
const AFTER_TIMER = 1000;
/** How often (ms) a UDP port is looked at whose blocker's end no event tells. */
const POLL = 500;

/** Ports that are looked at when a process gets a signal, at most. */
const MOST_LISTENED = 16;

export interface LookerOptions {
  base: number;
  emit(event: TraceEvent): void;
  instant(): Nanos;
  /** The program tells when a UDP port becomes free. */
  udpReleases: boolean;
  /** Every process of the machine may be looked into, and so every namespace found that one is in. */
  everyProcess: boolean;
}

/** Why a look is still to come. */
type Reason = "end" | "timer" | "poll" | "signal";

/**
 * Asks for another look at a port when a blocker goes: a connection may go on in TIME_WAIT, and the end of
 * TIME_WAIT shows only in the bucket.
 */
export class Looker {
  readonly #options: LookerOptions;
  readonly #connections = new Set<number>();
  readonly #pending = new Map<string, { timer: NodeJS.Timeout; netns: number; place: Place }>();
  /** Where somebody listens: a process that is told to end may leave connections there. */
  readonly #listened = new Map<string, Pick<SocketFacts, "netns" | "protocol" | "port">>();
  readonly #gone = new Set<number>();
  #namespaces: NetworkNamespace[] = [];

  constructor(options: LookerOptions) {
    this.#options = options;
  }

  /** Sees every event as it arrives. */
  notice(event: TraceEvent): void {
    switch (event.type) {
      case "signal":
        for (const where of this.#listened.values()) this.#lookIn(0, where, "signal");
        break;
      case "bind":
      case "listen":
        if (event.type === "listen" && event.errno === null) this.#remember(event.socket);
        if (event.walk) this.#watch(event.walk.owners);
        // A bind that succeeds where TIME_WAIT was in the way shows that it has ended.
        else if (event.errno === null && this.#pending.has(key(event.socket, "timer"))) this.#lookIn(AFTER_END, event.socket, "end");
        break;
      case "look":
        if (event.seed) for (const owner of event.walk.owners.filter(({ state }) => state === "LISTEN")) this.#remember(owner);
        else {
          const udp = event.walk.protocol === "udp";
          this.#watch(event.walk.owners.filter(({ sk, state }) => udp || state === "TIME_WAIT" || this.#connections.has(sk)));
        }
        break;
      case "destroy":
      case "release":
        if (this.#connections.delete(event.sk)) this.#lookIn(AFTER_END, { ...event, protocol: "tcp" }, "end");
        break;
      default:
    }
  }

  /** A last look at every port where one was still to come. */
  async finish(): Promise<void> {
    const looks = [...this.#pending.values()];
    this.stop();
    await Promise.all(looks.map(({ netns, place }) => this.#look(netns, place)));
  }

  stop(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  #remember({ netns, protocol, port }: SocketFacts): void {
    if (this.#listened.size < MOST_LISTENED) this.#listened.set(`${netns}/${port}`, { netns, protocol, port });
  }

  #watch(owners: readonly SocketFacts[]): void {
    for (const owner of owners) {
      if (owner.protocol === "udp") {
        if (!this.#options.udpReleases) this.#lookIn(POLL, owner, "poll");
      } else if (owner.state === "TIME_WAIT") {
        const now = this.#options.instant();
        const left = ((owner.expiresAt ?? now) - now) / MILLISECOND;
        this.#lookIn(Math.max(0, left) + AFTER_TIMER, owner, "timer");
      } else if (owner.peer !== null) {
        this.#connections.add(owner.sk);
        if (owner.subflow !== null) this.#connections.add(owner.subflow);
      }
    }
  }

  #lookIn(milliseconds: number, where: Pick<SocketFacts, "netns" | "protocol" | "port">, why: Reason): void {
    const at = key(where, why);
    if (this.#pending.has(at)) return;
    const { netns } = where;
    const place = placeOf(where);
    const timer = setTimeout(() => {
      this.#pending.delete(at);
      void this.#look(netns, place);
    }, milliseconds).unref();
    this.#pending.set(at, { timer, netns, place });
  }

  async #look(netns: number, place: Place): Promise<void> {
    const find = () => this.#namespaces.find(({ id }) => id === netns);
    if (!find()) this.#namespaces = networkNamespaces();
    const namespace = find();
    if (namespace) await askForLooks(this.#options.base, [place], namespace);
    else if (this.#options.everyProcess) this.#tellGone(netns);
  }

  /** A namespace that no process is in any more has gone, and its sockets with it. */
  #tellGone(netns: number): void {
    if (this.#gone.has(netns)) return;
    this.#gone.add(netns);
    this.#options.emit({ type: "namespace-gone", t: this.#options.instant(), netns });
  }
}

const placeOf = ({ protocol, port }: Pick<SocketFacts, "protocol" | "port">): Place => ({
  protocol: protocol === "udp" ? "udp" : "tcp",
  port,
});

function key(where: Pick<SocketFacts, "netns" | "protocol" | "port">, why: Reason): string {
  const { protocol, port } = placeOf(where);
  return `${where.netns}/${protocol}/${port}/${why}`;
}
