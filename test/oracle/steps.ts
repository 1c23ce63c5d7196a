import { addressKind } from "../../src/core/address.ts";
import type { Ask } from "../../src/core/conflict.ts";
import {
  ADDRESSES,
  DEVICES,
  NAMESPACES,
  OPTIONS,
  type Operation,
  type OptionName,
  type ProcessOperation,
  SHARING,
  type SocketOperation,
} from "./operations.ts";
import { anyAddress, beginningToListen, beingBound, isAny6, isMapped, isSpecific6, type Sock } from "./sockets.ts";
import { Process, type World } from "./world.ts";

/** From this choice on, any socket is taken, whatever the operation is. */
const ANY_SOCKET = 54;
const MOST_PROCESSES = 3;
/** Fewer in all than the sockets on a slot from which on UDP looks by address. */
const MOST_SOCKETS = 8;

/** What the lab is told, and what the model says that the kernel answers. */
export interface Step {
  by: string;
  /** In this namespace rather than the one that processes are in. */
  netns?: string;
  line: string;
  /** What else it is told in the same breath; always ok. */
  more: string[];
  /** Name of the error, null for success. */
  errno: string | null;
  /** The kernel was asked for a port. */
  asked: boolean;
  /** Of a bind that passes although an owner conflicts: why. */
  spared: "cache" | "group" | null;
  /** The ports of which the kernel chooses one; null where it does not, or where they are too many. */
  ports: number[] | null;
  /** What it changes, given the address and port that the lab tells. */
  effect(told: { address: string; port: number }): void;
}

const step = (by: Process, line: string, rest: Partial<Step> = {}): Step => ({
  by: by.name,
  line,
  more: [],
  errno: null,
  asked: false,
  spared: null,
  ports: null,
  effect: () => {},
  ...rest,
});

/** The next step, null where the operation means nothing at this moment or leads where the model does not follow. */
export function nextStep(world: World, operation: Operation): Step | null {
  const by = world.processes[operation.by % world.processes.length] as Process;
  return "which" in operation ? ofSocket(world, by, operation) : ofProcess(world, by, operation);
}

function ofSocket(world: World, by: Process, operation: SocketOperation): Step | null {
  // Mostly a socket to which the operation means something.
  const fit = operation.which < ANY_SOCKET ? by.sockets.filter(({ sock }) => suits(operation.do, sock)) : by.sockets;
  const { name, sock } = fit[operation.which % Math.max(1, fit.length)] ?? {};
  if (!name || !sock || sock.spoilt) return null;
  switch (operation.do) {
    case "set":
      return set(by, name, sock, operation.option, operation.on);
    case "device":
      return device(by, name, sock, operation.device);
    case "bind":
      return bind(world, by, name, sock, operation);
    case "listen":
      return listen(world, by, name, sock);
    case "connect":
      return sock.protocol === "udp" ? connectUdp(world, by, name, sock) : connect(world, by, name, sock, operation.to);
    case "accept":
      return accept(world, by, name, sock);
    case "shutdown":
      return shutdown(world, by, name, sock, operation.how);
    case "disconnect":
      return disconnect(world, by, name, sock);
    case "attach":
      return attach(by, name, sock);
    case "close":
      return step(by, `close ${name}`, {
        effect() {
          by.close(name);
          world.drop(sock);
        },
      });
    case "dup": {
      const copy = world.newName();
      return step(by, `dup ${name} ${copy}`, {
        effect() {
          by.open(copy, sock);
          sock.references++;
        },
      });
    }
  }
}

function suits(what: SocketOperation["do"], { state, port, connected, protocol, queue }: Sock): boolean {
  const fresh = state === "BOUND" && !connected;
  switch (what) {
    case "bind":
      return fresh && port === 0;
    case "listen":
      return fresh && protocol === "tcp";
    case "connect":
      return fresh;
    case "accept":
      return queue.length > 0;
    case "shutdown":
      return protocol === "tcp" && state !== "BOUND";
    default:
      return true;
  }
}

function ofProcess(world: World, by: Process, operation: ProcessOperation): Step | null {
  switch (operation.do) {
    case "socket": {
      if (by.sockets.length >= MOST_SOCKETS) return null;
      const name = world.newName();
      const { ipv6 } = operation;
      const udp = world.setting.sharing === "none" ? operation.udp : world.setting.sharing === "udp";
      const netns = NAMESPACES[operation.netns % NAMESPACES.length] as string;
      const sock = world.newSock({ protocol: udp ? "udp" : "tcp", family: ipv6 ? "ipv6" : "ipv4", netns, uid: by.uid });
      const chosen = world.setting.sharing === "none" ? operation.options : (SHARING[operation.options] ?? 0);
      const options = OPTIONS.filter(({ option, bit }) => (chosen & bit) !== 0 && (ipv6 || option !== "v6only"));
      for (const { property } of options) sock[property] = true;
      return step(by, `socket ${name} ${sock.protocol} ${ipv6 ? 6 : 4}`, {
        netns,
        more: options.map(({ option }) => `set ${name} ${option} 1`),
        effect: () => by.open(name, sock),
      });
    }
    case "user":
      return step(by, `user ${operation.uid}`, {
        effect() {
          by.uid = operation.uid;
        },
      });
    case "fork": {
      if (world.processes.length >= MOST_PROCESSES) return null;
      const child = new Process(world.newName(), by);
      return step(by, `fork ${child.name}`, {
        effect() {
          world.processes.push(child);
          for (const { sock } of child.sockets) sock.references++;
        },
      });
    }
    case "exit":
      if (by === world.processes[0]) return null;
      return step(by, "exit", {
        effect() {
          world.processes.splice(world.processes.indexOf(by), 1);
          // exit_files hands them to task_work, which begins with the last.
          for (const { sock } of by.sockets.reverse()) world.drop(sock);
        },
      });
  }
}

