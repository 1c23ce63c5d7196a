import { NAMESPACES, PORTS, type Setting } from "./operations.ts";
import { type ModelKernel, Ports } from "./ports.ts";
import { anyAddress, beingBound, newSock, type Sock } from "./sockets.ts";
import { Tcp } from "./tcp.ts";

/** How long in ms the lab waits for what takes no time when the model is right. */
const DEADLINE = 1000;

export class Process {
  readonly name: string;
  uid: number;
  /** What its descriptors name. The kernel gives out the lowest number that is free. */
  readonly #descriptors: ({ name: string; sock: Sock } | null)[];

  constructor(name: string, parent?: Process) {
    this.name = name;
    this.uid = parent?.uid ?? 0;
    this.#descriptors = parent ? [...parent.#descriptors] : [];
  }

  get sockets(): { name: string; sock: Sock }[] {
    return this.#descriptors.filter((one) => one !== null);
  }

  open(name: string, sock: Sock): void {
    const free = this.#descriptors.indexOf(null);
    this.#descriptors[free === -1 ? this.#descriptors.length : free] = { name, sock };
  }

  close(name: string): void {
    this.#descriptors[this.#descriptors.findIndex((one) => one?.name === name)] = null;
  }
}

/** Everything that the model takes to be there: processes, sockets and ports, at one moment of a sequence. */
export class World {
  readonly processes: Process[] = [new Process("main")];
  readonly ports: Ports;
  readonly tcp: Tcp;
  readonly setting: Setting;
  /** The sequence's first port. */
  readonly base: number;
  #ids = 0;
  #names = 0;

  constructor(kernel: ModelKernel, setting: Setting, base: number) {
    this.setting = setting;
    this.base = base;
    this.ports = new Ports(kernel);
    this.tcp = new Tcp(this.ports, (like) => ({ ...like, id: ++this.#ids }));
  }

  newName = (): string => `s${++this.#names}`;
  newSock = (given: Pick<Sock, "protocol" | "family" | "netns" | "uid">): Sock => newSock(++this.#ids, given);

  /** What has to be said to the lab before the first operation. */
  preparation(): string[] {
    const [low, high] = this.#range();
    return NAMESPACES.flatMap((netns) => [
      `netns ${netns}`,
      `sysctl net.ipv4.ip_local_port_range ${low} ${high}`,
      `sysctl net.ipv4.ip_autobind_reuse ${Number(this.setting.autobindReuse)}`,
    ]).concat(`netns ${NAMESPACES[0]}`, `deadline ${DEADLINE}`);
  }

  #range(): [number, number] {
    const { range } = this.setting;
    return range === 0 ? [32768, 60999] : [this.base, this.base + range - 1];
  }

  /** The ports that the kernel chooses from, null for so many that one is always free. */
  freePorts(): number[] | null {
    const { range } = this.setting;
    return range === 0 ? null : Array.from({ length: range }, (_, index) => this.base + index);
  }

  port(choice: number): number {
    if (choice === 0) return 0;
    return this.base + ((choice - 1) % (this.setting.sharing === "none" ? PORTS : 2));
  }

  /** For people: who has a port. */
  describe(): string[] {
    const ports = new Set([...(this.freePorts() ?? []), ...Array.from({ length: PORTS }, (_, index) => this.base + index)]);
    const kinds = this.processes.flatMap(({ sockets }) => sockets.map(({ sock }) => sock));
    return [...ports].flatMap((port) => {
      const seen = new Set<string>();
      return kinds.flatMap((sock) => {
        const at = `${sock.netns}/${sock.protocol}`;
        if (seen.has(at)) return [];
        seen.add(at);
        return this.ports.owners(sock, port).map((owner) => `  ${at}/${port}: ${text(owner)}`);
      });
    });
  }

  /** A bind that the kernel has granted: `named` is the port that the caller asked for, 0 for any. */
  bind(sock: Sock, address: string, named: number, port: number): void {
    const { ipv6Only } = beingBound(sock, address);
    Object.assign(sock, { address, ipv6Only, portLocked: sock.portLocked || named !== 0 });
    sock.addressLocked ||= address !== anyAddress(sock.family);
    sock.grouped ||= sock.protocol === "udp" && sock.reusePort;
    this.ports.take(sock, port);
  }

  /** A listen that the kernel has granted. */
  listen(sock: Sock, port: number): void {
    sock.state = "LISTEN";
    this.ports.take(sock, port);
    sock.grouped ||= sock.reusePort;
  }

  /** A process of this user accepts the connection that has waited longest. */
  accept(listener: Sock, uid: number): Sock | undefined {
    const child = listener.queue.shift();
    return child && Object.assign(child, { held: true, references: 1, uid });
  }

  /** A descriptor was closed. */
  drop(sock: Sock): void {
    if (--sock.references > 0) return;
    if (sock.protocol === "tcp") this.tcp.close(sock);
    else if (sock.port !== 0) this.ports.leave(sock);
  }
}

function text({ family, address, state, reuseAddr, reusePort, ipv6Only, device, uid, grouped }: Sock): string {
  const options = Object.entries({ reuseAddr, reusePort, ipv6Only, grouped }).flatMap(([name, on]) => (on ? [name] : []));
  return [family, address, state, ...options, `device ${device}`, `user ${uid}`].join(" ");
}
