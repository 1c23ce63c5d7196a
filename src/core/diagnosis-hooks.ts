import { unreachable } from "../base/unreachable.ts";
import { type Finding, good, note, problem } from "./finding.ts";
import { ATTACHMENTS, type Attachment, type OptionalProbe, WITHOUT_PROBE } from "./probes.ts";
import type { Refusal, Trial } from "./survey.ts";

export interface Hooks {
  hooks: "kernel" | "tracepoint";
  attach: Attachment;
}

/** The hook set that tracing will use: the best kind that could be attached. */
export function chooseHooks(trials: readonly Trial[]): Hooks | null {
  const attach = ATTACHMENTS.find((kind) => trials.some((trial) => trial.attach === kind && trial.refused === null));
  return attach === undefined ? null : { hooks: attach === "tracepoint" ? "tracepoint" : "kernel", attach };
}

/** What the kinds below fentry do not show. Sources: bpf/README.md, Documentation/trace/kprobes.rst (maxactive), bpftrace #835. */
const MISSES: Readonly<Record<Attachment, readonly string[]>> = {
  fentry: [],
  kprobe: [
    "calls that return while all of the kernel's kretprobe instances are in use: under load a refusal can be missed, uncounted",
    "each event costs more than with fentry",
  ],
  tracepoint: [
    "binds and listens of 32-bit programs and of io_uring",
    "ports that connect and sendto choose by themselves (autobind)",
    "the port that a bind got in effect, where a cgroup program changed it",
    "the socket at which the kernel itself stopped (the decisive owner)",
    "the port's sockets at the refusal itself: they are read when the call returns, without the kernel's lock",
    "when TIME_WAIT ended exactly: it is estimated from its timer",
  ],
};

/** What allows a kind that is refused. */
function allowing({ cause }: Refusal, attach: Attachment): string {
  switch (cause) {
    case "lockdown":
      return "boot without lockdown=confidentiality";
    case "rights":
      return "run it as root outside of a container, or in one with --privileged";
    case "tracefs":
      return "mount tracefs on /sys/kernel/tracing, or run it outside of the container";
    case "types":
      return "install a later bpftrace: 0.23 reads the types of 5.10 and later";
    case "kprobe-events":
      return "boot a kernel built with CONFIG_KPROBE_EVENTS, as distributions' kernels are";
    case "unavailable":
      return attach === "tracepoint"
        ? "boot a kernel built with CONFIG_FTRACE_SYSCALLS, as distributions' kernels are"
        : "boot a kernel that lets BPF programs attach to functions, as distributions' kernels do";
    case "slow":
      return "try again while the machine is less busy";
    case "unknown":
      return "report it with the versions of kernel and bpftrace";
    default:
      return unreachable(cause);
  }
}

/** Which kinds can be attached, which one is taken, and what that costs. */
export function hookFindings(trials: readonly Trial[], missing: readonly OptionalProbe[]): Finding[] {
  if (trials.length === 0) return [note("hooks", "no program was tried", "mend the above, and run doctor again")];
  const chosen = chooseHooks(trials);
  if (!chosen) return nothingWorks(trials);
  const less = chosen.hooks === "kernel" && missing.length > 0 ? [missingFinding(missing)] : [];
  return [...trials.map((trial) => trialFinding(trial, chosen)), chosenFinding(chosen), ...less];
}

function missingFinding(missing: readonly OptionalProbe[]): Finding {
  const details = missing.map((name) => `${name}: ${WITHOUT_PROBE[name]}`);
  return note(
    "optional-probes",
    "this kernel lacks functions that are probed where they are",
    "nothing to do, the report says so too",
    details,
  );
}

function trialFinding({ attach, refused }: Trial, chosen: Hooks | null): Finding {
  if (refused === null) return good(attach, `${attach}: a program was attached`);
  const needless = chosen !== null && ATTACHMENTS.indexOf(attach) > ATTACHMENTS.indexOf(chosen.attach);
  return note(
    attach,
    `${attach} is refused: ${refused.reason}`,
    needless ? `nothing to do, ${chosen.attach} is better` : allowing(refused, attach),
  );
}

/** Tracepoints ask for the least, so what they need is the problem; the same is not said again of the others. */
function nothingWorks(trials: readonly Trial[]): Finding[] {
  const least = trials.find(({ attach }) => attach === "tracepoint")?.refused;
  const others = trials.filter(({ refused }) => refused?.reason !== least?.reason).map((trial) => trialFinding(trial, null));
  return least
    ? [...others, problem("hooks", `no kind of hook works, not even tracepoints: ${least.reason}`, allowing(least, "tracepoint"))]
    : [...others, problem("hooks", "no kind of hook works", "mend one of these")];
}

function chosenFinding({ hooks, attach }: Hooks): Finding {
  const misses = MISSES[attach];
  if (misses.length === 0) return good("hooks", `hook set ${hooks} (${attach}), which shows the most`);
  return note(
    "hooks",
    `hook set ${hooks}${hooks === "kernel" ? ` (${attach})` : ""} is taken; it does not show`,
    `for all of that, ${attach === "kprobe" ? "fentry" : "fentry or kprobe"} must work`,
    [...misses],
  );
}
