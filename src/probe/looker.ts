import type { Nanos } from "../base/nanoseconds.ts";
import { MILLISECOND } from "../base/nanoseconds.ts";
import type { SocketFacts, TraceEvent } from "../core/event.ts";
import { askForLooks } from "./look.ts";
import { type NetworkNamespace, networkNamespaces } from "./namespaces.ts";

/** A destroyed socket leaves its bucket a moment after its end was reported. */
const AFTER_END = 5;
/** The kernel's timers of a minute go off up to this much late (ms), and TIME_WAIT has no event of its own. */
const AFTER_TIMER = 1000;

/**
 * Asks for another look at a port when a blocker goes: a connection may go on in TIME_WAIT, and the end of
 * TIME_WAIT shows only in the bucket.
 */
export class Looker {
  readonly #base: number;
  readonly #instant: () => Nanos;
  readonly #connections = new Set<number>();
  readonly #pending = new Map<string, { timer: NodeJS.Timeout; netns: number; port: number }>();
  #namespaces: NetworkNamespace[] = [];

  constructor(base: number, instant: () => Nanos) {
    this.#base = base;
    this.#instant = instant;
  }

  /** Sees every event as it arrives. */
  notice(event: TraceEvent): void {
    switch (event.type) {
      case "bind":
      case "listen":
        if (event.walk) this.#watch(event.walk.owners);
        // A bind that succeeds where TIME_WAIT was in the way shows that it has ended.
        else if (event.errno === null && this.#pending.has(key(event.socket, "timer"))) this.#lookIn(AFTER_END, event.socket);
        break;
      case "look":
        if (!event.seed) this.#watch(event.walk.owners.filter(({ sk, state }) => state === "TIME_WAIT" || this.#connections.has(sk)));
        break;
      case "destroy":
        if (this.#connections.delete(event.sk)) this.#lookIn(AFTER_END, event);
        break;
      default:
    }
  }

  /** A last look at every port where one was still to come. */
  async finish(): Promise<void> {
    const ports = [...this.#pending.values()];
    this.stop();
    await Promise.all(ports.map(({ netns, port }) => this.#look(netns, port)));
  }

  stop(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  #watch(owners: readonly SocketFacts[]): void {
    for (const owner of owners) {
      if (owner.state === "TIME_WAIT") {
        const left = ((owner.expiresAt ?? this.#instant()) - this.#instant()) / MILLISECOND;
        this.#lookIn(Math.max(0, left) + AFTER_TIMER, owner);
      } else if (owner.peer !== null) {
        this.#connections.add(owner.sk);
        if (owner.subflow !== null) this.#connections.add(owner.subflow);
      }
    }
  }

  #lookIn(milliseconds: number, { netns, port }: { netns: number; port: number }): void {
    const at = key({ netns, port }, milliseconds === AFTER_END ? "end" : "timer");
    if (this.#pending.has(at)) return;
    const timer = setTimeout(() => {
      this.#pending.delete(at);
      void this.#look(netns, port);
    }, milliseconds).unref();
    this.#pending.set(at, { timer, netns, port });
  }

  async #look(netns: number, port: number): Promise<void> {
    const find = () => this.#namespaces.find(({ id }) => id === netns);
    if (!find()) this.#namespaces = networkNamespaces();
    const namespace = find();
    // A namespace that no process is in any more has gone, and its sockets with it.
    if (namespace) await askForLooks(this.#base, [port], namespace);
  }
}

const key = ({ netns, port }: { netns: number; port: number }, why: "end" | "timer") => `${netns}/${port}/${why}`;
