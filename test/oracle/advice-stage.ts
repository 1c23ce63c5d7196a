import type { Answer } from "../../src/core/bucket.ts";
import type { Connection, OwnerPlan, SocketPlan } from "./advice-situations.ts";
import { steadyNetwork } from "./network.ts";
import { NAMESPACES } from "./operations.ts";
import { familyOf } from "./pairs.ts";
import type { ModelKernel } from "./ports.ts";
import { beginningToListen, beingBound, type Sock } from "./sockets.ts";
import { World } from "./world.ts";

/** A socket of a situation; `name` is its descriptor, null where no process has one. */
export interface Part {
  sock: Sock;
  name: string | null;
  uid: number;
  /** Of a connection: the other end, and the listener at which it waits to be accepted. */
  peer: Part | null;
  listener: Part | null;
}

/** An owner could not be set up: in `lines`, the last is refused. */
export class OwnerRefused extends Error {}
/** Which socket gets a connection, or a port, is not foreseen. */
export class NotForeseen extends Error {}

export const ADVICE_NETWORK = ["reset network", ...steadyNetwork(["::1"])];

/** What a situation has to itself in its network, and how long a closed connection waits for the other end, in s. */
export interface Setup {
  port: number;
  /** Of the names of its sockets. */
  prefix: string;
  finTimeout: number;
}

/** A situation takes its port, and for the other ends of connections so many more, each time again. */
const OTHER_ENDS = 10_000;
/** In s; a connection that waits longer for the other end stays a socket (TCP_TIMEWAIT_LEN). */
const TIME_WAIT_LENGTH = 60;

/** Says to the lab what is done, and does it in the model too. */
export class Stage {
  readonly lines: string[] = [];
  readonly port: number;
  readonly #world: World;
  readonly #prefix: string;
  readonly #finTimeout: number;
  #user: number | null = null;
  #others = 0;
  #forked = false;

  constructor(kernel: ModelKernel, { port, prefix, finTimeout }: Setup) {
    this.port = port;
    this.#prefix = prefix;
    this.#finTimeout = finTimeout;
    this.#world = new World(kernel, { range: 0, autobindReuse: false, sharing: "none" }, port);
  }

  /** All who have the port, in the order of UDP's chain. */
  owners(of: Part): readonly Sock[] {
    return this.#world.ports.owners(of.sock, this.port);
  }

