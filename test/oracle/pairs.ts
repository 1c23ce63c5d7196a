import type { Family } from "../../src/core/address.ts";
import type { Ask } from "../../src/core/conflict.ts";
import type { State } from "../../src/core/event.ts";

/**
 * Every combination of one owner (or a crowd of equal ones) and one binder on a port that nothing else was ever on, as
 * tables: each has its question and its kinds of owners and binders. The order is fixed, so an index names a pair.
 */

/** SO_REUSEADDR, SO_REUSEPORT, and SO_ATTACH_REUSEPORT_CBPF before the bind, which makes a group of one. */
export type Options = "" | "RA" | "RP" | "RA RP" | "RP BPF" | "RA RP BPF";

export interface Binder {
  protocol: "tcp" | "udp";
  /** `:: v6only` is `::` with IPV6_V6ONLY. */
  address: string;
  options: Options;
  /** What the options have become by the time of the question, null if nothing else. */
  later: Options | null;
  uid: number;
  device: "lo" | "other" | null;
}

export interface Owner extends Binder {
  /** FIN_WAIT2 has no process. All but BOUND are, for TCP, of a socket that listened; connections outlive it. */
  state: State & ("BOUND" | "LISTEN" | "ESTABLISHED" | "FIN_WAIT2" | "TIME_WAIT");
  /** The local address of the connection. */
  connectedAt: string | null;
  /** So many owners, on addresses that follow each other. */
  count: number;
}

export interface Table {
  name: string;
  ask: Ask;
  owners: readonly Owner[];
  binders: readonly Binder[];
  /** Lines for the lab, once in its new network. */
  network: readonly string[];
}

export interface Pair {
  table: Table;
  index: number;
  owner: Owner;
  binder: Binder;
}

/** The address of a socket and what became of it since it was bound. */
type Place = Pick<Owner, "address" | "state" | "connectedAt">;

const USER = 1000;
const USERS = [0, USER];
const OPTIONS: readonly Options[] = ["", "RA", "RP", "RA RP"];
const OPTIONS_AND_BPF: readonly Options[] = [...OPTIONS, "RP BPF", "RA RP BPF"];

