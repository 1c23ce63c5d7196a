import fc from "fast-check";
import { USERS } from "./operations.ts";

/** Situations in which a bind or listen may be refused, as data: how they are set up, and what is changed in them, is for others. */

export interface SocketPlan {
  protocol: "tcp" | "udp";
  address: string;
  ipv6Only: boolean;
  reuseAddr: boolean;
  reusePort: boolean;
  uid: number;
}

/** A socket that asks. */
export interface BinderPlan extends SocketPlan {
  /** A program puts it into a group of its own, for which it has SO_REUSEPORT, at least meanwhile. */
  attached: boolean;
}

/** `orphan`: closed here first and kept as a socket, which tcp_fin_timeout above 60 s does. `half`: kept as TIME_WAIT is, while the other end is open. */
export type End = "ESTABLISHED" | "CLOSE_WAIT" | "FIN_WAIT2" | "orphan" | "half" | "TIME_WAIT";

/** A socket, or a listener with its connection, on the port. */
export interface OwnerPlan extends SocketPlan {
  /** `connects`: the kernel chose its port when it connected. */
  becomes: "bound" | "listening" | "connects";
  /** Of TCP one that it accepts or makes, of UDP where it connects to. */
  connection: Connection | null;
}

export interface Connection {
  /** The local address; the other end has the same. */
  at: string;
  end: End;
  accepted: boolean;
  /** Else it is closed once the connection is accepted. */
  listenerStays: boolean;
}

export interface Situation {
  owners: readonly OwnerPlan[];
  binder: BinderPlan;
  /** A binder that listens was bound before the owners listened. */
  ask: "bind" | "listen";
}

/** Addresses to bind to, and which address a connection can have that came in there. */
const CONNECTIONS: Readonly<Record<string, readonly string[]>> = {
  "0.0.0.0": ["127.0.0.1"],
  "127.0.0.1": ["127.0.0.1"],
  "127.0.0.2": ["127.0.0.2"],
  "::": ["::1", "::ffff:127.0.0.1"],
  "::1": ["::1"],
  "::ffff:127.0.0.1": ["::ffff:127.0.0.1"],
  "::ffff:0.0.0.0": ["::ffff:127.0.0.1"],
};
const ADDRESSES = Object.keys(CONNECTIONS);

const options = fc.constantFrom(
  { reuseAddr: false, reusePort: false },
  { reuseAddr: true, reusePort: false },
  { reuseAddr: true, reusePort: false },
  { reuseAddr: false, reusePort: true },
  { reuseAddr: true, reusePort: true },
);
const end: fc.Arbitrary<End> = fc.constantFrom("ESTABLISHED", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2", "orphan", "half", "TIME_WAIT");
const rarely = fc.integer({ min: 0, max: 5 }).map((number) => number === 0);
const users = fc.constantFrom(...USERS);

/** What most sockets of a situation have in common, without which few could share the port: null stands for it. */
const usual = fc.record({ protocol: fc.constantFrom("tcp", "tcp", "tcp", "udp"), uid: users, options });
type Usual = typeof usual extends fc.Arbitrary<infer Value> ? Value : never;
const common = fc.constant(null);

const socket = fc.record({
  address: fc.constantFrom("0.0.0.0", "::", ...ADDRESSES),
  ipv6Only: rarely,
  uid: fc.oneof(common, common, users),
  options: fc.oneof(common, common, options),
});
type SocketChoice = typeof socket extends fc.Arbitrary<infer Value> ? Value : never;

const owner = fc.record({
  socket,
  becomes: fc.constantFrom<OwnerPlan["becomes"]>("bound", "listening", "listening", "listening", "connects"),
  connected: fc.boolean(),
  at: fc.nat({ max: 1 }),
  end,
  waits: rarely,
  listenerStays: rarely,
});
type OwnerChoice = typeof owner extends fc.Arbitrary<infer Value> ? Value : never;

export const situation: fc.Arbitrary<Situation> = fc
  .record({
    usual,
    owners: fc.array(owner, { minLength: 1, maxLength: 3 }),
    binder: socket,
    attached: rarely,
    ask: fc.constantFrom<Situation["ask"]>("bind", "bind", "listen"),
  })
  .map(({ usual, owners, binder, attached, ask }) => ({
    owners: owners.map((choice) => ownerPlan(choice, usual)),
    binder: { ...socketPlan(binder, usual), attached },
    ask: usual.protocol === "udp" ? "bind" : ask,
  }));

function socketPlan({ address, ipv6Only, uid, options }: SocketChoice, usual: Usual): SocketPlan {
  const { protocol } = usual;
  return { protocol, address, ipv6Only: ipv6Only && address === "::", uid: uid ?? usual.uid, ...(options ?? usual.options) };
}

function ownerPlan({ socket, connected, at, end, waits, listenerStays, ...choice }: OwnerChoice, usual: Usual): OwnerPlan {
  const plan = socketPlan(socket, usual);
  const becomes = plan.protocol === "udp" ? "bound" : choice.becomes;
  if (becomes !== "connects" && (!connected || (plan.protocol === "tcp" && becomes === "bound")))
    return { ...plan, becomes, connection: null };
  const local = localAddress(plan, becomes, at);
  if (!waits || becomes !== "listening") return { ...plan, becomes, connection: { at: local, end, accepted: true, listenerStays } };
  // No process has what nobody accepted, so none has closed it; its listener is there.
  const connection = { at: local, end: end === "CLOSE_WAIT" ? end : "ESTABLISHED", accepted: false, listenerStays: true } as const;
  return { ...plan, becomes, connection };
}

function localAddress({ address, ipv6Only }: SocketPlan, becomes: OwnerPlan["becomes"], choice: number): string {
  // connect chooses the address itself, and that is never 127.0.0.2.
  if (becomes === "connects" && address === "127.0.0.2") return "127.0.0.1";
  const possible = (CONNECTIONS[address] ?? []).filter((local) => !ipv6Only || !local.includes("."));
  return possible[choice % possible.length] ?? address;
}
