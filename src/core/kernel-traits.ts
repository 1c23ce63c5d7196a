import type { Header } from "./event.ts";
import { type HidingFault, hidingFaults } from "./faults.ts";
import { parseVersion } from "./version.ts";

/** How kernels differ in the bind rules. */
export interface KernelTraits {
  /** TCP buckets are indexed by address as well (6.1). */
  bhash2: boolean;
  /** The uid of a socket that no process holds counts as 0 (`sock_i_uid`, up to 6.16). */
  orphanUidIsZero: boolean;
  /** Faults that keep this kernel from seeing some owners. */
  faults: readonly HidingFault[];
}

/** The rules that a trace's kernel went by. Where its version is not known, it is taken to be free of faults. */
export function traitsOf({ bhash2, orphanUidIsZero, version: told }: Header["kernel"]): KernelTraits {
  const version = parseVersion(told ?? "");
  return { bhash2, orphanUidIsZero, faults: version ? hidingFaults({ version, exact: true }) : [] };
}
