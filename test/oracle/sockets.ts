import { ANY4, ANY6, addressKind, type Family } from "../../src/core/address.ts";
import type { State } from "../../src/core/event.ts";
import { bindsIpv6Only, type Party } from "../../src/core/party.ts";

/** A socket as the model takes the kernel to hold it, with the kernel's names for what bind, listen and close look at. */
export interface Sock {
  id: number;
  protocol: "tcp" | "udp";
  family: Family;
  netns: string;
  uid: number;
  state: State;
  /** `sk_rcv_saddr`, `sk_v6_rcv_saddr`. */
  address: string;
  /** `inet_num`; 0 without a port. */
  port: number;
  ipv6Only: boolean;
  device: number;
  reuseAddr: boolean;
  reusePort: boolean;
  /** `sk_reuseport_cb`: in a group, or a program was attached. */
  grouped: boolean;
  /** SOCK_BINDPORT_LOCK, SOCK_BINDADDR_LOCK: the caller named the port, the address. Only the former keeps a port past the end of a connection. */
  portLocked: boolean;
  addressLocked: boolean;
  /** SOCK_CONNECT_BIND: connect chose the port. */
  connectBound: boolean;
  /** `socket->state` is not SS_UNCONNECTED: neither bind nor listen is possible any more. */
  connected: boolean;
  /** Nothing more is done with it: its state is not one that the model follows. */
  spoilt: boolean;
  /** A process has it; a connection is not yet accepted, or its last descriptor is closed, where not. */
  held: boolean;
  /** Descriptors that name it. */
  references: number;
  peer: Sock | null;
  remote: { address: string; port: number } | null;
  /** What the connection was called when it began, by which it is awaited. */
  connection: { address: string; port: number; peer: string; peerPort: number } | null;
  /** Connections that wait to be accepted. */
  queue: Sock[];
}

export const anyAddress = (family: Family) => (family === "ipv4" ? ANY4 : ANY6);
export const isAny6 = ({ family, address }: Sock) => addressKind(family, address).kind === "any6";
export const isMapped = ({ family, address }: Sock) => addressKind(family, address).kind === "mapped";
export const isSpecific6 = ({ family, address }: Sock) => addressKind(family, address).kind === "specific6";

export function newSock(id: number, given: Pick<Sock, "protocol" | "family" | "netns" | "uid">): Sock {
  return {
    ...given,
    id,
    state: "BOUND",
    address: anyAddress(given.family),
    port: 0,
    ipv6Only: false,
    device: 0,
    reuseAddr: false,
    reusePort: false,
    grouped: false,
    portLocked: false,
    addressLocked: false,
    connectBound: false,
    connected: false,
    spoilt: false,
    held: true,
    references: 1,
    peer: null,
    remote: null,
    connection: null,
    queue: [],
  };
}

export function toParty(sock: Sock): Party {
  const { protocol, family, address, ipv6Only, device, reuseAddr, reusePort, uid, state, held, grouped } = sock;
  const timeWait = state === "TIME_WAIT";
  return {
    protocol,
    family,
    address,
    ipv6Only,
    device,
    reuseAddr,
    reusePort,
    uid: timeWait ? null : uid,
    state: protocol === "udp" ? "BOUND" : state,
    orphan: !held && !timeWait,
    inGroup: grouped,
  };
}

/** The socket as the kernel sees it while it is bound to this address. */
export const beingBound = (sock: Sock, address: string): Sock => ({
  ...sock,
  address,
  ipv6Only: bindsIpv6Only(sock.family, address, sock.ipv6Only),
});

/** The socket as the kernel sees it while it begins to listen (`inet_csk_listen_start`). */
export const beginningToListen = (sock: Sock): Sock => ({ ...sock, state: "LISTEN" });
