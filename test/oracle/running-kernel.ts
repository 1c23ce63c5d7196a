import type { Family } from "../../src/core/address.ts";
import type { KernelTraits } from "../../src/core/conflict.ts";
import type { KernelFault } from "../../src/core/faults.ts";
import type { Party } from "../../src/core/party.ts";
import { type Upstream, upstreamVersion } from "../../src/core/version.ts";
import { kernelNames, kernelRules } from "../../src/probe/kernel.ts";

/** A kernel and the rules it goes by. */
export interface Kernel {
  /** The kernel.org version. */
  name: string;
  upstream: Upstream;
  traits: KernelTraits;
  faults: readonly KernelFault[];
}

/** The kernel of this machine, as bindtrace itself finds it. */
export function runningKernel(): Kernel {
  const names = kernelNames();
  const upstream = upstreamVersion(names);
  const { kernels, faults } = kernelRules();
  const [traits, another] = kernels;
  if (!upstream || !traits || another) throw new Error(`neither version nor types may be missing of this kernel, ${names.release}`);
  return { name: upstream.version.join("."), upstream, traits, faults: faults.filter(({ certain }) => certain) };
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
