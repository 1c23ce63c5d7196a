import { readFileSync } from "node:fs";
import { release, version } from "node:os";
import { fail, ok, type Result } from "../base/result.ts";
import type { KernelTraits } from "../core/conflict.ts";
import { type KernelFault, kernelFaults } from "../core/faults.ts";
import { type KernelNames, upstreamVersion } from "../core/version.ts";
import { Btf } from "./btf.ts";
import { traitsOf } from "./layout.ts";
import type { Problem } from "./problem.ts";

export const BTF_PATH = "/sys/kernel/btf/vmlinux";

/** What the running kernel says of itself. */
export function kernelNames(): KernelNames {
  return { release: release(), build: version(), signature: signature() };
}

/** Ubuntu's alone. */
function signature(): string | null {
  try {
    return readFileSync("/proc/version_signature", "utf8");
  } catch {
    return null;
  }
}

/** How this kernel judges a bind: every way that is possible where its types cannot be read; and its known faults. */
export function kernelRules(): { kernels: KernelTraits[]; faults: KernelFault[] } {
  const btf = kernelBtf();
  const upstream = upstreamVersion(kernelNames());
  const either = [true, false];
  const kernels = btf.ok
    ? [traitsOf(btf.value)]
    : either.flatMap((bhash2) => either.map((orphanUidIsZero) => ({ bhash2, orphanUidIsZero })));
  return { kernels, faults: upstream ? kernelFaults(upstream, null) : [] };
}

/** Reads the description of the kernel's types, which everybody may read. */
export function kernelBtf(): Result<Btf, Problem> {
  try {
    return ok(new Btf(readFileSync(BTF_PATH)));
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code !== undefined;
    return fail({
      kind: "unsupported",
      message: absent
        ? `this kernel has no type information (${BTF_PATH}): boot one built with CONFIG_DEBUG_INFO_BTF, as distributions' kernels since 5.10 are`
        : `the type information in ${BTF_PATH} cannot be used (${(error as Error).message}): report it with the version of the kernel`,
    });
  }
}
