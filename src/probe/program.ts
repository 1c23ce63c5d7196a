import { readFileSync } from "node:fs";
import type { Layout } from "./layout.ts";

/** Version of the line protocol between bpf/ and lines.ts. */
export const PROTOCOL_VERSION = 1;

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
export const WALK_BOUNDS: readonly WalkBounds[] = [
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
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_LISTEN: 10,
  PF_EXITING: 4,
  CLONE_THREAD: 0x10000,
  // skc_reuse within the word that starts at skc_family
  SKC_REUSE_MASK: 0x0f000000,
  OP_BIND: 1,
  OP_LISTEN: 2,
  OP_LOOK: 3,
  LOOK_MASK: 0x7fff0000,
  PROTOCOL_VERSION,
};

const PARTS_BEFORE_WALK = ["main.bt", "enter.bt", "exit.bt", "walk-bucket.bt"];
const PARTS_AFTER_WALK = ["walk-print.bt", "setsockopt.bt", "state.bt", "process.bt"];

export interface ProgramOptions {
  layout: Layout;
  /** Inclusive ranges of local ports; empty for all. */
  ports: readonly (readonly [number, number])[];
  /** Hook close(2) too: who closed which copy. */
  closes: boolean;
  /** Distinguishes the looks that this trace asks for from those of another: see lookBase. */
  lookBase: number;
  bounds: WalkBounds;
}

/** The text of the bpftrace program: the prelude, then the parts in bpf/, one after the other. */
export function assembleProgram(options: ProgramOptions): string {
  const { walk } = options.layout;
  const parts = [
    ...PARTS_BEFORE_WALK,
    `walk-${walk}.bt`,
    "walk-owner.bt",
    `walk-${walk}-end.bt`,
    ...PARTS_AFTER_WALK,
    ...(options.closes ? ["close.bt"] : []),
  ];
  return [prelude(options), ...parts.map(readPart)].join("\n");
}

/** Process ids from 2^30 up never exist (pid_max is at most 2^22), so kill(2) on one reaches nobody. */
export function lookBase(random: number): number {
  return (0x4000 + (random % 0x3fff)) * 0x10000;
}

function prelude({ layout, ports, lookBase: base, bounds }: ProgramOptions): string {
  const defines = {
    ...ABI,
    ...WALK,
    WALK_ADDRESSES: bounds.addresses,
    WALK_OWNERS: bounds.owners,
    ...layout.defines,
    LOOK_BASE: base,
    CPUS: Math.min(MAX_CPUS, possibleCpus()),
    PORT_WATCHED: portTest("$port", ports),
    NUM_WATCHED: portTest("$num", ports),
  };
  return [
    "struct bt_sockaddr { unsigned long head; unsigned long low; unsigned long high; unsigned int scope; };",
    ...Object.entries(defines).map(([name, value]) => `#define ${name} ${value}`),
  ].join("\n");
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
  return readFileSync(new URL(`../../bpf/${name}`, import.meta.url), "utf8");
}
