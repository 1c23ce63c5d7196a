import { addressKind } from "./address.ts";
import type { Party } from "./party.ts";

/** What refuses a bind before the kernel looks at who has the port. */
export interface Obstacle {
  errno: string;
  /** One clause. */
  reason: string;
}

export interface Ground {
  /** By name: net.ipv4.ip_unprivileged_port_start and the like, of the network namespace in question. */
  sysctls: Readonly<Record<string, string>>;
  /** Whether the address (of an IPv4-mapped one, the IPv4 address) belongs to this machine, null where that is not known. */
  isLocal: boolean | null;
}

/** The first ports that everybody may take where the setting cannot be read (PROT_SOCK, include/net/sock.h). */
const FIRST_UNPRIVILEGED = 1024;

/**
 * What refuses this bind whoever has the port, in the order in which the kernel asks. Sources: `__inet_bind`
 * (net/ipv4/af_inet.c), which looks at the address first, and `__inet6_bind` (net/ipv6/af_inet6.c), which does not.
 */
export function obstacles(binder: Party, port: number, { sysctls, isLocal }: Ground): Obstacle[] {
  const { kind, v4 } = addressKind(binder.family, binder.address);
  const ipv4 = kind === "v4" || kind === "mapped";
  const multicast = ipv4 ? Number(v4.split(".")[0]) >= 224 : binder.address.startsWith("ff");
  const anyLocal = ipv4 ? v4.startsWith("0.") || multicast : kind === "any6" || multicast;
  const foreign = isLocal === false && !anyLocal && sysctls[`net.${ipv4 ? "ipv4" : "ipv6"}.ip_nonlocal_bind`] !== "1";
  const first = Number(sysctls["net.ipv4.ip_unprivileged_port_start"] ?? FIRST_UNPRIVILEGED);
  const address = foreign ? [{ errno: "EADDRNOTAVAIL", reason: `${binder.address} is no address of this network namespace` }] : [];
  const rights =
    port < first && binder.uid !== 0
      ? [
          {
            errno: "EACCES",
            reason: `ports below ${first} need root or CAP_NET_BIND_SERVICE, and uid ${binder.uid} is taken to have neither`,
          },
        ]
      : [];
  const fit = unfit(kind === "mapped" && binder.ipv6Only, !ipv4 && multicast && binder.protocol !== "udp");
  return kind === "v4" ? [...address, ...rights] : [...rights, ...fit, ...address];
}

function unfit(mappedOnly: boolean, multicastStream: boolean): Obstacle[] {
  if (mappedOnly) return [{ errno: "EINVAL", reason: "a socket with IPV6_V6ONLY takes no IPv4 address" }];
  return multicastStream ? [{ errno: "EINVAL", reason: "TCP takes no IPv6 multicast address" }] : [];
}
