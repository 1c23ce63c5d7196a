import { askForLooks, type Place } from "./look.ts";
import { type NetworkNamespace, networkNamespaces } from "./namespaces.ts";
import { readSockets } from "./proc-net.ts";

/** Most ports to look at in one namespace at the start. */
const MAX_PORTS = 1024;
/** Namespaces visited at the same time. */
const VISITS = 4;

/**
 * Asks for a look at the watched ports in every network namespace, so that the trace begins with the sockets
 * that were there before it. Without a port filter, the ports that /proc says somebody serves.
 */
export async function seed(base: number, ranges: readonly (readonly [number, number])[]): Promise<void> {
  const namespaces = networkNamespaces();
  const watched = ranges.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, index) => low + index));
  const every = watched.length === 0 || watched.length > MAX_PORTS;
  for (let at = 0; at < namespaces.length; at += VISITS) {
    const batch = namespaces.slice(at, at + VISITS);
    await Promise.all(batch.map((namespace) => visit(base, namespace, every ? usedPorts(namespace) : bothOf(watched))));
  }
}

async function visit(base: number, namespace: NetworkNamespace, places: readonly Place[]): Promise<void> {
  if (places.length > 0) await askForLooks(base, places, namespace);
}

const bothOf = (ports: readonly number[]): Place[] =>
  (["tcp", "udp"] as const).flatMap((protocol) => ports.map((port) => ({ protocol, port })));

/** Ports that a TCP socket listens on or a UDP socket has without a peer. */
function usedPorts({ path }: NetworkNamespace): Place[] {
  const places = (["tcp", "udp"] as const).flatMap((protocol) => {
    const sockets = readSockets(path.replace(/ns\/net$/, "net"), protocol) ?? [];
    const serving = sockets.filter(({ state, peer }) => state === "LISTEN" || (state === "BOUND" && peer === null));
    return [...new Set(serving.map(({ port }) => port))].map((port) => ({ protocol, port }));
  });
  return places.slice(0, MAX_PORTS);
}
