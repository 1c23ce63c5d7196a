import { readFileSync } from "node:fs";
import type { OptionalProbe } from "../core/probes.ts";
import { watchBase } from "./bases.ts";
import { expandBlocks, type Hooks } from "./hooks.ts";
import type { Layout } from "./layout.ts";
import type { Place } from "./look.ts";
import { NO_FD, OP, PASS, PLACE_CPUS, PROTOCOL_VERSION, RESULT } from "./protocol.ts";

/** CPUs whose numbers a mark reports; more would be too long a loop for the verifier. */
const MAX_CPUS = 256;

/** How much of a bind bucket one walk may visit and print. */
export interface WalkBounds {
  addresses: number;
  owners: number;
}

/**
 * From the longest: the verifier refuses what takes it more than a million instructions to prove, and newer
 * bpftrace versions (0.27) make longer programs of the same text. Which one fits is found by loading it.
 */
export const WALK_BOUNDS: readonly [WalkBounds, ...WalkBounds[]] = [
  { addresses: 8, owners: 64 },
  { addresses: 4, owners: 16 },
];

/** Buckets of a hash chain; owners printed, and how many of these may be connections. */
const WALK = { WALK_CHAIN: 32, WALK_PRINTS: 64, WALK_CONNECTIONS: 40 };

/** Numbers of the Linux ABI that the programs use by name (include/uapi). */
const ABI = {
  AF_INET: 2,
  AF_INET6: 10,
  IPPROTO_TCP: 6,
  IPPROTO_UDP: 17,
  IPPROTO_MPTCP: 262,
  SOL_SOCKET: 1,
  SOL_IPV6: 41,
  SO_REUSEADDR: 2,
  SO_REUSEPORT: 15,
  SO_BINDTODEVICE: 25,
  IPV6_V6ONLY: 26,
  EADDRINUSE: 98,
  S_IFMT: 0xf000,
  S_IFSOCK: 0xc000,
  TCP_CLOSE: 7,
  TCP_LISTEN: 10,
  // RCV_SHUTDOWN | SEND_SHUTDOWN
  SHUTDOWN_MASK: 3,
  PF_EXITING: 4,
  CLONE_THREAD: 0x10000,
  F_DUPFD: 0,
  F_DUPFD_CLOEXEC: 1030,
  // skc_reuse within the word that starts at skc_family
  SKC_REUSE_MASK: 0x0f000000,
  LOOK_MASK: 0x7ffe0000,
  WATCH_MASK: 0x7fc00000,
  PID_BITS: 0x3fffff,
  // struct user_msghdr of 64-bit kernels
  OFF_MSG_CONTROL: 32,
  OFF_MSG_CONTROLLEN: 40,
  // struct cmsghdr, and what its length is with one descriptor
  OFF_CMSG_LEVEL: 8,
  OFF_CMSG_DATA: 16,
  CMSG_LEN_ONE: 20,
  // cmsg_level SOL_SOCKET, cmsg_type SCM_RIGHTS
  SCM_RIGHTS_HEAD: 0x100000001,
  // HUP, INT, QUIT, ABRT, KILL, USR1, SEGV, USR2, TERM, CONT, STOP, TSTP, WINCH: a bit each
  SIGNALS_TOLD: 0x101c9e4e,
};

/** Slots of the table of sockets whose maker is remembered; descriptors of one message that are looked at. */
const TABLES = { MADE_MASK: 0x7ff, PASS_DESCRIPTORS: 4 };

const PROTOCOL = { ...named("OP", OP), ...named("RESULT", RESULT), ...named("PASS", PASS), NO_FD, PLACE_CPUS, PROTOCOL_VERSION };

function named(prefix: string, numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, number]) => [`${prefix}_${name}`, number]));
}

/** What follows the first lines of a walk: the owners' lists, as this kernel keeps them. */
function walkParts(walk: Layout["walk"]): string[] {
  return ["walk/bucket", `walk/${walk}`, "walk/owner", `walk/${walk}-end`];
}

