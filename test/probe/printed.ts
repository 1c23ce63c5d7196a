import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../helpers/cli.ts";

/** Lines as the programs in bpf/ print them: the formats are read from there, the values are the test's. */

const PROGRAMS = readdirSync(join(ROOT, "bpf"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".bt"))
  .map((name) => readFileSync(join(ROOT, "bpf", name), "utf8"));
/** The fields of each kind of line, in each place that prints it. */
export const FORMATS = new Map<string, string[][]>();
for (const [, tag = "", format = ""] of PROGRAMS.flatMap((text) => [...text.matchAll(/printf\("bt:(\w+) ([^"]*)\\n"/g)])) {
  FORMATS.set(tag, [...(FORMATS.get(tag) ?? []), format.split(" ")]);
}
export const TAGS = [...FORMATS.keys()];

type Value = number | bigint;

function printed(tag: string, values: readonly Value[]): string {
  const formats = FORMATS.get(tag) ?? [];
  // Where the places differ, the one that can print a number below zero.
  const format = formats.find((each) => values.every((value, index) => value >= 0 || SIGNED.includes(each[index] ?? ""))) ?? formats[0];
  if (!format) throw new Error(`the programs print no bt:${tag}`);
  if (format.length !== values.length) throw new Error(`bt:${tag} has ${format.length} fields, not ${values.length}`);
  return `bt:${tag} ${values.map((value, index) => converted(format[index] ?? "", BigInt(value))).join(" ")}`;
}

const SIGNED = ["%d", "%ld"];

/** As printf in C has it: what is too great for its conversion comes out as another number. */
function converted(conversion: string, value: bigint): string {
  switch (conversion) {
    case "%ld":
      return BigInt.asIntN(64, value).toString();
    case "%d":
      return BigInt.asIntN(32, value).toString();
    case "%u":
      return BigInt.asUintN(32, value).toString();
    case "%lu":
      return BigInt.asUintN(64, value).toString();
    case "%lx":
      return BigInt.asUintN(64, value).toString(16);
    default:
      throw new Error(`no such conversion here: ${conversion}`);
  }
}

/** Eight bytes in memory as one word, as the programs read them on a little-endian machine. */
export function word(bytes: readonly number[]): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
const bigEndian = (port: number) => [port >> 8, port & 255];
const littleEndian = (value: number, length: number) => Array.from({ length }, (_, index) => (value >> (8 * index)) & 255);
const v4 = (address: string) => address.split(".").map(Number);
/** The last four groups of an IPv6 address are all that these tests use. */
const v6 = (last: readonly number[], first: readonly number[] = []) => {
  const groups = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  const bytes = groups.flatMap(bigEndian);
  return [word(bytes.slice(0, 8)), word(bytes.slice(8))] as const;
};
export const V6 = { any: v6([]), loopback: v6([1]), mapped: v6([0xffff, 0x7f00, 1]), documentation: v6([1], [0x2001, 0xdb8]) };

export function name(text: string | readonly number[]): [bigint, bigint] {
  const bytes = [...(typeof text === "string" ? Buffer.from(text) : text), ...Array<number>(16).fill(0)].slice(0, 16);
  return [word(bytes.slice(0, 8)), word(bytes.slice(8))];
}

/** struct sock_common. `state` and `family` are the kernel's numbers. */
export interface Common {
  family: number;
  address: string;
  port: number;
  peer: string;
  peerPort: number;
  state: number;
  reuse: number;
  reusePort: boolean;
  ipv6Only: boolean;
  device: number;
  local6: readonly [bigint, bigint];
  peer6: readonly [bigint, bigint];
}
const COMMON: Common = {
  family: 2,
  address: "0.0.0.0",
  port: 8080,
  peer: "0.0.0.0",
  peerPort: 0,
  state: 10,
  reuse: 0,
  reusePort: false,
  ipv6Only: false,
  device: 0,
  local6: V6.any,
  peer6: V6.any,
};

function meta(common: Common): bigint {
  const flags = common.reuse | (common.reusePort ? 16 : 0) | (common.ipv6Only ? 32 : 0);
  return word([...littleEndian(common.family, 2), common.state, flags, ...littleEndian(common.device, 4)]);
}
const addresses = (common: Common) => word([...v4(common.peer), ...v4(common.address)]);
// skc_hash, then skc_dport in network order, then skc_num in that of the machine.
const ports = (common: Common) => word([9, 9, 9, 9, ...bigEndian(common.peerPort), ...littleEndian(common.port, 2)]);

export const NETNS = 4026531840;
export const BOOT = 1_000_000_000n;

/** Gives out the numbers of each CPU, and lines that follow one another. */
export class Printer {
  readonly #sequence = new Map<number, number>();
  #now = BOOT;

  ready(version = 2): string {
    return printed("ready", [version, BOOT]);
  }

  /** Nothing happens for so long (ns). */
  wait(nanoseconds: bigint): void {
    this.#now += nanoseconds;
  }

  /** CPU, number and time, with which nearly every line begins. */
  #head(cpu: number): [number, number, bigint] {
    this.#now += 1000n;
    return [cpu, this.#number(cpu), this.#now];
  }

  #number(cpu: number): number {
    const number = (this.#sequence.get(cpu) ?? 0) + 1;
    this.#sequence.set(cpu, number);
    return number;
  }

  /** As if so many lines of this CPU had been printed and lost. */
  lose(count: number, cpu = 0): void {
    this.#sequence.set(cpu, (this.#sequence.get(cpu) ?? 0) + count);
  }

  beat(): string {
    this.#now += 1000n;
    return printed("beat", [this.#now]);
  }

  /** A mark in the stream: what this CPU has numbered so far. */
  count(cpu = 0): string {
    return printed("count", [cpu, this.#sequence.get(cpu) ?? 0]);
  }

  /** What the program of a check says before its walk. */
  slot(size: number): string {
    return printed("slot", [size]);
  }

  /** A bind of 0.0.0.0:8080 by process 20, refused unless `ret` says otherwise. */
  call(values: Partial<CallValues> = {}): string {
    const v = { ...CALL, ...values, common: { ...CALL_COMMON, ...values.common } };
    const head = this.#head(v.cpu);
    const sockaddr = v.op === 1 ? word([...littleEndian(v.family, 2), ...bigEndian(v.port), ...v4(v.address)]) : BigInt(v.port);
    const [low, high] = v.op === 1 ? v.address6 : [BigInt(v.backlog), v.heard === null ? 0n : head[2] - BigInt(v.heard)];
    return printed("call", [
      ...head,
      head[2] - 500n,
      v.op,
      v.fd,
      v.swapped ? 1 : 0,
      v.ret,
      20,
      v.tid,
      v.caller,
      sockaddr,
      low,
      high,
      v.made === null ? 0 : head[2] - BigInt(v.made),
      7,
      v.sk,
      NETNS,
      addresses(v.common),
      ports(v.common),
      meta(v.common),
      ...v.common.local6,
      v.uid,
      v.protocol,
      v.inode,
      ...v.group,
      v.program,
      ...name(v.comm),
    ]);
  }

  /** The kernel's search for the port of {@link call}, found or refused; `walked`: {@link place} of the walk of its owners. */
  port(values: Partial<PortValues> = {}): string {
    const v = { ...PORT, ...values, common: { ...CALL_COMMON, ...values.common } };
    return printed("port", [
      v.cpu,
      this.#number(v.cpu),
      v.port,
      v.result,
      v.sk,
      addresses(v.common),
      ports(v.common),
      meta(v.common),
      ...v.common.local6,
      v.walked,
    ]);
  }

  /** Where the last line of this CPU is, as `bt:port` names it. */
  place(cpu = 0): bigint {
    return BigInt(this.#sequence.get(cpu) ?? 0) * 4096n + BigInt(cpu) + 1n;
  }

  owner(values: Partial<OwnerValues> = {}): string {
    const v = { ...OWNER, ...values, common: { ...COMMON, ...values.common } };
    return printed("owner", [
      v.cpu,
      this.#number(v.cpu),
      v.sk,
      addresses(v.common),
      ports(v.common),
      meta(v.common),
      ...v.common.local6,
      ...v.common.peer6,
      v.uid,
      v.inode,
      v.user ?? v.sk,
      v.userProtocol,
      ...v.group,
      v.substate,
      v.expires,
      v.program,
      v.file,
      v.references,
    ]);
  }

  walk(values: Partial<WalkValues> = {}): string {
    const v: WalkValues = { ...WALK, ...values };
    const printedOwners = v.printed ?? 1;
    const possible = v.possible ?? printedOwners;
    return printed("walk", [
      ...this.#head(v.cpu),
      v.tid,
      v.op,
      v.locked ? 1 : 0,
      v.udp ? 1 : 0,
      v.decisive,
      v.port,
      NETNS,
      1,
      -1,
      0,
      v.fastUid,
      v.visited ?? possible,
      possible,
      printedOwners,
      v.missed,
    ]);
  }

  close(comm: string | readonly number[] = "node", cpu = 0, fd = 18): string {
    return printed("close", [...this.#head(cpu), 10, 10, fd, 0xffff_8880_0000_1000n, 100, NETNS, 8080, 2, ...name(comm)]);
  }

  option(level: number, option: number, ret = 0, fd = 18): string {
    const after = meta({ ...COMMON, reuse: 1, reusePort: true, device: 3 });
    return printed("option", [
      ...this.#head(0),
      10,
      10,
      fd,
      0xffff_8880_0000_1000n,
      100,
      NETNS,
      8080,
      level,
      option,
      ret,
      after,
      ...name("node"),
    ]);
  }

  state(from: number, to: number, inode = 100): string {
    return printed("state", [...this.#head(0), 0xffff_8880_0000_1000n, inode, NETNS, 8080, 6, from, to]);
  }

  free(pid = 10, exiting = 0, comm = "node"): string {
    return printed("free", [...this.#head(0), 0xffff_8880_0000_1000n, NETNS, 8080, pid, pid, exiting, ...name(comm)]);
  }

  /** `closed`, `stopped`: how long before it (ns) the thread closed the socket, and it listened no more; null where it did not. */
  destroy(
    exiting = 0,
    { closed = null, stopped = null, fd = 18 }: { closed?: number | null; stopped?: number | null; fd?: number } = {},
  ): string {
    const head = this.#head(0);
    const before = (nanoseconds: number | null) => (nanoseconds === null ? 0n : head[2] - BigInt(nanoseconds));
    const inode = closed === null && stopped === null ? 0 : 100;
    const told = [inode, before(closed), closed === null ? -1 : fd, before(stopped)];
    return printed("destroy", [...head, 0xffff_8880_0000_1000n, NETNS, 8080, 10, 10, exiting, ...name("node"), ...told]);
  }

  fork(cpu = 0): string {
    return printed("fork", [...this.#head(cpu), 10, 11]);
  }

  /** Process 9 made the socket of the call that follows. */
  made(cpu = 0): string {
    const [, number, t] = this.#head(cpu);
    return printed("made", [cpu, number, 9, t, ...name("systemd")]);
  }

  pass(how: number, fd = 18): string {
    return printed("pass", [...this.#head(0), 10, 10, how, fd, 0xffff_8880_0000_1000n, 100, NETNS, 8080, ...name("node")]);
  }

  exec(): string {
    return printed("exec", [...this.#head(0), 10, ...name("cat")]);
  }

  signal(number: number, code: number): string {
    return printed("signal", [...this.#head(0), 10, number, code, 30, ...name("bash")]);
  }

  exit(status: number): string {
    return printed("exit", [...this.#head(0), 10, status, ...name("node")]);
  }
}

interface CallValues {
  cpu: number;
  tid: number;
  op: number;
  fd: number;
  ret: number;
  swapped: boolean;
  /** What was asked for. */
  family: number;
  address: string;
  address6: readonly [bigint, bigint];
  port: number;
  backlog: number;
  /** How long before (ns) the socket began to listen, and the caller made it; null where neither is told. */
  heard: number | null;
  made: number | null;
  sk: bigint;
  common: Partial<Common>;
  /** Of the calling process, and of the socket. */
  caller: number;
  uid: number;
  protocol: number;
  inode: number;
  group: [bigint, number, number];
  /** sock_reuseport.prog */
  program: bigint;
  comm: string | readonly number[];
}
const CALL_COMMON: Common = { ...COMMON, state: 7, port: 0 };
const CALL: CallValues = {
  cpu: 0,
  tid: 21,
  op: 1,
  fd: 18,
  ret: -98,
  swapped: false,
  family: 2,
  address: "0.0.0.0",
  address6: V6.any,
  port: 8080,
  backlog: 511,
  heard: null,
  made: null,
  sk: 0xffff_8880_0000_2000n,
  common: CALL_COMMON,
  caller: 1000,
  uid: 1000,
  protocol: 6,
  inode: 200,
  group: [0n, 0, 0],
  program: 0n,
  comm: "node",
};

/** `result`: 1 entered, 2 free, 3 refused. */
interface PortValues {
  cpu: number;
  port: number;
  result: number;
  sk: bigint;
  common: Partial<Common>;
  walked: bigint;
}
const PORT: PortValues = { cpu: 0, port: 8080, result: 3, sk: CALL.sk, common: {}, walked: 0n };

interface OwnerValues {
  cpu: number;
  sk: bigint;
  common: Partial<Common>;
  uid: Value;
  inode: Value;
  /** sk_socket->sk, the owner itself unless it is a subflow. */
  user: bigint | null;
  userProtocol: number;
  group: [bigint, number, number];
  substate: number;
  expires: bigint;
  program: bigint;
  /** sk_socket->file, and its count of references. */
  file: bigint;
  references: Value;
}
const OWNER: OwnerValues = {
  cpu: 0,
  sk: 0xffff_8880_0000_1000n,
  common: {},
  uid: 1000,
  inode: 100,
  user: null,
  userProtocol: 6,
  group: [0n, 0, 0],
  substate: 0,
  expires: 0n,
  program: 0n,
  file: 0xffff_8880_0000_f000n,
  references: 1,
};

interface WalkValues {
  cpu: number;
  tid: number;
  op: number;
  locked: boolean;
  udp: boolean;
  decisive: bigint;
  port: number;
  fastUid: number;
  visited: number | null;
  possible: number | null;
  printed: number | null;
  missed: number;
}
const WALK: WalkValues = {
  cpu: 0,
  tid: 21,
  op: 1,
  locked: false,
  udp: false,
  decisive: 0n,
  port: 8080,
  fastUid: 0,
  visited: null,
  possible: null,
  printed: null,
  missed: 0,
};
