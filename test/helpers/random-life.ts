import fc from "fast-check";
import type { SocketFacts, TraceEvent } from "../../src/core/event.ts";
import {
  bind,
  close,
  connection,
  destroy,
  end,
  exit,
  facts,
  fork,
  holders,
  listen,
  look,
  MS,
  refused,
  signal,
  state,
  told,
} from "./events.ts";

/** What may happen next; numbers choose among the sockets, ports and processes that there are. */
const step = fc.record({
  what: fc.constantFrom("bind", "listen", "refuse", "refuse", "connect", "close", "end", "time-wait", "look", "exit", "stop", "retry"),
  which: fc.nat(7),
  after: fc.constantFrom(1, 20, 900, 30_000, 100_000, 400_000),
  late: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Traces of several minutes on two ports, in which sockets, their addresses, inodes and pids come, go and come again. */
export const randomLife: fc.Arbitrary<TraceEvent[]> = fc.array(step, { minLength: 10, maxLength: 120 }).map(lifeOf);

function lifeOf(steps: readonly Step[]): TraceEvent[] {
  const life = new Life();
  for (const one of steps) life.take(one);
  return [...inDisorder(life.events, steps), end(life.t + MS)];
}

/** What bindtrace itself tells, and the lives of processes, by which a pid is told from the one before. */
const ORDERED: readonly TraceEvent["type"][] = ["holders", "process", "fork", "exit"];

/** Now and then an event comes after the next one, though it was before it. */
function inDisorder(events: readonly TraceEvent[], steps: readonly Step[]): TraceEvent[] {
  const all = [...events];
  for (const [index, { late }] of steps.entries()) {
    const [a, b] = [all[index], all[index + 1]];
    if (late && a && b && !ORDERED.includes(a.type) && !ORDERED.includes(b.type) && index % 7 === 0) all.splice(index, 2, b, a);
  }
  return all;
}

class Life {
  readonly events: TraceEvent[] = [];
  t = 0;
  #inode = 100;
  readonly #alive = new Set<number>();
  #living: { socket: SocketFacts; pid: number }[] = [];
  #refused: SocketFacts | null = null;

  take({ what, which, after }: Step): void {
    this.t += after * MS;
    const { t } = this;
    const port = which % 2 === 0 ? 8080 : 8081;
    const pid = 20 + (which % 3);
    const at = which % Math.max(1, this.#living.length);
    const chosen = this.#living[at];
    const { socket } = chosen ?? {};
    // Whoever does something lives: its pid is used again by a fork.
    if (!this.#alive.has(pid)) this.#say(fork(t - 10, 5, pid));
    this.#alive.add(pid);
    switch (what) {
      case "bind": {
        const fresh = this.#fresh(which, port);
        this.#living.push({ socket: fresh, pid });
        this.#say(bind({ t: t + 1000, pid, socket: fresh }), told(pid, { t: t + 2000 }));
        break;
      }
      case "retry":
      case "refuse": {
        const again = what === "retry" && this.#refused?.port === port ? this.#refused : this.#fresh(which, port);
        this.#refused = again;
        const owners = this.#at(port);
        const refusal = refused(owners, { t, pid, socket: again });
        if (refusal.walk) refusal.walk.port = port;
        const found = owners.flatMap(({ inode }) => (inode === null ? [] : [{ inode, holders: this.#holdersOf(inode) }]));
        this.#say(refusal, holders(t + 1000, refusal, { sockets: found }));
        break;
      }
      case "connect": {
        const peer = { address: "192.0.2.7", port: 40_000 + which };
        const fresh = connection({ ...this.#fresh(which, port), address: "192.0.2.1", peer, state: "ESTABLISHED" });
        this.#living.push({ socket: fresh, pid });
        this.#look(port);
        break;
      }
      case "look":
        this.#look(port);
        break;
      case "exit":
        if (this.#living.some((one) => one.pid === pid)) return;
        this.#alive.delete(pid);
        this.#say(exit(t, { pid, comm: "node" }));
        break;
      default:
        if (chosen && socket) this.#change(what, chosen, socket);
    }
  }

  #change(what: Step["what"], chosen: { socket: SocketFacts; pid: number }, socket: SocketFacts): void {
    const { t } = this;
    const { pid } = chosen;
    const { sk, inode, port } = socket;
    switch (what) {
      case "listen":
        if (socket.peer || inode === null) return;
        chosen.socket = { ...socket, state: "LISTEN" };
        this.#say(state(t, { sk, inode, port, from: "CLOSE", to: "LISTEN" }), listen({ t: t + 10, pid, socket: chosen.socket }));
        return;
      case "stop":
        this.#say(signal(t, { pid }));
        return;
      case "close":
        if (inode !== null) this.#say(close(t, { pid, sk, inode, port, references: 2 }));
        return;
      case "time-wait":
        if (!socket.peer || socket.state === "TIME_WAIT") return;
        this.#say(destroy(t, { pid: 0, comm: "swapper/0", sk, port }));
        chosen.socket = {
          ...{ ...socket, sk: sk + 20, inode: null, uid: null },
          ...{ state: "TIME_WAIT", substate: "TIME_WAIT", expiresAt: t + 60_000 * MS },
        };
        this.#look(port);
        return;
      default:
        this.#living = this.#living.filter((one) => one !== chosen);
        if (socket.state === "TIME_WAIT") this.#look(port);
        else if (inode !== null) {
          const stops = socket.state === "LISTEN" ? [state(t + 5, { sk, inode, port, from: "LISTEN", to: "CLOSE" })] : [];
          this.#say(close(t, { pid, sk, inode, port, references: 1 }), ...stops, destroy(t + 10, { pid, sk, port }));
        }
    }
  }

  #at = (port: number) => this.#living.map(({ socket }) => socket).filter((socket) => socket.port === port);

  #holdersOf(inode: number) {
    const { pid = 20 } = this.#living.find(({ socket }) => socket.inode === inode) ?? {};
    return [{ pid, fd: 18, comm: "node", command: "node server.js", parent: 5, startedAt: null }];
  }

  #look(port: number): void {
    const owners = this.#at(port);
    this.#say(look(this.t + 100, owners, { walk: { ...look(0, owners).walk, port } }));
  }

  /** Addresses come again soon, inodes never here. */
  #fresh(which: number, port: number): SocketFacts {
    const taken = new Set(this.#living.map(({ socket }) => socket.sk));
    if (this.#refused) taken.add(this.#refused.sk);
    const sk = Array.from({ length: 13 }, (_, index) => 1 + ((index + which) % 13)).find((one) => !taken.has(one)) ?? 14 + this.#inode;
    return facts({ sk, inode: this.#inode++, port, state: "BOUND", reuseAddr: which > 3 });
  }

  #say(...events: TraceEvent[]): void {
    this.events.push(...events);
    this.t = Math.max(this.t, ...events.map(({ t }) => t));
  }
}
