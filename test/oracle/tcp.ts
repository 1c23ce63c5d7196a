import type { Ports } from "./ports.ts";
import { anyAddress, type Sock } from "./sockets.ts";

/**
 * How connections and listeners of TCP begin and end, as far as ports are concerned (net/ipv4/tcp.c). On loopback the
 * other end has answered before the call returns, or a moment later: the states in between are awaited, not modelled.
 */
export class Tcp {
  readonly #ports: Ports;
  readonly #add: (like: Sock) => Sock;
  /** Connections whose state has changed, to be awaited. */
  readonly #touched = new Set<Sock>();
  /** What is left of ended ones (TIME_WAIT). */
  readonly #remains: Sock[] = [];

  /** `add` makes another socket of the same properties. */
  constructor(ports: Ports, add: (like: Sock) => Sock) {
    this.#ports = ports;
    this.#add = add;
  }

  /** connect and the listener's side of it; `local` and `remote` are what the client's end is called now. */
  connect(client: Sock, listener: Sock, local: { address: string; port: number }, remote: { address: string; port: number }): void {
    this.#recycle(client.netns, local, remote);
    if (client.port === 0) {
      client.address = local.address;
      this.#ports.takeByConnect(client, local.port);
    } else {
      this.#ports.move(client, local.address);
    }
    const child = this.#add(listener);
    Object.assign(client, { state: "ESTABLISHED", connected: true, peer: child, remote });
    Object.assign(child, { state: "ESTABLISHED", connected: true, peer: client, held: false, references: 0, portLocked: false });
    Object.assign(child, { grouped: false, connectBound: false, queue: [], port: listener.port });
    child.address = asOf(child, remote.address);
    child.remote = { address: asOf(child, local.address), port: local.port };
    client.connection = { ...local, peer: remote.address, peerPort: remote.port };
    child.connection = { ...remote, peer: local.address, peerPort: local.port };
    this.#ports.inherit(child);
    listener.queue.push(child);
    this.#touched.add(client).add(child);
  }

  /** A new connection takes the place of an old one's TIME_WAIT, at either end (`tcp_timewait_state_process`, `__inet_check_established`). */
  #recycle(netns: string, local: { address: string; port: number }, remote: { address: string; port: number }): void {
    for (const old of [...this.#remains]) {
      const is = (here: typeof local, there: typeof local) => old.port === here.port && old.remote?.port === there.port;
      if (old.netns === netns && (is(local, remote) || is(remote, local))) this.#expire(old);
    }
  }

  #expire(remainder: Sock): void {
    this.#remains.splice(this.#remains.indexOf(remainder), 1);
    this.#ports.leave(remainder);
  }

  /** The last descriptor of a socket was closed (`__tcp_close`). */
  close(sock: Sock): void {
    sock.held = false;
    if (sock.state === "LISTEN") this.stopListening(sock);
    if (sock.state === "FIN_WAIT2") this.#timeWait(sock);
    else if (sock.state === "ESTABLISHED" || sock.state === "CLOSE_WAIT") this.finish(sock);
    if (sock.port !== 0) this.#ports.leave(sock);
  }

  /** This end has nothing more to say (FIN): the last word when the other end has said so before. */
  finish(sock: Sock): void {
    const { peer } = sock;
    if (sock.state === "ESTABLISHED") {
      sock.state = "FIN_WAIT2";
      if (peer) peer.state = "CLOSE_WAIT";
      this.#touched.add(sock);
      if (peer) this.#touched.add(peer);
      // An orphan in FIN_WAIT2 is kept as TIME_WAIT is (tcp_fin_timeout).
      if (!sock.held) this.#timeWait(sock);
    } else if (sock.state === "CLOSE_WAIT") {
      if (peer?.state === "FIN_WAIT2") this.#timeWait(peer);
      if (peer) this.#touched.add(peer);
      this.#touched.add(sock);
      this.#closed(sock);
    }
  }

  /** The connection is aborted at this end, without a word to the other. */
  abort(sock: Sock): void {
    if (sock.state === "TIME_WAIT") this.#expire(sock);
    else this.#closed(sock);
    this.#touched.add(sock);
  }

  /** `tcp_disconnect` of a listener, `inet_csk_listen_stop`: connections that nobody accepted are reset. */
  stopListening(sock: Sock): void {
    for (const child of sock.queue) {
      if (child.peer) this.abort(child.peer);
      this.#closed(child);
    }
    Object.assign(sock, { queue: [], grouped: false });
    this.#closed(sock);
  }

  /** connect to AF_UNSPEC (`tcp_disconnect`). */
  disconnect(sock: Sock): void {
    if (sock.state === "LISTEN") this.stopListening(sock);
    else if (sock.state !== "BOUND") {
      if (sock.peer) this.abort(sock.peer);
      this.#closed(sock);
      this.#touched.add(sock);
    }
    sock.connected = false;
    if (!sock.addressLocked) this.#ports.move(sock, anyAddress(sock.family));
  }

  /** For each connection whose state has changed since this was asked, the lab's line that awaits it. */
  settling(): { netns: string; line: string }[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched.flatMap((sock) => {
      if (!sock.connection) return [];
      const { address, port, peer, peerPort } = sock.connection;
      return [{ netns: sock.netns, line: `await ${address} ${port} ${peer} ${peerPort} ${this.#stateOf(sock)}` }];
    });
  }

  /** What `ss` and the lab call the state of this connection, `none` when nothing is left of it. */
  #stateOf(sock: Sock): string {
    const left = this.#remains.find(({ connection }) => connection === sock.connection);
    if (left) return left.peer ? "FIN_WAIT2" : "TIME_WAIT";
    return sock.state === "BOUND" || sock.state === "TIME_WAIT" || sock.state === "LISTEN" ? "none" : sock.state;
  }

  /** TIME_WAIT has a struct of its own with the properties of the connection, whose socket is closed. */
  #timeWait(sock: Sock): void {
    const remainder = this.#add(sock);
    const { peer, remote, port, connectBound } = sock;
    Object.assign(remainder, { state: "TIME_WAIT", held: false, references: 0, queue: [], peer, remote, port, connectBound });
    if (peer) peer.peer = remainder;
    this.#ports.inherit(remainder);
    this.#remains.push(remainder);
    this.#touched.add(remainder);
    sock.peer = null;
    this.#closed(sock);
  }

  /** `tcp_set_state(TCP_CLOSE)`: a port that the caller did not name is let go. */
  #closed(sock: Sock): void {
    if (sock.peer?.peer === sock) sock.peer.peer = null;
    sock.peer = null;
    sock.state = "BOUND";
    if (sock.port !== 0 && (!sock.portLocked || (!sock.held && sock.references === 0))) this.#ports.leave(sock);
  }
}

/** The address as a socket of this family has it: IPv4 of an IPv6 socket is IPv4-mapped. */
function asOf({ family }: Sock, address: string): string {
  if (family === "ipv6") return address.includes(":") ? address : `::ffff:${address}`;
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