/** Parts of the tracepoint hook set, in order; some leave a brace open that a later one closes. */
function tracepointParts({ layout, closes }: ProgramOptions): string[] {
  const exit = ["tracepoint/exit", "maker", "call", "tracepoint/walk", ...walkParts(layout.walk), "walk/print", "end"];
  const copies = ["close", "dup", "fcntl", "getfd", "send"].flatMap((part) => [
    `tracepoint/${part}`,
    ...(part === "close" ? [] : ["pass", "end"]),
  ]);
  const end = ["destroy", "destroy-line"];
  return ["tracepoint/made", "tracepoint/enter", "state", ...exit, "tracepoint/setsockopt", ...(closes ? copies : []), ...end];
}

/** Functions in which the kernel compares the binder with the owners. */
const COMPARES: readonly OptionalProbe[] = [
  "inet_csk_bind_conflict",
  "inet_bhash2_addr_any_conflict",
  "udp_lib_lport_inuse",
  "udp_lib_lport_inuse2",
];

/** Parts of the kernel hook set. Where the moment of the comparison cannot be probed, owners are walked at the refusal. */
function kernelParts({ layout, closes }: ProgramOptions, { functions, missing }: Hooks): string[] {
  const walk = [...walkParts(layout.walk), "walk/print", "kernel/walk-place"];
  const late = COMPARES.some((name) => missing.includes(name));
  const tell = ["kernel/port-line", functions.has("__sys_socket") ? "maker" : "maker-unknown", "call", "kernel/forget"];
  return [
    "kernel/made",
    "kernel/enter",
    "state",
    "kernel/autobind",
    "kernel/port-enter",
    "kernel/decisive",
    ...["kernel/conflict", ...walk, "end"],
    "kernel/port-exit",
    ...(late ? ["kernel/late", ...walk, "kernel/late-end"] : []),
    ...["kernel/port-alone", ...tell, "end"],
    ...["kernel/exit", ...tell, "kernel/exit-end"],
    ...["kernel/look", ...walkParts(layout.walk), "walk/print", "end"],
    "kernel/setsockopt",
    "kernel/release",
    ...(closes ? ["kernel/close", "kernel/send", "pass", "end", "kernel/receive", "pass", "kernel/receive-end"] : []),
    ...[functions.has("inet_csk_destroy_sock") ? "kernel/destroy" : "destroy", "destroy-line"],
  ];
}

export interface ProgramOptions {
  layout: Layout;
  /** How the functions of the kernel are probed; null for the tracepoint hook set. */
  hooks: Hooks | null;
  /** Inclusive ranges of local ports; empty for all. */
  ports: readonly (readonly [number, number])[];
  /** Hook the closing of sockets too: who closed which copy. */
  closes: boolean;
  /** Distinguishes the looks that this trace asks for from those of another: see lookBase. */
  lookBase: number;
  bounds: WalkBounds;
}

/** The text of the bpftrace program: the prelude, then the parts in bpf/, one after the other. */
export function assembleProgram(options: ProgramOptions): string {
  const { hooks } = options;
  const parts = ["main", ...(hooks ? kernelParts(options, hooks) : tracepointParts(options)), "process"];
  const text = parts.map(readPart).join("\n");
  return complete(traceDefines(options), withoutUnused(hooks ? expandBlocks(text, hooks) : text));
}

export interface CheckOptions {
  layout: Layout;
  place: Place;
  /** The thread that takes this name (15 characters at most) sets off the walk, in its network namespace. */
  name: string;
  bounds: WalkBounds;
}

/** The text of the program that walks one port once and ends. */
export function assembleCheck({ layout, place, name, bounds }: CheckOptions): string {
  const parts = ["main", "check", ...walkParts(layout.walk), "walk/print", "check-end"];
  const asked = { CHECK_PORT: place.port, CHECK_UDP: place.protocol === "udp" ? 1 : 0, CHECK_NAME: `"${name}"` };
  return complete({ ...walkDefines(layout, bounds), ...asked }, parts.map(readPart).join("\n"));
}

function complete(defines: Readonly<Record<string, string | number>>, program: string): string {
  const prelude = Object.entries(defines).map(([name, value]) => `#define ${name} ${value}`);
  // bpftrace prints the maps that are left at its end.
  const maps = [...new Set(program.replace(/\/\/.*/g, "").match(/@\w+/g))].map((map) => `clear(${map});`);
  return [SOCKADDR, ...prelude, program, `END { ${maps.join(" ")} }`, ""].join("\n");
}