function set(by: Process, name: string, sock: Sock, option: OptionName, on: boolean): Step | null {
  const line = `set ${name} ${option} ${Number(on)}`;
  if (option === "v6only") {
    if (sock.family === "ipv4") return null;
    if (sock.port !== 0) return step(by, line, { errno: "EINVAL" });
  }
  return step(by, line, {
    effect() {
      for (const { property } of OPTIONS.filter((one) => one.option === option)) sock[property] = on;
    },
  });
}

function device(by: Process, name: string, sock: Sock, choice: number): Step | null {
  // Only root may change it; what a change does to a connection is not modelled.
  if (by.uid !== 0 || sock.connected || sock.state !== "BOUND" || sock.netns !== NAMESPACES[0]) return null;
  return step(by, `set ${name} device ${DEVICES[choice]}`, {
    effect() {
      sock.device = choice;
    },
  });
}

function bind(world: World, by: Process, name: string, sock: Sock, operation: { address: number; port: number }): Step | null {
  const choices = ADDRESSES[sock.family];
  const address = choices[operation.address % choices.length] as string;
  const port = world.port(operation.port);
  // An address of the host alone has to be on the device (`ipv6_chk_addr`).
  if (DEVICES[sock.device] === "v0" && address === "::1") return null;
  if (address === "fd00::2" && sock.netns !== NAMESPACES[0]) return null;
  const line = `bind ${name} ${address} ${port}`;
  if (sock.port !== 0 || sock.state !== "BOUND") return step(by, line, { errno: "EINVAL" });
  if (sock.ipv6Only && addressKind(sock.family, address).kind === "mapped") return step(by, line, { errno: "EINVAL" });
  return {
    ...askFor(world, by, line, beingBound(sock, address), port, "bind"),
    effect(told) {
      if (told.port === 0) sock.address = anyAddress(sock.family);
      else world.bind(sock, address, port, told.port);
    },
  };
}

/** The kernel is asked for a port: refused, granted, or one of some chosen. `effect` is told port 0 when it is refused. */
function askFor(world: World, by: Process, line: string, sock: Sock, port: number, ask: "bind" | "listen"): Step {
  if (port !== 0) {
    const { refused, spared } = world.ports.answer(sock, port, ask);
    return step(by, line, { errno: refused ? "EADDRINUSE" : null, asked: true, spared });
  }
  const free = world.freePorts();
  const open = (how: Ask) => free?.filter((candidate) => !world.ports.answer(sock, candidate, how).refused) ?? null;
  let ports = open("autobind");
  if (ports?.length === 0 && sock.protocol === "tcp" && world.setting.autobindReuse) ports = open("autobind-reuse");
  return step(by, line, { errno: ports?.length === 0 ? "EADDRINUSE" : null, asked: true, ports });
}

function listen(world: World, by: Process, name: string, sock: Sock): Step | null {
  if (sock.protocol === "udp") return null;
  const line = `listen ${name} 8`;
  if (sock.connected) return step(by, line, { errno: "EINVAL" });
  if (sock.state === "LISTEN") return step(by, line);
  return {
    ...askFor(world, by, line, beginningToListen(sock), sock.port, "listen"),
    effect(told) {
      if (told.port !== 0) world.listen(sock, told.port);
    },
  };
}

