import { readFileSync } from "node:fs";
import { askForLooks } from "./look.ts";
import { type NetworkNamespace, networkNamespaces } from "./namespaces.ts";

/** Most ports to look at in one namespace at the start. */
const MAX_PORTS = 1024;
/** Namespaces visited at the same time. */
const VISITS = 4;
/** TCP_LISTEN as /proc/net/tcp prints it. */
const LISTEN = "0A";

/**
 * Asks for a look at the watched ports in every network namespace, so that the trace begins with the sockets
 * that were there before it. Without a port filter, the ports that /proc says somebody listens on.
 */
export async function seed(base: number, ranges: readonly (readonly [number, number])[]): Promise<void> {
  const namespaces = networkNamespaces();
  const watched = ranges.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, index) => low + index));
  const every = watched.length === 0 || watched.length > MAX_PORTS;
  for (let at = 0; at < namespaces.length; at += VISITS) {
    const batch = namespaces.slice(at, at + VISITS);
    await Promise.all(batch.map((namespace) => visit(base, namespace, every ? listeningPorts(namespace) : watched)));
  }
}

async function visit(base: number, namespace: NetworkNamespace, ports: readonly number[]): Promise<void> {
  if (ports.length > 0) await askForLooks(base, ports, namespace);
}

function listeningPorts({ path }: NetworkNamespace): number[] {
  const ports = new Set<number>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readTable(path.replace(/ns\/net$/, `net/${table}`))) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (state === LISTEN && local) ports.add(Number.parseInt(local.slice(local.indexOf(":") + 1), 16));
    }
  }
  return [...ports].slice(0, MAX_PORTS);
}

function readTable(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(1);
  } catch {
    return [];
  }
}
