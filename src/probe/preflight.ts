import { fail, ok, type Result } from "../base/result.ts";
import type { Attachment } from "../core/probes.ts";
import type { KernelNames } from "../core/version.ts";
import { bpftraceVersion } from "./bpftrace.ts";
import type { Btf } from "./btf.ts";
import { kernelBtf, kernelNames } from "./kernel.ts";
import { type Layout, readLayout } from "./layout.ts";
import type { Problem } from "./problem.ts";
import { findSymbols, readKallsyms } from "./symbols.ts";
import { tryAttach } from "./trial.ts";

/** What has been found out about this machine before tracing starts. */
export interface Machine {
  kernel: KernelNames;
  bpftrace: string;
  layout: Layout;
  btf: Btf;
  /** The kernel's list of its symbols, null where it cannot be read. Only who needs it pays for reading it. */
  kallsyms(): Buffer | null;
  /** Ways to attach that do not work here, as far as that has been tried. */
  refused: readonly Attachment[];
}

/**
 * Checks, cheapest first, that this machine can be traced. Where one of several ways to attach may be used, the best is tried with a
 * small program meanwhile: it is known to be refused long before bpftrace would say so of the whole program. `cancel` ends that at once.
 */
export async function preflight(attach: readonly Attachment[] = [], cancel?: AbortSignal): Promise<Result<Machine, Problem>> {
  if (process.platform !== "linux") return fail({ kind: "unsupported", message: "bindtrace traces Linux only; replay works anywhere" });
  if (process.geteuid?.() !== 0) {
    return fail({ kind: "not-root", message: "tracing needs root (replay does not)" });
  }
  const version = await bpftraceVersion();
  if (!version.ok) return version;
  const best = attach.length > 1 ? attach[0] : undefined;
  const trial = best && tryAttach(best, cancel);
  const machine = readMachine(version.value);
  if (!machine.ok || !best) return machine;
  return (await trial) === null ? machine : ok({ ...machine.value, refused: [best] });
}

function readMachine(bpftrace: string): Result<Machine, Problem> {
  const btf = kernelBtf();
  if (!btf.ok) return btf;
  // Since 6.2 the table is found through the network namespace, and the list of all symbols need not be read.
  const layout = readLayout(btf.value, btf.value.member("net.ipv4.udp_table") ? 0n : udpTable());
  if (!layout.ok) {
    return fail({
      kind: "unsupported",
      message: `this kernel's BTF has no field ${layout.error}: its layout is not known to this bindtrace`,
    });
  }
  return ok({ kernel: kernelNames(), bpftrace, layout: layout.value, btf: btf.value, kallsyms: readKallsyms, refused: [] });
}

/** Address of the kernel's udp_table, 0 where it is not known. */
function udpTable(): bigint {
  const kallsyms = readKallsyms();
  return (kallsyms && findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address) ?? 0n;
}