/** connect to a listener of the same namespace, where it is certain which one takes it. */
function connect(world: World, by: Process, name: string, sock: Sock, to: number): Step | null {
  const listeners = world.processes.flatMap(({ sockets }) => sockets.map(({ sock }) => sock)).filter(({ state }) => state === "LISTEN");
  const listener = listeners[to % Math.max(1, listeners.length)];
  if (!listener || sock.state !== "BOUND" || sock.connected || sock.netns !== listener.netns || sock.grouped) return null;
  // An IPv6 socket that had an IPv4 connection makes and takes no other than such (`ipv6_mapped`).
  if (sock.connection !== null || listener.connection !== null) return null;
  if (sock.device !== 0 || listener.device !== 0 || sock.port === listener.port || listener.queue.length >= 4) return null;
  const rivals = world.ports.owners(listener, listener.port).filter(({ state }) => state === "LISTEN");
  const address = destination(sock, listener);
  if (rivals.length !== 1 || address === null) return null;
  const used = (port: number) =>
    world.ports.owners(sock, port).some(({ remote }) => remote?.port === listener.port) ||
    world.ports.owners(listener, listener.port).some(({ remote }) => remote?.port === port);
  const line = `connect ${name} ${address} ${listener.port}`;
  const remote = { address, port: listener.port };
  const effect: Step["effect"] = (told) => {
    if (told.port === 0) sock.spoilt = true;
    else world.tcp.connect(sock, listener, told, remote);
  };
  if (sock.port !== 0) return used(sock.port) ? null : step(by, line, { effect });
  const free = world.freePorts();
  const possible = free?.filter((port) => world.ports.connectMayTake(sock, port)) ?? null;
  if (possible?.length === 0) return step(by, line, { errno: "EADDRNOTAVAIL", effect });
  if (possible?.every(used)) return null;
  return step(by, line, { ports: possible, effect });
}

/** Where a client finds this listener, null where it cannot. */
function destination(client: Sock, listener: Sock): string | null {
  const there = addressKind(listener.family, listener.address);
  const here = addressKind(client.family, client.address);
  const ipv4 = there.kind === "any6" ? (listener.ipv6Only ? null : "127.0.0.1") : there.kind === "specific6" ? null : there.v4;
  const reachable = ipv4 === "0.0.0.0" ? "127.0.0.1" : ipv4;
  if (client.family === "ipv4") return reachable;
  if (!isSpecific6(client) && here.kind !== "mapped" && isAny6(listener)) return "::1";
  if (listener.family === "ipv6" && there.kind === "specific6" && here.kind === "any6") return listener.address;
  if (isSpecific6(client)) return isAny6(listener) ? "::1" : null;
  return reachable === null || client.ipv6Only ? null : `::ffff:${reachable}`;
}

function accept(world: World, by: Process, name: string, sock: Sock): Step | null {
  const child = sock.queue[0];
  if (sock.state !== "LISTEN" || !child) return null;
  const accepted = world.newName();
  return step(by, `accept ${name} ${accepted}`, {
    effect() {
      world.accept(sock, by.uid);
      by.open(accepted, child);
    },
  });
}

function shutdown(world: World, by: Process, name: string, sock: Sock, how: "rd" | "wr" | "rdwr"): Step | null {
  // Before listen it fails, and yet every connection of the listener will end at once (sk_shutdown is inherited).
  if (sock.protocol === "udp" || sock.state === "BOUND") return null;
  return step(by, `shutdown ${name} ${how}`, {
    effect() {
      if (sock.state === "LISTEN") {
        if (how === "wr") return;
        world.tcp.stopListening(sock);
        if (!sock.addressLocked) world.ports.move(sock, anyAddress(sock.family));
      } else if (how !== "rd") world.tcp.finish(sock);
    },
  });
}

function disconnect(world: World, by: Process, name: string, sock: Sock): Step {
  return step(by, `disconnect ${name}`, {
    effect() {
      if (sock.protocol === "tcp") return world.tcp.disconnect(sock);
      // __udp_disconnect
      Object.assign(sock, { connected: false, device: 0 });
      if (!sock.addressLocked) sock.address = anyAddress(sock.family);
      if (sock.portLocked || sock.port === 0) return;
      world.ports.leave(sock);
      sock.grouped = false;
    },
  });
}

/** connect of a datagram socket gives it the address that it would send from, and a port when it has none (`inet_autobind`). */
function connectUdp(world: World, by: Process, name: string, sock: Sock): Step | null {
  if (sock.device !== 0 || sock.grouped || sock.netns !== NAMESPACES[0]) return null;
  if (sock.ipv6Only && isMapped(sock)) return null;
  const { kind } = addressKind(sock.family, sock.address);
  const address = sock.family === "ipv4" ? "127.0.0.1" : kind === "mapped" ? "::ffff:127.0.0.1" : "::1";
  const line = `connect ${name} ${address} 9`;
  const autobound = sock.port === 0;
  const asked = autobound ? askFor(world, by, line, sock, 0, "bind") : step(by, line);
  return {
    ...asked,
    asked: false,
    errno: asked.errno === null ? null : "EAGAIN",
    effect(told) {
      if (told.port === 0) return;
      if (autobound) world.ports.take(sock, told.port);
      Object.assign(sock, { connected: true, address: told.address });
    },
  };
}

/** A program on a socket that is not hashed yet makes a group of its own for it (`reuseport_attach_prog`). */
function attach(by: Process, name: string, sock: Sock): Step | null {
  if (sock.state !== "BOUND" || sock.connected || (sock.protocol === "udp" && sock.port !== 0)) return null;
  if (!sock.reusePort) return sock.grouped ? null : step(by, `attach ${name}`, { errno: "EINVAL" });
  return step(by, `attach ${name}`, {
    effect() {
      sock.grouped = true;
    },
  });
}
