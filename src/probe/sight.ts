import { fail, ok, type Result } from "../base/result.ts";
import type { SeenBucket } from "../core/check.ts";
import { isWhole } from "../core/event.ts";
import type { SeenSocket } from "../core/owner.ts";
import { glance } from "./glance.ts";
import type { Place } from "./look.ts";
import { preflight } from "./preflight.ts";
import type { Problem } from "./problem.ts";
import { readSockets } from "./proc-net.ts";

/** The owners of one port, as well as this process may see them. Instants in them count from `at`. */
export interface Sight {
  owners: SeenSocket[];
  /** Owners that there are, more than `owners` where not all could be told. */
  counted: number;
  /** The kernel's own list; null when only /proc could be read. */
  bucket: SeenBucket | null;
  /** Why there is no bucket. */
  hindrance: Problem | null;
  /** Of UDP: sockets on the slot of the port, null where that is not known. */
  slotSize: number | null;
  /** Wall time, in ns since 1970. */
  at: bigint;
}

/** Looks at the kernel's list of owners in the network namespace of this process, or at /proc where that is not possible. */
export async function lookAtOwners(place: Place): Promise<Result<Sight, Problem>> {
  const machine = await preflight();
  const seen = machine.ok ? await glance(machine.value, place) : machine;
  if (!seen.ok) return lookAtProc(place, seen.error);
  const { walk, slotSize, at } = seen.value;
  const complete = isWhole(walk);
  const { fastReuse, fastReusePort, fastUid } = walk;
  const bucket = { complete, fastReuse, fastReusePort, fastUid, fastAddress: null };
  const owners = complete ? walk.owners : [...walk.owners, ...overlooked(place, walk.owners)];
  return ok({ owners, counted: walk.visited, bucket, hindrance: null, slotSize, at });
}

/** What /proc shows of the owners that a walk which was cut did not come to: listeners, and of UDP all. */
function overlooked({ protocol, port }: Place, seen: readonly SeenSocket[]): SeenSocket[] {
  const inodes = new Set(seen.map(({ inode }) => inode));
  const sockets = readSockets("/proc/self/net", protocol) ?? [];
  return sockets.filter((socket) => socket.port === port && (socket.state === "LISTEN" || protocol === "udp") && !inodes.has(socket.inode));
}

function lookAtProc({ protocol, port }: Place, hindrance: Problem): Result<Sight, Problem> {
  const sockets = readSockets("/proc/self/net", protocol);
  if (sockets === null) return fail({ kind: hindrance.kind, message: `${hindrance.message}; nor can /proc/net/${protocol} be read` });
  const owners = sockets.filter((socket) => socket.port === port);
  return ok({ owners, counted: owners.length, bucket: null, hindrance, slotSize: null, at: BigInt(Date.now()) * 1_000_000n });
}
