import { describe, expect, it } from "vitest";
import type { RefusalCause } from "../../src/core/survey.ts";
import { refusal, trialProgram } from "../../src/probe/trial.ts";

const MEMLOCK = `ERROR: Unknown error -1: couldn't set RLIMIT_MEMLOCK for bpftrace. If your program is not loading, you can try "ulimit -l 8192" to fix the problem\n`;
const pointedAt = (line: string, spec: string) => `${line}\n${spec} { }\n${"~".repeat(spec.length)}\n`;

/** What bpftrace wrote on a kernel without kprobes and fentry (6.18, lockdown integrity), word for word. */
describe("why a kind is refused", () => {
  it.each<[string, string, RefusalCause, string]>([
    [
      "0.17, fentry",
      MEMLOCK + pointedAt("stdin:1:1-24: ERROR: kfunc/kretfunc not available for your kernel version.", "kfunc:inet_csk_get_port"),
      "unavailable",
      "bpftrace finds that this kernel does not offer it",
    ],
    [
      "0.23, fentry",
      pointedAt("stdin:1:1-24: ERROR: fentry/fexit not available for your kernel version.", "kfunc:inet_csk_get_port"),
      "unavailable",
      "bpftrace finds that this kernel does not offer it",
    ],
    [
      "0.27, fentry",
      `WARNING: Could not read functions from /sys/kernel/tracing/available_filter_functions. If this is expected, use --traceable-functions to set this path manually. This file is needed in order to determine which functions can safely be traced without causing issues in the kernel.\n${pointedAt("stdin:1:1-24: ERROR: No matches for fentry inet_csk_get_port.", "kfunc:inet_csk_get_port")}`,
      "unavailable",
      "bpftrace finds nothing to attach to at inet_csk_get_port",
    ],
    [
      "0.17, kprobe",
      `${MEMLOCK}${pointedAt('stdin:1:1-25: WARNING: inet_csk_get_port is not traceable (either non-existing, inlined, or marked as "notrace"); attaching to it will likely fail', "kprobe:inet_csk_get_port")}create_probe_event: open(/sys/kernel/tracing/kprobe_events): No such file or directory\nERROR: Error attaching probe: 'kprobe:inet_csk_get_port'\n`,
      "kprobe-events",
      "the kernel is built without kprobe events",
    ],
    [
      "0.27, kprobe",
      pointedAt("stdin:1:1-25: ERROR: No matches for kprobe inet_csk_get_port.", "kprobe:inet_csk_get_port"),
      "unavailable",
      "bpftrace finds nothing to attach to at inet_csk_get_port",
    ],
    [
      "0.17, tracepoint that is not there",
      MEMLOCK + pointedAt("stdin:1:1-35: ERROR: tracepoint not found: syscalls:sys_exit_bindx", "tracepoint:syscalls:sys_exit_bindx"),
      "unavailable",
      "the kernel has no tracepoint syscalls:sys_exit_bindx",
    ],
    [
      "0.27, tracepoint that is not there",
      pointedAt("stdin:1:1-35: ERROR: No matches for tracepoint syscalls:sys_exit_bindx.", "tracepoint:syscalls:sys_exit_bindx"),
      "unavailable",
      "bpftrace finds nothing to attach to at syscalls:sys_exit_bindx",
    ],
    [
      "0.27 without tracefs",
      "ERROR: Failed to open kernel function info: Error reading events from /sys/kernel/tracing/available_events (No such file or directory)\n",
      "tracefs",
      "bpftrace cannot read /sys/kernel/tracing/available_events",
    ],
    [
      "a container in which nothing may be mounted",
      "mount: /sys/kernel/tracing: permission denied.\n",
      "tracefs",
      "tracefs could not be mounted (mount: /sys/kernel/tracing: permission denied.)",
    ],
    [
      "a container that may not even try",
      "unshare: unshare failed: Operation not permitted\n",
      "tracefs",
      "tracefs could not be mounted (unshare: unshare failed: Operation not permitted)",
    ],
    [
      "0.17 on 5.10, kprobe",
      `${MEMLOCK}${pointedAt("stdin:1:33-47: ERROR: Unknown struct/union: 'struct task_struct'", "kprobe:inet_csk_get_port")}`,
      "types",
      "bpftrace cannot read this kernel's types",
    ],
    [
      "0.17 on 5.10, tracepoint",
      "/bpftrace/include/clang_workarounds.h:14:10: fatal error: 'linux/types.h' file not found\n",
      "types",
      "bpftrace cannot read this kernel's types",
    ],
    [
      "no right to load programs",
      "ERROR: failed to create  map: Operation not permitted\n",
      "rights",
      "the kernel does not let bpftrace in",
    ],
  ])("%s", (_, stderr, cause, reason) => expect(refusal(stderr, "bpftrace ended with code 1")).toEqual({ cause, reason }));

  it("is how bpftrace ended, where nothing is known of it", () => {
    const reason = "bpftrace was ended by SIGABRT";
    expect(refusal("FATAL: Invalid probe type made it to attachpoint parser\n", reason)).toEqual({ cause: "unknown", reason });
  });
});

describe("the program of a trial", () => {
  it.each(["fentry", "kprobe", "tracepoint"] as const)("%s: reads kernel memory in each probe, and ends by itself", (attach) => {
    const lines = trialProgram(attach).split("\n");
    expect(lines.at(-1)).toBe('BEGIN { printf("bt:attached\\n"); exit(); }');
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\w+:[\w:]+ \{ \$flags = curtask->flags; \}$/);
  });
});