/** bpftrace refuses to delete from a map that nothing is put into: so it is with what a missing probe would have remembered. */
function withoutUnused(program: string): string {
  return program.replace(/^ *delete\((@\w+)\[tid\]\);\n/gm, (statement, map: string) =>
    new RegExp(`${map}\\[[^\\]]*\\] = `).test(program) ? statement : "",
  );
}

const SOCKADDR = "struct bt_sockaddr { unsigned long head; unsigned long low; unsigned long high; };";

function walkDefines(layout: Layout, bounds: WalkBounds): Record<string, string | number> {
  return { ...ABI, ...PROTOCOL, ...TABLES, ...WALK, WALK_ADDRESSES: bounds.addresses, WALK_OWNERS: bounds.owners, ...layout.defines };
}

function traceDefines({ layout, hooks, ports, closes, lookBase: base, bounds }: ProgramOptions): Record<string, string | number> {
  return {
    ...walkDefines(layout, bounds),
    LOOK_BASE: base,
    WATCH_BASE: watchBase(base),
    CPUS: Math.min(MAX_CPUS, possibleCpus()),
    PORT_WATCHED: portTest("$port", ports),
    NUM_WATCHED: portTest("$num", ports),
    ...threadDefines(closes && (!hooks || hooks.functions.has("inet_release")), !hooks || seesCalls(hooks)),
    ...(hooks ? kernelDefines(hooks, ports) : {}),
  };
}

/** What the parts that all programs have know of the thread that they run in: its last close, and the call that it is in. */
function threadDefines(closes: boolean, calls: boolean): Record<string, string> {
  const none = "(uint64)0";
  return {
    CLOSED_SOCK: closes ? "@closed[tid].0" : none,
    CLOSED_AT: closes ? "@closed[tid].1" : none,
    CLOSED_FD: closes ? "@closed[tid].2" : none,
    CLOSED_INODE: closes ? "@closed[tid].3" : none,
    IN_CALL: calls ? "@call[tid].0" : "0",
    CALL_SOCK: calls ? "@call[tid].3" : none,
  };
}

const seesCalls = ({ functions }: Hooks) => functions.has("__sys_bind") || functions.has("__sys_listen");

/** Names by which the parts of the kernel hook set know which of their probes there are. */
function kernelDefines(hooks: Hooks, ports: ProgramOptions["ports"]): Record<string, string | number> {
  const { functions } = hooks;
  const autobind = functions.has("inet_autobind");
  const connects = autobind && functions.has("inet_dgram_connect");
  return {
    ASKED_WATCHED: portTest("$asked", ports),
    CALL_WATCHED: seesCalls(hooks) ? "@call[tid].8" : "0",
    IN_AUTOBIND: autobind ? "@auto[tid]" : "0",
    IN_DGRAM_CONNECT: connects ? "@dgram[tid]" : "0",
    OP_NO_AUTOBIND: autobind ? OP.BIND : OP.UNKNOWN,
    OP_AUTOBIND: connects ? OP.SENDTO : OP.UNKNOWN,
    DECISIVE: functions.has("inet_bind_conflict") || functions.has("inet_rcv_saddr_equal") ? "@decisive[tid]" : "$zero",
    // Without a port filter every outgoing datagram socket would be told.
    AUTOBIND_TOLD: ports.length === 0 ? 0 : 1,
  };
}

function portTest(variable: string, ports: ProgramOptions["ports"]): string {
  if (ports.length === 0) return `(${variable} >= 0)`;
  const tests = ports.map(([low, high]) => (low === high ? `${variable} == ${low}` : `(${variable} >= ${low} && ${variable} <= ${high})`));
  return `(${tests.join(" || ")})`;
}

/** CPU numbers go from 0 to below this. */
function possibleCpus(): number {
  const ranges = readFileSync("/sys/devices/system/cpu/possible", "utf8");
  return 1 + Math.max(...(ranges.match(/\d+/g)?.map(Number) ?? [0]));
}

function readPart(name: string): string {
  return readFileSync(new URL(`../../bpf/${name}.bt`, import.meta.url), "utf8");
}
