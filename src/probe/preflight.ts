import { fail, ok, type Result } from "../base/result.ts";
import type { Attachment } from "../core/probes.ts";
import { lackOf } from "../core/rights.ts";
import type { KernelNames } from "../core/version.ts";
import { bpftraceVersion } from "./bpftrace.ts";
import type { Btf } from "./btf.ts";
import { kernelBtf, kernelNames } from "./kernel.ts";
import { type Layout, readLayout } from "./layout.ts";
import type { Problem } from "./problem.ts";
import { readRights } from "./rights.ts";
import { readKallsyms, udpTable } from "./symbols.ts";
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
  const lack = lackOf(readRights());
  if (lack) return fail({ kind: lack.kind, message: lack.mend === null ? lack.fact : `${lack.fact}: ${lack.mend}` });
  const version = await bpftraceVersion();
  if (!version.ok) return version;
  const best = attach.length > 1 ? attach[0] : undefined;
  const inVain = new AbortController();
  const trial = best && tryAttach(best, cancel ? AbortSignal.any([cancel, inVain.signal]) : inVain.signal);
  const machine = readMachine(version.value);
  // Nobody waits for its answer any more: it would hang for as long as it takes.
  if (!machine.ok) inVain.abort();
  const refused = await trial;
  return machine.ok && best && refused !== null ? ok({ ...machine.value, refused: [best] }) : machine;
}

function readMachine(bpftrace: string): Result<Machine, Problem> {
  const btf = kernelBtf();
  if (!btf.ok) return btf;
  // Since 6.2 the table is found through the network namespace, and the list of all symbols need not be read.
  const table = btf.value.member("net.ipv4.udp_table") ? ok(0n) : udpTable(readKallsyms());
  if (!table.ok) return table;
  const layout = readLayout(btf.value, table.value);
  if (!layout.ok) {
    return fail({
      kind: "unsupported",
      message: `this kernel's BTF has no field ${layout.error}: its layout is not known to this bindtrace`,
    });
  }
  return ok({ kernel: kernelNames(), bpftrace, layout: layout.value, btf: btf.value, kallsyms: readKallsyms, refused: [] });
}