const ADDRESSES = ["0.0.0.0", "127.0.0.1", "127.0.0.2", "::", ":: v6only", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"];
/** And what the kernel keeps of any plain IPv6 address, and one of these that looks like an IPv4-mapped one. */
const BINDER_ADDRESSES = [...ADDRESSES, "127.0.0.6", "::ffff:0:0:1"];
const DEVICE_ADDRESSES = ["0.0.0.0", "127.0.0.1", "::", "::1", "::ffff:127.0.0.1"];

/** Which address a connection can have that came in at a listener's, or that a UDP socket takes when it connects. */
const CONNECTIONS: readonly (readonly [address: string, connectedAt: string])[] = [
  ["0.0.0.0", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.2", "127.0.0.2"],
  ["::", "::1"],
  ["::", "::ffff:127.0.0.1"],
  [":: v6only", "::1"],
  ["::1", "::1"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["::ffff:0.0.0.0", "::ffff:127.0.0.1"],
];

const at = (state: "BOUND" | "LISTEN", addresses: readonly string[] = ADDRESSES): Place[] =>
  addresses.map((address) => ({ address, state, connectedAt: null }));
const connected = (state: Owner["state"]): Place[] => CONNECTIONS.map(([address, connectedAt]) => ({ address, state, connectedAt }));

const UNCONNECTED = [...at("BOUND"), ...at("LISTEN")];
const ALL_OF_TCP = [...UNCONNECTED, ...connected("ESTABLISHED"), ...connected("FIN_WAIT2"), ...connected("TIME_WAIT")];
const ALL_OF_UDP = [...at("BOUND"), ...connected("ESTABLISHED")];
const PLAIN = { options: [""], later: [null], uid: [USER], device: [null] } as const;

const anyBinder = (protocol: "tcp" | "udp"): Binder[] =>
  product<Binder>({ ...PLAIN, protocol: [protocol], uid: USERS, address: BINDER_ADDRESSES, options: OPTIONS_AND_BPF });

export const TABLES: readonly Table[] = [
  {
    name: "tcp-bind",
    ask: "bind",
    owners: owners("tcp", ALL_OF_TCP, { options: OPTIONS, uid: USERS }),
    binders: anyBinder("tcp"),
    network: [],
  },
  {
    name: "udp-bind",
    ask: "bind",
    owners: owners("udp", ALL_OF_UDP, { options: OPTIONS, uid: USERS }),
    binders: anyBinder("udp"),
    network: [],
  },
  {
    // Owners that share no longer, or only now: the bucket remembers what they were bound with.
    name: "tcp-options-changed",
    ask: "bind",
    owners: owners("tcp", UNCONNECTED, { options: OPTIONS, later: OPTIONS }),
    binders: product<Binder>({ ...PLAIN, protocol: ["tcp"], uid: USERS, address: BINDER_ADDRESSES, options: OPTIONS }),
    network: [],
  },
  {
    // SO_REUSEADDR lets the bind of both pass, and the listen of the owner.
    name: "tcp-listen",
    ask: "listen",
    owners: owners("tcp", UNCONNECTED, { later: OPTIONS }).map(boundWithReuseAddr),
    binders: anyBinder("tcp").map(({ options, ...rest }) => boundWithReuseAddr({ ...rest, options, later: options })),
    network: [],
  },
  {
    name: "tcp-autobind",
    ask: "autobind",
    owners: owners("tcp", [...UNCONNECTED, ...connected("TIME_WAIT")], { options: OPTIONS }),
    binders: anyBinder("tcp"),
    network: [],
  },
  {
    name: "tcp-autobind-reuse",
    ask: "autobind-reuse",
    owners: owners("tcp", [...UNCONNECTED, ...connected("TIME_WAIT")], { options: OPTIONS }),
    binders: anyBinder("tcp"),
    network: ["sysctl net.ipv4.ip_autobind_reuse 1"],
  },
  {
    name: "udp-autobind",
    ask: "autobind",
    owners: owners("udp", at("BOUND"), { options: OPTIONS }),
    binders: anyBinder("udp"),
    network: [],
  },
  deviceTable("tcp", ["BOUND", "LISTEN"]),
  deviceTable("udp", ["BOUND"]),
  crowdTable("tcp"),
  crowdTable("udp"),
];

export const pairCount = ({ owners, binders }: Table): number => owners.length * binders.length;

export function pairAt(table: Table, index: number): Pair {
  const owner = table.owners[Math.floor(index / table.binders.length)];
  const binder = table.binders[index % table.binders.length];
  if (!owner || !binder) throw new Error(`${table.name} has no pair ${index}`);
  return { table, index, owner, binder };
}

export const familyOf = (address: string): Family => (address.includes(":") ? "ipv6" : "ipv4");

/** Those of a crowd differ in the last part: 127.0.0.1, 127.0.0.2; ::, ::1. */
export function addressesOf({ address, count }: Owner): string[] {
  const radix = address.includes(".") ? 10 : 16;
  const [, head = "", last = ""] = /^(.*?)([0-9a-f]*)$/.exec(address) ?? [];
  const next = (index: number) => head + (Number.parseInt(`0${last}`, radix) + index).toString(radix);
  return Array.from({ length: count }, (_, index) => (index === 0 ? address : next(index)));
}

function deviceTable(protocol: "tcp" | "udp", states: readonly ("BOUND" | "LISTEN")[]): Table {
  const device = [null, "lo", "other"] as const;
  return {
    name: `${protocol}-device`,
    ask: "bind",
    owners: owners(
      protocol,
      states.flatMap((state) => at(state, DEVICE_ADDRESSES)),
      { device },
    ),
    binders: product<Binder>({ ...PLAIN, protocol: [protocol], address: BINDER_ADDRESSES, device }),
    network: ["ip link add other type veth"],
  };
}

/** On both sides of the number of sockets from which on UDP looks by address; a wildcard among them needs them to share. */
function crowdTable(protocol: "tcp" | "udp"): Table {
  const crowd = { count: [10, 11] };
  return {
    name: `${protocol}-crowd`,
    ask: "bind",
    owners: [
      ...owners(protocol, at("BOUND", ["127.0.0.1", "::1", "::ffff:127.0.0.1"]), { options: OPTIONS, ...crowd }),
      ...owners(protocol, at("BOUND", ["::"]), { options: ["RA", "RP", "RA RP"], ...crowd }),
    ],
    binders: product<Binder>({ ...PLAIN, protocol: [protocol], uid: USERS, address: BINDER_ADDRESSES, options: OPTIONS }),
    network: [],
  };
}

function owners(protocol: "tcp" | "udp", places: readonly Place[], kinds: Partial<Choices<Owner>>): Owner[] {
  return places.flatMap(({ address, state, connectedAt }) =>
    product<Owner>({
      ...PLAIN,
      protocol: [protocol],
      address: [address],
      state: [state],
      connectedAt: [connectedAt],
      count: [1],
      ...kinds,
    }),
  );
}

function boundWithReuseAddr<Kind extends Binder>(kind: Kind): Kind {
  const rest = (kind.later ?? "").replace(/^RA ?/, "");
  return { ...kind, options: (rest === "" ? "RA" : `RA ${rest}`) as Options };
}

type Choices<Kind> = { readonly [Key in keyof Kind]: readonly Kind[Key][] };

/** Every choice of one value for each key, the last key's values changing fastest. */
function product<Kind extends object>(choices: Choices<Kind>): Kind[] {
  return (Object.entries(choices) as [keyof Kind, readonly unknown[]][]).reduce<Kind[]>(
    (chosen, [key, values]) => chosen.flatMap((each) => values.map((value) => ({ ...each, [key]: value }))),
    [{} as Kind],
  );
}
