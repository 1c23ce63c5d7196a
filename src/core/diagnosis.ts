import { bpftraceFaults } from "./bpftrace-faults.ts";
import { chooseHooks, type Hooks, hookFindings } from "./diagnosis-hooks.ts";
import { factAndMend, kernelFindings, sightFindings } from "./diagnosis-machine.ts";
import { rightsFindings } from "./diagnosis-rights.ts";
import { type KernelFault, kernelFaults } from "./faults.ts";
import { type Finding, good, note, problem } from "./finding.ts";
import { kernelLogFindings } from "./kernel-log.ts";
import type { Survey } from "./survey.ts";
import { sysctlFindings } from "./sysctl-notes.ts";
import { parseVersion, type Upstream, upstreamVersion, type Version } from "./version.ts";

export const SECTION_CODES = ["kernel", "rights", "bpftrace", "hooks", "settings", "messages", "faults"] as const;
export type SectionCode = (typeof SECTION_CODES)[number];

export interface Section {
  code: SectionCode;
  findings: Finding[];
}

/** What this machine can and cannot show. */
export interface Diagnosis {
  kernel: string;
  upstream: string | null;
  bpftrace: string | null;
  /** Live tracing will work. */
  works: boolean;
  hooks: Hooks["hooks"] | null;
  attach: Hooks["attach"] | null;
  sections: Section[];
  /** All of it in one clause. */
  verdict: string;
}

export function diagnose(survey: Survey): Diagnosis {
  const upstream = upstreamVersion(survey.kernel);
  const sections: Section[] = [
    { code: "kernel", findings: kernelFindings(survey, upstream) },
    { code: "rights", findings: [...rightsFindings(survey.rights, survey.asRoot), ...sightFindings(survey)] },
    { code: "bpftrace", findings: bpftraceFindings(survey, upstream?.version) },
    { code: "hooks", findings: hookFindings(survey.trials, survey.preflight?.ok ? survey.preflight.value.missingProbes : []) },
    { code: "settings", findings: sysctlFindings(survey.sysctls, survey.timeWaitOverflows) },
    { code: "messages", findings: kernelLogFindings(survey.kernelLog) },
    { code: "faults", findings: faultFindings(survey, upstream) },
  ];
  const trouble = sections.flatMap(({ findings }) => findings).find(({ status }) => status === "problem");
  const chosen = trouble ? null : chooseHooks(survey.trials);
  return {
    kernel: survey.kernel.release,
    upstream: upstream?.exact ? upstream.version.join(".") : null,
    bpftrace: survey.bpftrace.ok ? survey.bpftrace.value : null,
    works: chosen !== null,
    hooks: chosen?.hooks ?? null,
    attach: chosen?.attach ?? null,
    sections,
    verdict: chosen ? worksBecause(chosen) : `live tracing does not work here: ${trouble?.fact ?? "nothing was tried"}; ${trouble?.mend}`,
  };
}

function worksBecause({ hooks, attach }: Hooks): string {
  const why = { fentry: "fentry", kprobe: "kprobe; fentry is refused", tracepoint: "fentry and kprobe are refused" }[attach];
  return `live tracing works here: hook set ${hooks} (${why})`;
}

function bpftraceFindings({ bpftrace, ownPids }: Survey, kernel: Version | undefined): Finding[] {
  if (!bpftrace.ok) {
    const { fact, mend } = factAndMend(bpftrace.error);
    return [problem("bpftrace", fact, mend)];
  }
  const version = parseVersion(bpftrace.value);
  const faults = version ? bpftraceFaults({ bpftrace: version, kernel, contained: ownPids === false }) : [];
  return [good("bpftrace", `bpftrace ${bpftrace.value}`), ...faults.map(({ code, what, mend }) => note(code, what, mend))];
}

function faultFindings({ preflight }: Survey, upstream: Upstream | undefined): Finding[] {
  if (!upstream) return [note("faults", "the kernel's name has no version", "compare it with the table of faults in the documentation")];
  const faults = kernelFaults(upstream, preflight?.ok ? preflight.value.orphanUidIsZero : null);
  if (faults.length === 0) return [good("faults", "none that bears on bind")];
  return faults.map((fault) => note(fault.code, faultFact(fault, upstream), faultMend(fault)));
}

function faultFact({ what, certain, evidence, commit }: KernelFault, { exact }: Upstream): string {
  const doubt = exact ? "not known whether this version still has it" : "its name does not tell which fixes were taken over";
  return `${certain ? "" : `perhaps (${doubt}): `}${what} (evidence: ${evidence.join(", ")}; commit ${commit})`;
}

function faultMend({ instead, fixedIn, certain }: KernelFault): string {
  if (instead !== null) return instead;
  if (fixedIn === null) return "no version without it is known";
  return certain ? `update the kernel: ${fixedIn} does not have it` : `to be sure, use ${fixedIn} or later`;
}
