import { unreachable } from "../base/unreachable.ts";
import { type Finding, good, note, problem } from "./finding.ts";
import { holds, lackOf, ofRoot } from "./rights.ts";
import type { Survey } from "./survey.ts";
import { compareVersions, type Upstream } from "./version.ts";

const OLDEST_TESTED = [5, 10, 0] as const;

/** Kernel, its types, lockdown. */
export function kernelFindings(survey: Survey, upstream: Upstream | undefined): Finding[] {
  return [release(survey.kernel, upstream), typeInfo(survey), ...preflightProblem(survey), lockdownFinding(survey.lockdown)];
}

function release({ release: name, architecture }: Survey["kernel"], upstream: Upstream | undefined): Finding {
  const version = upstream?.version.join(".");
  const origin = version === undefined || name.startsWith(version) ? "" : ` (made from ${version})`;
  const fact = `kernel ${name}${origin} on ${architecture}`;
  const old = upstream !== undefined && compareVersions(upstream.version, OLDEST_TESTED) < 0;
  if (old) return note("kernel", `${fact}: bindtrace is tested on 5.10 and later`, "boot a later kernel");
  return architecture === "x86_64"
    ? good("kernel", fact)
    : note("kernel", `${fact}: bindtrace is tested on x86_64 only`, "compare its first reports with ss -tlnp");
}

function typeInfo({ types, preflight }: Survey): Finding {
  const path = "/sys/kernel/btf/vmlinux";
  switch (types.kind) {
    case "readable":
      return good("btf", `its type information (BTF) is readable${preflight?.ok ? " and has every field that the programs need" : ""}`);
    case "absent":
      return problem(
        "btf",
        `this kernel has no type information (${path})`,
        "boot one built with CONFIG_DEBUG_INFO_BTF, as distributions' kernels since 5.10 are",
      );
    case "unreadable":
      return problem("btf", `${path} cannot be read: ${types.reason}`, "run it as root, on a kernel whose BTF is whole");
    default:
      return unreachable(types);
  }
}

/** Whatever else would keep tracing from starting: a field that this kernel's types lack, symbols that cannot be read. */
function preflightProblem({ preflight, bpftrace, types, rights }: Survey): Finding[] {
  if (!preflight || preflight.ok || types.kind !== "readable" || lackOf(rights)) return [];
  if (!bpftrace.ok && bpftrace.error === preflight.error) return [];
  const { fact, mend } = factAndMend(preflight.error);
  return [problem("preflight", fact, fact.includes("has no field") ? "update bindtrace: it does not know this kernel's layout" : mend)];
}

/** The two halves of a sentence that says what is wrong, and behind a colon what to do. */
export function factAndMend(sentence: string): { fact: string; mend: string } {
  const [fact = "", ...mend] = sentence.split(": ");
  return { fact, mend: mend.join(": ") };
}

/** kernel_lockdown(7); `lockdown_reasons` in security/security.c: kprobes and BPF reads belong to confidentiality alone. */
function lockdownFinding(lockdown: Survey["lockdown"]): Finding {
  switch (lockdown) {
    case "none":
      return good("lockdown", "the kernel is not locked down");
    case "absent":
      return good("lockdown", "the kernel has no lockdown");
    case "integrity":
      return good("lockdown", "the kernel is locked down to integrity, which forbids nothing that tracing needs");
    case "confidentiality":
      return problem(
        "lockdown",
        "the kernel is locked down to confidentiality, which forbids kprobes, and BPF programs to read its memory",
        "boot without lockdown=confidentiality: a running kernel cannot be unlocked",
      );
    case "unknown":
      return note("lockdown", "whether the kernel is locked down cannot be read here", "look as root at /sys/kernel/security/lockdown");
    default:
      return unreachable(lockdown);
  }
}

/** What this process sees of the machine beside its rights. */
export function sightFindings(survey: Survey): Finding[] {
  return [...namespaces(survey), tracefs(survey), processes(survey)];
}

/** Programs see the pids of the machine's own namespace, /proc those of the one it was mounted in (pid_namespaces(7)). */
function namespaces({ ownPids }: Survey): Finding[] {
  if (ownPids !== false) return [];
  return [
    note(
      "pid-namespace",
      "this is a container with pids of its own: those that the kernel tells are others, so holders of sockets may not be found",
      "run bindtrace outside of the container, or with --pid=host",
    ),
  ];
}

function tracefs({ tracefs: state, rights }: Survey): Finding {
  switch (state) {
    case "mounted":
      return good("tracefs", "tracefs is mounted");
    case "mountable":
      return holds(ofRoot(rights), "CAP_SYS_ADMIN")
        ? good("tracefs", "tracefs is not mounted: bindtrace mounts it for bpftrace alone")
        : note("tracefs", "tracefs is not mounted, which bindtrace does with CAP_SYS_ADMIN only", "mount it on /sys/kernel/tracing");
    case "absent":
      return note("tracefs", "there is no /sys/kernel/tracing", "boot a kernel built with CONFIG_TRACING, or mount sysfs on /sys");
    default:
      return unreachable(state);
  }
}

/** proc(5): hidepid 1 and 2 do not hold for whoever has CAP_SYS_PTRACE. */
function processes(survey: Survey): Finding {
  const { count, hidepid } = survey.processes;
  const fact = `/proc shows ${count === 1 ? "one process" : `${count} processes`}`;
  const hides = hidepid !== null && hidepid !== "0" && hidepid !== "off";
  const { uid, effective } = survey.rights;
  if (hides && (uid !== 0 || !holds(effective, "CAP_SYS_PTRACE"))) {
    return note(
      "proc",
      `${fact} and does not let one look into those of others (hidepid=${hidepid})`,
      uid === 0 ? "give it CAP_SYS_PTRACE" : "look at it as root",
    );
  }
  return good("proc", hides ? `${fact}; hidepid=${hidepid} hides none from root` : fact);
}
