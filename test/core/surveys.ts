import type { Attachment } from "../../src/core/probes.ts";
import type { Rights } from "../../src/core/rights.ts";
import type { Refusal, Survey, Trial } from "../../src/core/survey.ts";

export const NO_FENTRY: Refusal = { cause: "unavailable", reason: "bpftrace finds that this kernel does not offer it" };
export const NO_KPROBE: Refusal = { cause: "kprobe-events", reason: "the kernel is built without kprobe events" };
export const NO_RIGHTS: Refusal = { cause: "rights", reason: "the kernel does not let bpftrace in" };

export const trials = (refused: Partial<Record<Attachment, Refusal>> = {}): Trial[] => [
  { attach: "fentry", refused: refused.fentry ?? null },
  { attach: "kprobe", refused: refused.kprobe ?? null },
  { attach: "tracepoint", refused: refused.tracepoint ?? null },
];

/** All that root can have, but for what is changed. */
export const rights = (change: Partial<Rights> = {}): Rights => ({
  uid: 0,
  effective: 0x1ffffffffffn,
  bounding: 0x1ffffffffffn,
  ownUsers: true,
  tracefs: true,
  ...change,
});

/** A machine on which all is well, but for what is changed. */
export function machine(change: Partial<Survey> = {}): Survey {
  return {
    kernel: {
      release: "7.2.12+deb14-cloud-amd64",
      build: "#1 SMP PREEMPT_DYNAMIC Debian 7.2.12-1 (2026-10-22)",
      signature: null,
      architecture: "x86_64",
    },
    types: { kind: "readable" },
    preflight: { ok: true, value: { orphanUidIsZero: false, missingProbes: [] } },
    lockdown: "none",
    rights: rights(),
    ownPids: true,
    tracefs: "mounted",
    bpftrace: { ok: true, value: "0.23.2" },
    trials: trials(),
    sysctls: { "net.core.somaxconn": "4096" },
    timeWaitOverflows: 0,
    kernelLog: [],
    processes: { count: 57, hidepid: null },
    ...change,
  };
}
