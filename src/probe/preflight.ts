import { fail, ok, type Result } from "../base/result.ts";
import type { KernelNames } from "../core/version.ts";
import { bpftraceVersion } from "./bpftrace.ts";
import type { Btf } from "./btf.ts";
import { kernelBtf, kernelNames } from "./kernel.ts";
import { type Layout, readLayout } from "./layout.ts";
import type { Problem } from "./problem.ts";
import { findSymbols, readKallsyms } from "./symbols.ts";

/** What has been found out about this machine before tracing starts. */
export interface Machine {
  kernel: KernelNames;
  bpftrace: string;
  layout: Layout;
  btf: Btf;
  kallsyms: Buffer;
}

/** Checks, cheapest first, that this machine can be traced. */
export async function preflight(): Promise<Result<Machine, Problem>> {
  if (process.platform !== "linux") return fail({ kind: "unsupported", message: "bindtrace traces Linux only; replay works anywhere" });
  if (process.geteuid?.() !== 0) {
    return fail({ kind: "not-root", message: "tracing needs root (replay does not)" });
  }
  const version = await bpftraceVersion();
  if (!version.ok) return version;
  const kallsyms = readKallsyms();
  if (!kallsyms) return fail({ kind: "unsupported", message: "/proc/kallsyms cannot be read: mount /proc as it is on the host" });
  const btf = kernelBtf();
  if (!btf.ok) return btf;
  const layout = readLayout(btf.value, findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address ?? 0n);
  if (!layout.ok) {
    return fail({
      kind: "unsupported",
      message: `this kernel's BTF has no field ${layout.error}: its layout is not known to this bindtrace`,
    });
  }
  return ok({ kernel: kernelNames(), bpftrace: version.value, layout: layout.value, btf: btf.value, kallsyms });
}
