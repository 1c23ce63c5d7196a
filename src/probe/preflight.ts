import { readFileSync } from "node:fs";
import { release } from "node:os";
import { fail, ok, type Result } from "../base/result.ts";
import { bpftraceVersion } from "./bpftrace.ts";
import { Btf } from "./btf.ts";
import { type Layout, readLayout } from "./layout.ts";
import type { Problem } from "./problem.ts";

/** What has been found out about this machine before tracing starts. */
export interface Machine {
  kernel: string;
  bpftrace: string;
  layout: Layout;
}

const BTF_PATH = "/sys/kernel/btf/vmlinux";

/** Checks, cheapest first, that this machine can be traced. */
export async function preflight(): Promise<Result<Machine, Problem>> {
  if (process.platform !== "linux") return fail({ kind: "unsupported", message: "bindtrace traces Linux only; replay works anywhere" });
  if (process.geteuid?.() !== 0) {
    return fail({ kind: "not-permitted", message: "tracing needs root: run it with sudo (replay does not need it)" });
  }
  const version = await bpftraceVersion();
  if (!version.ok) return version;
  const layout = kernelLayout();
  if (!layout.ok) return layout;
  return ok({
    kernel: release(),
    bpftrace: version.value,
    layout: layout.value,
  });
}

function kernelLayout(): Result<Layout, Problem> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(BTF_PATH);
  } catch {
    return fail({
      kind: "unsupported",
      message: `this kernel has no type information (${BTF_PATH}): boot one built with CONFIG_DEBUG_INFO_BTF, as distributions' kernels since 5.10 are`,
    });
  }
  const layout = readLayout(new Btf(bytes));
  if (layout.ok) return layout;
  return fail({
    kind: "unsupported",
    message: `this kernel's BTF has no field ${layout.error}: its layout is not known to this bindtrace`,
  });
}
