import type { Attachment } from "../core/probes.ts";
import type { Refusal, RefusalCause } from "../core/survey.ts";
import { startBpftrace } from "./bpftrace.ts";

/** bpftrace under emulation takes ten seconds for these; whatever takes longer than this (ms) hangs. */
const LIMIT = 60_000;
/** bpftrace delivers what BEGIN prints only once everything else is attached. */
const ATTACHED = "bt:attached";

/** What the hook sets cannot do without: the search for a port and how looks are asked for, or these tracepoints. */
const PROBES: Readonly<Record<Attachment, readonly string[]>> = {
  // The spelling that 0.17 to 0.27 all take; fentry comes with 0.20.
  fentry: ["kfunc:inet_csk_get_port", "kretfunc:inet_csk_get_port", "kfunc:find_vpid"],
  kprobe: ["kprobe:inet_csk_get_port", "kretprobe:inet_csk_get_port", "kprobe:find_vpid"],
  tracepoint: [
    "tracepoint:syscalls:sys_enter_bind",
    "tracepoint:syscalls:sys_exit_bind",
    "tracepoint:syscalls:sys_exit_listen",
    "tracepoint:sock:inet_sock_set_state",
    "tracepoint:tcp:tcp_destroy_sock",
  ],
};

/** Reads kernel memory in each probe, which is what a locked-down kernel refuses. */
export function trialProgram(attach: Attachment): string {
  const bodies = PROBES[attach].map((probe) => `${probe} { $flags = curtask->flags; }`);
  return [...bodies, `BEGIN { printf("${ATTACHED}\\n"); exit(); }`].join("\n");
}

/** Really attaches a small program, unless it is cancelled; null when that works, else why it does not. */
export async function tryAttach(attach: Attachment, cancel?: AbortSignal): Promise<Refusal | null> {
  const limit = AbortSignal.timeout(LIMIT);
  const started = await startBpftrace(trialProgram(attach), cancel ? AbortSignal.any([limit, cancel]) : limit);
  if (!started.ok) return { cause: "unknown", reason: started.error.message };
  const bpftrace = started.value;
  let attached = false;
  for await (const lines of bpftrace.batches) attached ||= lines.includes(ATTACHED);
  const { died } = await bpftrace.ended;
  if (attached) return null;
  if (limit.aborted) return { cause: "slow", reason: `bpftrace was not ready within ${LIMIT / 1000} s` };
  return refusal(bpftrace.stderr(), died ?? "bpftrace ended");
}

/** What bpftrace says when it cannot attach, first match first. Seen with 0.17, 0.23 and 0.27 but for lockdown. */
const REASONS: readonly (readonly [RegExp, RefusalCause, (match: RegExpExecArray) => string])[] = [
  [/lockdown/i, "lockdown", () => "the kernel is locked down"],
  [/root user/i, "rights", () => "bpftrace wants root"],
  [/^(?:mount|unshare): .*$/m, "tracefs", ([line]) => `tracefs could not be mounted (${line})`],
  [/Error reading events from (\S+)/, "tracefs", ([, path]) => `bpftrace cannot read ${path}`],
  [/(?:kfunc\/kretfunc|fentry\/fexit) not available/, "unavailable", () => "bpftrace finds that this kernel does not offer it"],
  [/kprobe_events\): No such file/, "kprobe-events", () => "the kernel is built without kprobe events"],
  [/tracepoint not found: (\S+)/, "unavailable", ([, name]) => `the kernel has no tracepoint ${name}`],
  [/No matches for \w+ ([^\s.]+)/, "unavailable", ([, name]) => `bpftrace finds nothing to attach to at ${name}`],
  [/Unknown struct\/union|linux\/types\.h' file not found/, "types", () => "bpftrace cannot read this kernel's types"],
  [/Operation not permitted|Permission denied/i, "rights", () => "the kernel does not let bpftrace in"],
];

/** The reason in what a bpftrace that did not attach wrote to stderr; `died`: how it ended, for a reason that is not known. */
export function refusal(stderr: string, died: string): Refusal {
  for (const [pattern, cause, reason] of REASONS) {
    const match = pattern.exec(stderr);
    if (match) return { cause, reason: reason(match) };
  }
  return { cause: "unknown", reason: died };
}
