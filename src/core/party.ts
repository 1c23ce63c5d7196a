import { addressKind, type Family } from "./address.ts";
import type { CallEvent, Protocol, SocketFacts, State } from "./event.ts";

/** One side of the question. Option values are the current ones: the kernel asks at the moment of the bind. */
export interface Party extends LocalAddress {
  protocol: Protocol;
  /** Interface index, 0 for none. */
  device: number;
  reuseAddr: boolean;
  reusePort: boolean;
  /** Owner of the socket's inode, null where the kernel keeps none (TIME_WAIT). */
  uid: number | null;
  state: State;
  /** No process holds the socket: not any more, or, accepted by nobody, not yet. */
  orphan: boolean;
  /** The socket is in a reuseport group already (`sk_reuseport_cb`), of which no closed listener is kept (`num_closed_socks`, 5.14). */
  inGroup: boolean;
}

/** Where a socket is, as the kernel compares it. */
export interface LocalAddress {
  family: Family;
  address: string;
  ipv6Only: boolean;
}

/** What has to be equal for two sockets to meet. */
export interface Place {
  netns: number;
  /** MPTCP takes its ports from TCP; UDP has a space of its own. */
  protocol: Protocol;
  port: number;
  /** The VRF device that the socket is in (l3mdev), 0 for none or where `tcp_l3mdev_accept` is set; left out where it was not seen. */
  vrf?: number;
}

/**
 * Whether the kernel compares sockets of these places at all: TCP's bind bucket is found by namespace, port and VRF
 * (`inet_bind_bucket_match`), UDP compares namespace and port (`udp_lib_lport_inuse`).
 */
export function meet(a: Place, b: Place): boolean {
  const udp = a.protocol === "udp";
  const sameVrf = udp || a.vrf === b.vrf || a.vrf === undefined || b.vrf === undefined;
  return udp === (b.protocol === "udp") && a.netns === b.netns && a.port === b.port && sameVrf;
}

/** The same for all that may meet. */
export type PlaceKey = number | string;

/** As many numbers as there are ports of both protocols. */
const PORTS = 1 << 17;
/** Numbers of network namespaces (inodes of 32 bits), below which a number says all. */
const NAMESPACES = 2 ** 32;

/** Of what can be in a trace that some kernel told, a number: it is asked for with every event. */
export function placeKey({ netns, protocol, port }: Pick<Place, "netns" | "protocol" | "port">): PlaceKey {
  const isUdp = protocol === "udp";
  return netns < NAMESPACES ? netns * PORTS + port * 2 + (isUdp ? 1 : 0) : `${netns}/${isUdp ? "udp" : "tcp"}/${port}`;
}

/** The binder as the kernel saw it during the call. */
export function binderParty(call: CallEvent): Party {
  const { socket } = call;
  const asked = call.type === "bind" && !call.search ? call.requested : socket;
  return {
    ...socket,
    family: socket.family,
    address: asked.address,
    ipv6Only: bindsIpv6Only(socket.family, asked.address, socket.ipv6Only),
    orphan: false,
    inGroup: socket.group !== null,
  };
}

export function ownerParty(facts: SocketFacts): Party {
  return { ...facts, orphan: facts.inode === null && facts.state !== "TIME_WAIT", inGroup: facts.group !== null };
}

/** The address as the kernel files it: binding a plain IPv6 address makes the socket IPv6-only (`__inet6_bind`). */
export function bindsIpv6Only(family: Family, address: string, option: boolean): boolean {
  return option || addressKind(family, address).kind === "specific6";
}
