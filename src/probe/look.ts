import { execa } from "execa";
import { type NetworkNamespace, namespaceId } from "./namespaces.ts";

/** Longest time in ms that a visit to another namespace may take. */
const VISIT_LIMIT = 2000;

/**
 * Asks the running program for a walk of these ports in one network namespace, by kill(2) with process ids that
 * cannot exist and signal 0 (bpf/enter.bt). The answers arrive in the stream.
 */
export async function askForLooks(base: number, ports: readonly number[], namespace: NetworkNamespace): Promise<void> {
  if (namespace.id === namespaceId("/proc/self/ns/net")) {
    for (const port of ports) probe(base + port);
    return;
  }
  const script = `for (const id of process.argv.slice(1)) try { process.kill(Number(id), 0) } catch {}`;
  const ids = ports.map((port) => String(base + port));
  await execa("nsenter", [`--net=${namespace.path}`, process.execPath, "-e", script, ...ids], {
    reject: false,
    timeout: VISIT_LIMIT,
    stdio: "ignore",
    env: { NODE_OPTIONS: "" },
  });
}

/** When a mark was made: CLOCK_MONOTONIC, wall time, and how long the making took, all in ns. */
export interface Mark {
  monotonic: bigint;
  wall: bigint;
  took: bigint;
}

/** Puts a mark into the stream. */
export function mark(base: number): Mark {
  const before = process.hrtime.bigint();
  probe(base);
  const took = process.hrtime.bigint() - before;
  const monotonic = before + took / 2n;
  const millisecondsSinceOrigin = performance.now();
  const wall = BigInt(Math.round((performance.timeOrigin + millisecondsSinceOrigin) * 1000)) * 1000n;
  return { monotonic, wall: wall - (process.hrtime.bigint() - monotonic), took };
}

function probe(id: number): void {
  try {
    process.kill(id, 0);
  } catch {
    // ESRCH: no process has this id, which is the point.
  }
}
