import { kernelFaults } from "../../src/core/faults.ts";
import { firstSeesEmpty } from "./bucket-cache.ts";
import type { ModelKernel } from "./ports.ts";
import { runningKernel } from "./running-kernel.ts";

/** The kernel that runs here, with what its bind buckets remember. */
export function modelKernel(): ModelKernel {
  const kernel = runningKernel();
  const forgets = !kernelFaults(kernel.upstream, null).some(({ code }) => code === "connect-leaves-ports-out");
  return { ...kernel, seesEmpty: firstSeesEmpty(kernel.upstream), forgets };
}
