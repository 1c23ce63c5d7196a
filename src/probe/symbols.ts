import { readFileSync } from "node:fs";
import { fail, ok, type Result } from "../base/result.ts";
import type { Problem } from "./problem.ts";

/**
 * Where the kernel has its functions and variables, as listed in /proc/kallsyms: one line each, of address, type letter
 * and name, then a tab and the module in brackets (s_show in kernel/kallsyms.c). The letters are those of nm(1).
 */
export interface KernelSymbol {
  /** As in kallsyms, e.g. udp_lib_lport_inuse.isra.0: the name to attach to. */
  name: string;
  /** The compiler left the function as it was written. Otherwise its parameters may be others than in the source. */
  exact: boolean;
  /** 0n where the kernel hides addresses (kptr_restrict in Documentation/admin-guide/sysctl/kernel.rst). */
  address: bigint;
}

/**
 * Finds each wanted name, or what GCC made of it: a copy with fewer parameters (.isra) or with some of them fixed
 * (.constprop), which has its entry where the function has. Not .part and .cold, for these are entered from the middle
 * of a function, nor __pfx_, the padding before it.
 *
 * vmlinux comes before modules, and the name as it is before a copy. A name that is at several addresses after that is
 * left out: what is attached to a name may be attached to any of them.
 */
export function findSymbols(kallsyms: string | Buffer, wanted: readonly string[]): Map<string, KernelSymbol> {
  const text = typeof kallsyms === "string" ? kallsyms : kallsyms.toString("latin1");
  const best = new Map<string, Candidate>();
  for (const match of text.matchAll(linesOf(wanted))) {
    const [, address = "", name = "", copy = "", module] = match;
    const rank = (module === undefined ? 0 : 2) + (copy === "" ? 0 : 1);
    const known = best.get(name);
    if (known && known.rank < rank) continue;
    const symbol = { name: name + copy, exact: copy === "", address: BigInt(`0x${address}`) };
    best.set(name, { rank, symbol: known?.rank === rank ? undefined : symbol });
  }
  return new Map([...best].flatMap(([name, { symbol }]) => (symbol ? [[name, symbol] as const] : [])));
}

/** Address of the kernel's udp_table, 0 where that is not listed. */
export function udpTable(kallsyms: Buffer | null): Result<bigint, Problem> {
  const symbol = kallsyms && findSymbols(kallsyms, ["udp_table"]).get("udp_table");
  if (symbol?.address !== 0n) return ok(symbol?.address ?? 0n);
  return fail({
    kind: "not-permitted",
    message:
      "the kernel hides the address of its table of UDP, by which tracing finds it before 6.2: " +
      "give CAP_SYSLOG (--cap-add SYSLOG), and see that kernel.kptr_restrict is not 2",
  });
}

/** The running kernel's list, or null when it cannot be read. */
export function readKallsyms(path = "/proc/kallsyms"): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

interface Candidate {
  /** Lower is better. */
  rank: number;
  /** Undefined when several are as good. */
  symbol: KernelSymbol | undefined;
}

/** One expression for all names, because the list is millions of bytes long and is gone through once. */
function linesOf(names: readonly string[]): RegExp {
  const alternatives = names.map((name) => name.replace(/[^\w]/g, "\\$&")).join("|");
  return new RegExp(`^([0-9a-f]+) [tTwWdDbBrR] (${alternatives})((?:\\.(?:isra|constprop)\\.\\d+)*)(?:\\t(.+))?$`, "gm");
}
