import { execa } from "execa";
import { watchBase } from "./bases.ts";
import { type NetworkNamespace, namespaceId } from "./namespaces.ts";

/** Longest time in ms that a visit to another namespace may take. */
const VISIT_LIMIT = 2000;
/** Added to a request for a look at a port of UDP. */
const UDP = 0x10000;

/** A port of one protocol to look at. */
export interface Place {
  protocol: "tcp" | "udp";
  port: number;
}

/**
 * Asks the running program for a walk of these ports in one network namespace, by kill(2) with process ids that
 * cannot exist and signal 0 (bpf/tracepoint/enter.bt, bpf/kernel/look.bt). The answers arrive in the stream.
 */
export async function askForLooks(base: number, places: readonly Place[], namespace: NetworkNamespace): Promise<void> {
  const requests = places.map(({ protocol, port }) => base + (protocol === "udp" ? UDP : 0) + port);
  if (namespace.id === namespaceId("/proc/self/ns/net")) {
    requests.forEach(probe);
    return;
  }
  const script = `for (const id of process.argv.slice(1)) try { process.kill(Number(id), 0) } catch {}`;
  await execa("nsenter", [`--net=${namespace.path}`, process.execPath, "-e", script, ...requests.map(String)], {
    reject: false,
    timeout: VISIT_LIMIT,
    stdio: "ignore",
    env: { NODE_OPTIONS: "" },
  });
}

/** Has the running program tell of the forks, execs, signals and the end of this process (WATCH_BASE in the same places). */
export function watchProcess(base: number, pid: number): void {
  probe(watchBase(base) + pid);
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
