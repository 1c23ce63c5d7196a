import fc from "fast-check";

/** One random operation. Numbers choose among what is there when its turn comes, so that any part of a sequence is a sequence. */
export type Operation = SocketOperation | ProcessOperation;
export type ProcessOperation =
  | { do: "socket"; by: number; udp: boolean; ipv6: boolean; netns: number; options: number }
  | { do: "fork" | "exit"; by: number }
  | { do: "user"; by: number; uid: number };
export type SocketOperation =
  | { do: "set"; by: number; which: number; option: OptionName; on: boolean }
  | { do: "device"; by: number; which: number; device: number }
  | { do: "bind"; by: number; which: number; address: number; port: number }
  | { do: "connect"; by: number; which: number; to: number }
  | { do: "shutdown"; by: number; which: number; how: "rd" | "wr" | "rdwr" }
  | { do: "listen" | "accept" | "close" | "disconnect" | "dup" | "attach"; by: number; which: number };

/** Options that a socket may have from the start, as bits of a number. */
export const OPTIONS = [
  { option: "reuseaddr", property: "reuseAddr", bit: 1 },
  { option: "reuseport", property: "reusePort", bit: 2 },
  { option: "v6only", property: "ipv6Only", bit: 4 },
] as const;
/** The options of sockets in a sequence about sharing: most have SO_REUSEPORT, of the others most have SO_REUSEADDR. */
export const SHARING = [2, 2, 2, 3, 3, 6, 1, 0] as const;
export type OptionName = (typeof OPTIONS)[number]["option"];

export const ADDRESSES = {
  ipv4: ["0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.6"],
  ipv6: ["::", "::", "::", "::1", "::1", "fd00::2", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:127.0.0.6"],
} as const;
export const USERS = [0, 1000, 1001] as const;
/** Ports of a sequence, the first of which is the one most asked for; 0 stands for any. */
export const PORTS = 4;
export const DEVICES = ["none", "lo", "v0"] as const;
export const NAMESPACES = ["one", "two"] as const;

const choice = fc.nat({ max: 59 });
const by = fc.nat({ max: 2 });
const common = { by, which: choice };
const mostly = <T>(usual: T, ...others: T[]) => fc.constantFrom(...Array<T>(4).fill(usual), ...others);

const of = {
  socket: fc.record({
    do: fc.constant("socket" as const),
    by,
    udp: mostly(false, true, true),
    ipv6: fc.boolean(),
    netns: mostly(0, 1),
    options: fc.nat({ max: 7 }),
  }),
  set: fc.record({
    do: fc.constant("set" as const),
    ...common,
    option: fc.constantFrom(...OPTIONS.map(({ option }) => option)),
    on: fc.boolean(),
  }),
  device: fc.record({ do: fc.constant("device" as const), ...common, device: fc.nat({ max: DEVICES.length - 1 }) }),
  bind: fc.record({
    do: fc.constant("bind" as const),
    ...common,
    address: choice,
    port: fc.constantFrom(1, 1, 1, 1, 1, 1, 2, 2, 0, 0),
  }),
  listen: fc.record({ do: fc.constant("listen" as const), ...common }),
  connect: fc.record({ do: fc.constant("connect" as const), ...common, to: choice }),
  accept: fc.record({ do: fc.constant("accept" as const), ...common }),
  shutdown: fc.record({
    do: fc.constant("shutdown" as const),
    ...common,
    how: fc.constantFrom("rd" as const, "wr" as const, "rdwr" as const),
  }),
  close: fc.record({ do: fc.constant("close" as const), ...common }),
  disconnect: fc.record({ do: fc.constant("disconnect" as const), ...common }),
  dup: fc.record({ do: fc.constant("dup" as const), ...common }),
  attach: fc.record({ do: fc.constant("attach" as const), ...common }),
  fork: fc.record({ do: fc.constant("fork" as const), by }),
  exit: fc.record({ do: fc.constant("exit" as const), by }),
  user: fc.record({ do: fc.constant("user" as const), by, uid: fc.constantFrom(...USERS) }),
} satisfies Record<Operation["do"], fc.Arbitrary<Operation>>;

const WEIGHTS: Record<Operation["do"], number> = {
  socket: 24,
  set: 8,
  device: 2,
  bind: 30,
  listen: 16,
  connect: 16,
  accept: 6,
  shutdown: 4,
  close: 10,
  disconnect: 3,
  dup: 1,
  attach: 1,
  fork: 1,
  exit: 1,
  user: 3,
};

/** How a sequence's namespace is set up: the ports that bind of port 0 and connect choose from, and `ip_autobind_reuse`. */
export interface Setting {
  /** Number of free ports, from the sequence's first port on: 0 for the range that is usual. */
  range: 0 | 1 | 2 | 4;
  autobindReuse: boolean;
  /** A sequence about sharing two ports of this protocol, in which the bucket's memory and the order of UDP matter. */
  sharing: "none" | "tcp" | "udp";
}

export interface Sequence {
  setting: Setting;
  operations: Operation[];
}

export const sequence: fc.Arbitrary<Sequence> = fc.record({
  setting: fc.record({
    range: fc.constantFrom<Setting["range"]>(0, 0, 0, 1, 2, 2, 4),
    autobindReuse: fc.boolean(),
    sharing: fc.constantFrom("none", "none", "tcp", "udp"),
  }),
  operations: fc.array(
    fc.oneof(...(Object.keys(of) as Operation["do"][]).map((name) => ({ weight: WEIGHTS[name], arbitrary: of[name] }))),
    {
      minLength: 1,
      maxLength: 60,
      size: "max",
    },
  ),
});
