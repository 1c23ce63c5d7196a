import { type BucketCache, matchesReusePort } from "../../src/core/bucket.ts";
import { kernelFaults } from "../../src/core/faults.ts";
import type { Party } from "../../src/core/party.ts";
import type { Upstream } from "../../src/core/version.ts";

const ANY = 1;
const STRICT = 2;

/** Whether the first socket of a bucket finds it empty: from 6.8 on its address is there already when the kernel looks. */
export function firstSeesEmpty(kernel: Upstream): boolean {
  return !kernelFaults(kernel, null).some(({ code }) => code === "fast-path-dead");
}

/**
 * `inet_csk_update_fastreuse`: what a bucket of TCP remembers after a bind or listen that passed, `before` null for a new
 * bucket. It forgets only with its last owner, or when all that are left got the port from connect (d57f4b874946).
 */
export function remember(before: BucketCache | null, passed: Party, seesEmpty: boolean): BucketCache {
  const mayShare = passed.reuseAddr && passed.state !== "LISTEN";
  const memory = { fastUid: passed.uid ?? 0, fastAddress: passed };
  if (before === null && seesEmpty) {
    return { ...memory, fastReuse: mayShare ? 1 : 0, fastReusePort: passed.reusePort ? ANY : 0 };
  }
  const cache = before ?? { ...memory, fastReuse: 0, fastReusePort: 0 };
  const fastReuse = mayShare ? cache.fastReuse : 0;
  if (!passed.reusePort) return { ...cache, fastReuse, fastReusePort: 0 };
  return matchesReusePort(passed, cache) === "yes" ? { ...cache, fastReuse } : { ...memory, fastReuse, fastReusePort: STRICT };
}
