import { afterEach, expect, it, vi } from "vitest";
import { fail, ok } from "../../src/base/result.ts";
import { preflight } from "../../src/probe/preflight.ts";

const problem = { kind: "unsupported" as const, message: "this kernel has no BTF" };
vi.mock("../../src/probe/bpftrace.ts", () => ({ bpftraceVersion: async () => ok("0.20.0") }));
vi.mock("../../src/probe/kernel.ts", () => ({ kernelBtf: () => fail(problem) }));
const { tryAttach } = vi.hoisted(() => ({ tryAttach: vi.fn() }));
vi.mock("../../src/probe/trial.ts", () => ({ tryAttach }));

afterEach(() => vi.restoreAllMocks());

it("a machine that cannot be traced is told of at once: the trial that hangs is ended", async () => {
  vi.spyOn(process, "geteuid").mockReturnValue(0);
  tryAttach.mockImplementation(
    (_: unknown, cancel: AbortSignal) =>
      new Promise((resolve) => cancel.addEventListener("abort", () => resolve({ cause: "unknown", reason: "ended" }))),
  );
  expect(await preflight(["fentry", "kprobe"])).toEqual(fail(problem));
  expect(tryAttach.mock.calls.map(([kind, cancel]) => [kind, cancel?.aborted])).toEqual([["fentry", true]]);
});
