import { readFileSync } from "node:fs";
import { release, version } from "node:os";
import type { Family } from "../../src/core/address.ts";
import type { KernelTraits } from "../../src/core/conflict.ts";
import { certainFaults, type KernelFault } from "../../src/core/faults.ts";
import type { Party } from "../../src/core/party.ts";
import { type Upstream, upstreamVersion } from "../../src/core/version.ts";

/** A kernel and the rules it goes by. */
export interface Kernel {
  /** The kernel.org version. */
  name: string;
  upstream: Upstream;
  traits: KernelTraits;
  faults: readonly KernelFault[];
}

/** The kernel of this machine. Its traits are read as bindtrace reads them, but from the symbols, for want of BTF in a guest. */
export function runningKernel(): Kernel {
  const upstream = upstreamVersion({ release: release(), build: version(), signature: read("/proc/version_signature") });
  if (!upstream) throw new Error(`no version in the name of this kernel, ${release()}`);
  const symbols = read("/proc/kallsyms") ?? "";
  const has = (symbol: string) => symbols.includes(` ${symbol}\n`);
  if (!has("inet_csk_get_port")) throw new Error("/proc/kallsyms does not tell what this kernel has");
  return {
    name: upstream.version.join("."),
    upstream,
    traits: {
      bhash2: has("inet_bind2_bucket_create"),
      orphanUidIsZero: has("sock_i_uid"),
    },
    faults: certainFaults(upstream.version.join(".")),
  };
}

/**
 * Whether this kernel overlooks the owner for certain. `madeBy`: the family of the socket that made the bucket of the owner's
 * address, by which `mapped-wildcard-not-seen` goes. `slotSize`: sockets on the slot of UDP's table.
 */
export function overlooked(binder: Party, owner: Party, madeBy: Family, { faults }: Pick<Kernel, "faults">, slotSize: number): boolean {
  return faults.some(
    ({ code, overlooks }) => overlooks?.(binder, owner, slotSize) && (code !== "mapped-wildcard-not-seen" || madeBy === "ipv6"),
  );
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
