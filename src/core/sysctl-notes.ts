import type { Finding } from "./finding.ts";

/**
 * What each setting does for EADDRINUSE, and what people believe it does. Sources: ip-sysctl.rst of the kernel's
 * documentation, `inet_csk_find_open_port` and `inet_csk_bind_conflict` (net/ipv4/inet_connection_sock.c),
 * `tcp_time_wait` (net/ipv4/tcp_minisocks.c), of 5.10 to 7.3.
 */
const EFFECTS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_local_port_range":
    "bind to port 0, connect, listen without bind and a first UDP send choose from it; an explicit bind may name its ports too, but can find one taken by an outgoing connection",
  "net.ipv4.ip_local_reserved_ports":
    "ports that are never chosen by the kernel, so a service's port in it is safe from outgoing connections; an explicit bind to them works as ever",
  "net.ipv4.ip_unprivileged_port_start": "a bind to a lower port needs CAP_NET_BIND_SERVICE; without it bind says EACCES, never EADDRINUSE",
  "net.ipv4.tcp_fin_timeout":
    "how many seconds a closed connection waits for the other end to close as well (FIN-WAIT-2), and keeps its port; it is not the length of TIME_WAIT, which is 60 s in the kernel's source",
  "net.ipv4.tcp_tw_reuse":
    "lets connect take over an old connection in TIME_WAIT (2: on loopback only); bind does not look at it, so it cures no EADDRINUSE",
  "net.ipv4.tcp_max_tw_buckets":
    "how many connections may be in TIME_WAIT; any more go without it and free their port at once, but then late segments of an old connection can reach a new one",
  "net.ipv4.ip_autobind_reuse":
    "1 lets bind to port 0, when it finds no free port, share one if all its sockets and the new one have SO_REUSEADDR and none listens; an explicit bind is not affected",
  "net.core.somaxconn": "bounds the backlog of listen, the connections that wait for accept; it has nothing to do with bind",
};

/** A client that makes more than 80 connections a second uses up so many within the 60 s of TIME_WAIT. */
const FEW_PORTS = 5000;
/** Below this are the ports that people give to services, 8080 and 9000 among them. */
const SERVICE_PORTS = 10_000;

interface Trouble {
  fact: string;
  mend: string;
}

/** What is said of one setting more, by its value. `skipped`: connections that went without TIME_WAIT. */
function trouble(name: string, value: string, skipped: number): Trouble | null {
  switch (name) {
    case "net.ipv4.ip_local_port_range":
      return portRangeTrouble(value);
    case "net.ipv4.ip_autobind_reuse":
      return value === "1"
        ? { fact: "it is 1", mend: "leave it at 0 unless you know why: IP_BIND_ADDRESS_NO_PORT is what its documentation prefers" }
        : null;
    case "net.ipv4.tcp_max_tw_buckets":
      return skipped > 0
        ? {
            fact: `${skipped} connections have gone without TIME_WAIT, for this limit or for lack of memory`,
            mend: "raise it: its documentation says never to lower it below the default",
          }
        : null;
    default:
      return null;
  }
}

function portRangeTrouble(value: string): Trouble | null {
  const [low = 0, high = 0] = value.split(" ").map(Number);
  const count = high - low + 1;
  if (count < FEW_PORTS) {
    return { fact: `it holds ${count} ports only`, mend: "widen it, as long as your services' ports stay out of it or are reserved" };
  }
  if (low < SERVICE_PORTS) {
    return {
      fact: `it begins at ${low}, so an outgoing connection may take the port of a service`,
      mend: "list your services' ports in net.ipv4.ip_local_reserved_ports",
    };
  }
  return null;
}

/** One finding for each of the settings that this kernel has. `skipped`: TCPTimeWaitOverflow of /proc/net/netstat. */
export function sysctlFindings(values: Readonly<Record<string, string>>, skipped: number): Finding[] {
  return Object.entries(EFFECTS).flatMap(([name, effect]) => {
    const value = values[name];
    if (value === undefined) return [];
    const found = trouble(name, value, skipped);
    const fact = `${effect}${found ? `; ${found.fact}` : ""}`;
    return [{ code: name, status: found ? "note" : "ok", fact, mend: found?.mend ?? null, value }];
  });
}