  create(plan: SocketPlan): Part {
    const family = familyOf(plan.address);
    const name = this.#prefix + this.#world.newName();
    const { protocol, uid, ipv6Only, reuseAddr, reusePort } = plan;
    const sock = Object.assign(this.#world.newSock({ protocol, family, netns: NAMESPACES[0], uid }), { ipv6Only, reuseAddr, reusePort });
    this.#as(uid, `socket ${name} ${protocol} ${family === "ipv6" ? 6 : 4}`);
    const part = { sock, name, uid, peer: null, listener: null };
    if (ipv6Only) this.#as(uid, `set ${name} v6only 1`);
    if (reuseAddr) this.set(part, "reuseaddr", true);
    if (reusePort) this.set(part, "reuseport", true);
    return part;
  }

  set(part: Part, option: "reuseaddr" | "reuseport", on: boolean): void {
    this.#as(part.uid, `set ${part.name} ${option} ${Number(on)}`);
    part.sock[option === "reuseaddr" ? "reuseAddr" : "reusePort"] = on;
  }

  attach(part: Part): void {
    this.#as(part.uid, `attach ${part.name}`);
    part.sock.grouped = true;
  }

  bind(part: Part, address: string, port = this.port): Answer {
    const answer = this.#world.ports.answer(beingBound(part.sock, address), port, "bind");
    this.#as(part.uid, `bind ${part.name} ${address} ${port}`);
    if (!answer.refused) this.#world.bind(part.sock, address, port, port);
    return answer;
  }

  listen(part: Part): Answer {
    const { sock } = part;
    const answer = this.#world.ports.answer(beginningToListen(sock), sock.port, "listen");
    this.#as(part.uid, `listen ${part.name}`);
    if (!answer.refused) this.#world.listen(sock, sock.port);
    return answer;
  }

  connectUdp(part: Part, to: string): void {
    this.#as(part.uid, `connect ${part.name} ${to} 9`);
    Object.assign(part.sock, { connected: true, address: to });
  }

  /** A connection that this listener gets, and accepts if the plan says so. */
  receive(listener: Part, { at, accepted }: Connection): Part {
    const rivals = this.owners(listener).filter(({ state }) => state === "LISTEN");
    if (rivals.length !== 1) throw new NotForeseen();
    const port = this.#otherPort();
    const peer = this.#other(at);
    granted(this.bind(peer, at, port));
    this.#as(peer.uid, `connect ${peer.name} ${at} ${this.port}`);
    this.#world.tcp.connect(peer.sock, listener.sock, { address: at, port }, { address: at, port: this.port });
    const child = peer.sock.peer as Sock;
    this.#settle();
    const part: Part = { sock: child, name: null, uid: listener.uid, peer, listener };
    if (accepted) this.accept(part);
    return part;
  }

  accept(part: Part): void {
    const listener = part.listener as Part;
    part.name = `${listener.name}a`;
    this.#as(part.uid, `accept ${listener.name} ${part.name}`);
    this.#world.accept(listener.sock, part.uid);
    part.listener = null;
  }

  /** connect with the port that the kernel chooses, of which there is but this one. */
  connectFrom(part: Part, at: string): void {
    const { ports, tcp } = this.#world;
    if (!ports.connectMayTake(part.sock, this.port)) throw new NotForeseen();
    const port = this.#otherPort();
    const server = this.#other(at);
    granted(this.bind(server, at, port));
    granted(this.listen(server));
    this.#as(part.uid, `sysctl net.ipv4.ip_local_port_range ${this.port} ${this.port}`);
    this.#as(part.uid, `connect ${part.name} ${at} ${port}`);
    tcp.connect(part.sock, server.sock, { address: at, port: this.port }, { address: at, port });
    const peer: Part = { sock: part.sock.peer as Sock, name: null, uid: server.uid, peer: null, listener: server };
    this.accept(peer);
    this.#settle();
    this.close(server);
    part.peer = peer;
  }

  /** From now on another process has all sockets too. */
  fork(): void {
    this.#as(0, "fork p");
    this.#forked = true;
  }

  close(part: Part): void {
    this.#as(part.uid, `close ${part.name}`);
    if (this.#forked) this.lines.push(`p: close ${part.name}`);
    this.#world.drop(part.sock);
    this.#settle();
  }

  shutdown(part: Part): void {
    this.#as(part.uid, `shutdown ${part.name} wr`);
    this.#world.tcp.finish(part.sock);
    this.#settle();
  }

  /** Closes a connection so that it stays a socket, in FIN_WAIT2, and does not become one of TIME_WAIT. */
  closeToOrphan(part: Part): void {
    const { sock } = part;
    this.#as(part.uid, `sysctl net.ipv4.tcp_fin_timeout ${2 * TIME_WAIT_LENGTH}`, `close ${part.name}`);
    this.#world.tcp.finish(sock);
    Object.assign(sock, { held: false, references: 0 });
    this.#settle();
    this.#as(part.uid, `sysctl net.ipv4.tcp_fin_timeout ${this.#finTimeout}`);
  }

  /**
   * Ends a connection's TIME_WAIT while the other end is open: a reset from there ends it at once, by the function that
   * its timer calls as well (`inet_twsk_kill`).
   */
  reset(part: Part, remainder: Sock): void {
    const { sock, name, uid } = part.peer as Part;
    this.#as(uid, `set ${name} linger 0`, `close ${name}`);
    this.#world.tcp.abort(sock);
    this.expire(remainder);
  }

  /** A connection's TIME_WAIT ends, which is awaited. */
  expire(remainder: Sock): void {
    this.#world.tcp.abort(remainder);
    this.#settle();
  }

  /** The number of lines so far, between which and the next there may be those of other situations. */
  pause(): number {
    this.#user = null;
    return this.lines.length;
  }

  #other(at: string): Part {
    return this.create({ protocol: "tcp", address: at, ipv6Only: false, reuseAddr: false, reusePort: false, uid: 0 });
  }

  #otherPort(): number {
    return this.port + OTHER_ENDS * ++this.#others;
  }

  #as(uid: number, ...lines: string[]): void {
    if (this.#user !== uid) this.lines.push(`user ${uid}`);
    this.#user = uid;
    this.lines.push(...lines);
  }

  #settle(): void {
    this.lines.push(...this.#world.tcp.settling().map(({ line }) => line));
  }
}

/** @throws OwnerRefused */
export function granted(answer: Answer): void {
  if (answer.refused) throw new OwnerRefused();
}

/** What an owner becomes once it is bound: itself and its connection, as far as they are left. */
export function settle(stage: Stage, socket: Part, { protocol, becomes, connection }: OwnerPlan): Part[] {
  if (protocol === "udp") {
    if (connection) stage.connectUdp(socket, connection.at);
    return [socket];
  }
  if (becomes === "bound") return [socket];
  if (becomes === "connects") {
    if (!connection) return [socket];
    stage.connectFrom(socket, connection.at);
    finish(stage, socket, connection);
    return [socket];
  }
  granted(stage.listen(socket));
  if (!connection) return [socket];
  const child = stage.receive(socket, connection);
  if (!connection.listenerStays) stage.close(socket);
  finish(stage, child, connection);
  return [socket, child];
}

function finish(stage: Stage, part: Part, { end }: Connection): void {
  const peer = part.peer as Part;
  if (end === "FIN_WAIT2") stage.shutdown(part);
  if (end === "orphan") stage.closeToOrphan(part);
  if (end === "half" || end === "TIME_WAIT") stage.close(part);
  if (end === "CLOSE_WAIT" || end === "TIME_WAIT") stage.close(peer);
}
