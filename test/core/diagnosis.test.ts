import { describe, expect, it } from "vitest";
import { fail } from "../../src/base/result.ts";
import { diagnose } from "../../src/core/diagnosis.ts";
import type { Survey } from "../../src/core/survey.ts";
import { machine, NO_FENTRY, NO_KPROBE, NO_RIGHTS, rights, trials } from "./surveys.ts";

const findings = (change: Partial<Survey>) => diagnose(machine(change)).sections.flatMap((section) => section.findings);
const finding = (change: Partial<Survey>, code: string) => findings(change).find((found) => found.code === code);
/** What tracing itself says then is the same. */
const withoutBpftrace = (error: string): Partial<Survey> => ({ bpftrace: fail(error), preflight: fail(error), trials: [] });
const verdict = (change: Partial<Survey>) => diagnose(machine(change)).verdict;

const NOBODY = rights({ uid: 65534, effective: 0n });

describe("the hook set", () => {
  it.each([
    [{}, "kernel", "fentry", "live tracing works here: hook set kernel (fentry)"],
    [{ fentry: NO_FENTRY }, "kernel", "kprobe", "live tracing works here: hook set kernel (kprobe; fentry is refused)"],
    [
      { fentry: NO_FENTRY, kprobe: NO_KPROBE },
      "tracepoint",
      "tracepoint",
      "live tracing works here: hook set tracepoint (fentry and kprobe are refused)",
    ],
    [{ tracepoint: NO_RIGHTS }, "kernel", "fentry", "live tracing works here: hook set kernel (fentry)"],
  ])("with %j refused", (refused, hooks, attach, sentence) => {
    expect(diagnose(machine({ trials: trials(refused) }))).toMatchObject({ works: true, hooks, attach, verdict: sentence });
  });

  it("is none where nothing can be attached", () => {
    const none = { trials: trials({ fentry: NO_RIGHTS, kprobe: NO_RIGHTS, tracepoint: NO_RIGHTS }) };
    expect(diagnose(machine(none))).toMatchObject({ works: false, hooks: null, attach: null });
    expect(verdict(none)).toMatch(
      /no kind of hook works, not even tracepoints: the kernel does not let bpftrace in; run it as root outside/,
    );
  });

  it("says once why nothing can be attached", () => {
    const same = findings({ trials: trials({ fentry: NO_RIGHTS, kprobe: NO_RIGHTS, tracepoint: NO_RIGHTS }) });
    expect(same.filter(({ fact }) => fact.includes(NO_RIGHTS.reason)).map(({ code, status }) => [code, status])).toEqual([
      ["hooks", "problem"],
    ]);
    const mixed = findings({ trials: trials({ fentry: NO_FENTRY, kprobe: NO_RIGHTS, tracepoint: NO_RIGHTS }) });
    expect(mixed.filter(({ code }) => code === "fentry" || code === "hooks").map(({ status }) => status)).toEqual(["note", "problem"]);
  });

  it("says why a better kind is refused, and what allows it", () => {
    const lesser = { trials: trials({ fentry: NO_FENTRY, kprobe: NO_KPROBE }) };
    expect(finding(lesser, "kprobe")).toMatchObject({
      status: "note",
      fact: `kprobe is refused: ${NO_KPROBE.reason}`,
      mend: expect.stringContaining("CONFIG_KPROBE_EVENTS"),
    });
    expect(finding({ trials: trials({ tracepoint: NO_RIGHTS }) }, "tracepoint")?.mend).toBe("nothing to do, fentry is better");
  });

  it("says what a lesser one does not show", () => {
    expect(finding({}, "hooks")).toMatchObject({ status: "ok", mend: null });
    expect(finding({ trials: trials({ fentry: NO_FENTRY }) }, "hooks")?.details?.join()).toMatch(/kretprobe.*costs more/);
    const misses = finding({ trials: trials({ fentry: NO_FENTRY, kprobe: NO_KPROBE }) }, "hooks")?.details?.join("\n");
    for (const missed of [/32-bit/, /io_uring/, /autobind/, /cgroup/, /decisive owner/, /lock/, /TIME_WAIT/])
      expect(misses).toMatch(missed);
  });
});

describe("a machine that cannot be traced", () => {
  it.each<[string, Partial<Survey>, RegExp]>([
    [
      "not root",
      { rights: NOBODY, preflight: null, trials: [] },
      /: tracing needs root \(replay does not\), and this is uid 65534 without CAP_BPF and CAP_PERFMON; run it with sudo$/,
    ],
    [
      "a container's root",
      { rights: rights({ effective: 0x1ffffn }), preflight: fail("the same: as preflight says it"), trials: [] },
      /: tracing needs CAP_BPF and CAP_PERFMON, CAP_SYS_PTRACE to find .*; run .*--cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE$/,
    ],
    ["a user namespace", { rights: rights({ ownUsers: false }), preflight: fail("the same"), trials: [] }, /root of a user namespace/],
    [
      "no bpftrace",
      withoutBpftrace("bpftrace is not installed: install the package bpftrace (0.17 or later)"),
      /: bpftrace is not installed; install the package bpftrace \(0\.17 or later\)$/,
    ],
    [
      "an old bpftrace",
      withoutBpftrace("bpftrace 0.16.0 is too old: install bpftrace 0.17 or later"),
      /: bpftrace 0\.16\.0 is too old; install bpftrace 0\.17 or later$/,
    ],
    [
      "no BTF",
      { types: { kind: "absent" }, preflight: fail("this kernel has no type information"), trials: [] },
      /no type information.*CONFIG_DEBUG_INFO_BTF/,
    ],
    [
      "damaged BTF",
      { types: { kind: "unreadable", reason: "BTF is cut short" }, preflight: fail("cut: report it"), trials: [] },
      /cannot be read: BTF is cut short/,
    ],
    [
      "another layout",
      { preflight: fail("this kernel's BTF has no field sock.sk_uid: its layout is not known to this bindtrace"), trials: [] },
      /: this kernel's BTF has no field sock\.sk_uid; update bindtrace/,
    ],
    [
      "no symbols",
      { preflight: fail("/proc/kallsyms cannot be read: mount /proc as it is on the host"), trials: [] },
      /: \/proc\/kallsyms cannot be read; mount \/proc as it is on the host$/,
    ],
    ["confidentiality", { lockdown: "confidentiality" }, /locked down to confidentiality.*lockdown=confidentiality/],
  ])("%s", (_, change, sentence) => {
    expect(diagnose(machine(change))).toMatchObject({ works: false, hooks: null, attach: null });
    expect(verdict(change)).toMatch(/^live tracing does not work here: /);
    expect(verdict(change)).toMatch(sentence);
    expect(findings(change).filter(({ status }) => status === "problem")).toHaveLength(1);
  });

  it("says so where nothing was tried", () => {
    expect(finding({ rights: NOBODY, trials: [] }, "hooks")).toMatchObject({ status: "note", fact: "no program was tried" });
  });
});

describe("kernel and rights", () => {
  it.each<[string, Partial<Survey>, string, string, RegExp]>([
    ["integrity", { lockdown: "integrity" }, "lockdown", "ok", /forbids nothing that tracing needs/],
    ["no lockdown in this kernel", { lockdown: "absent" }, "lockdown", "ok", /has no lockdown/],
    ["lockdown unread", { lockdown: "unknown" }, "lockdown", "note", /cannot be read/],
    ["a container", { ownPids: false }, "pid-namespace", "note", /pids of its own/],
    ["no tracefs mounted", { tracefs: "mountable" }, "tracefs", "ok", /mounts it for bpftrace alone/],
    ["no tracefs mounted, of a user", { tracefs: "mountable", rights: NOBODY }, "tracefs", "ok", /mounts it for bpftrace alone/],
    [
      "no tracefs mounted, nor the right",
      { tracefs: "mountable", rights: rights({ effective: 0n }) },
      "tracefs",
      "note",
      /with CAP_SYS_ADMIN only$/,
    ],
    ["no tracefs at all", { tracefs: "absent" }, "tracefs", "note", /no \/sys\/kernel\/tracing/],
    ["one process", { processes: { count: 1, hidepid: null } }, "proc", "ok", /shows one process$/],
    ["hidepid for root", { processes: { count: 9, hidepid: "2" } }, "proc", "ok", /9 processes; hidepid=2 hides none from root/],
    ["hidepid", { rights: NOBODY, trials: [], processes: { count: 9, hidepid: "invisible" } }, "proc", "note", /look into those of others/],
  ])("%s", (_, change, code, status, fact) => {
    const found = finding(change, code);
    expect(found?.status).toBe(status);
    expect(found?.fact).toMatch(fact);
    expect(found?.mend === null).toBe(status === "ok");
  });

  it("names the version that a kernel was made from, where its name does not tell", () => {
    expect(finding({}, "kernel")?.fact).toBe("kernel 7.2.12+deb14-cloud-amd64 on x86_64");
    const kernel = {
      release: "6.1.0-56-cloud-amd64",
      build: "#1 SMP Debian 6.1.192-2 (2026-11-16)",
      signature: null,
      architecture: "x86_64",
    };
    expect(finding({ kernel }, "kernel")?.fact).toBe("kernel 6.1.0-56-cloud-amd64 (made from 6.1.192) on x86_64");
    expect(diagnose(machine({ kernel })).upstream).toBe("6.1.192");
    expect(finding({ kernel: { ...kernel, architecture: "aarch64" } }, "kernel")?.status).toBe("note");
    expect(finding({ kernel: { ...kernel, release: "5.4.0", build: "" } }, "kernel")?.status).toBe("note");
  });
});

describe("known faults", () => {
  const of = (release: string, build = "#1 SMP") =>
    diagnose(machine({ kernel: { release, build, signature: null, architecture: "x86_64" } })).sections.find(
      ({ code }) => code === "faults",
    )?.findings;

  it("are told with evidence, commit and the version to update to", () => {
    expect(of("6.1.4")?.find(({ code }) => code === "time-wait-not-seen")).toMatchObject({
      status: "note",
      fact: expect.stringMatching(/^a TCP bind .* \(evidence: mail; commit 936a192f9740\)$/),
      mend: "update the kernel: 6.1.5 does not have it",
    });
  });

  it("may be mended where the name tells only the series", () => {
    const found = of("6.1.0-56-cloud-amd64")?.find(({ code }) => code === "time-wait-not-seen");
    expect(found?.fact).toMatch(/^perhaps \(its name does not tell which fixes were taken over\): /);
    expect(found?.mend).toBe("to be sure, use 6.1.5 or later");
  });

  it("are none on a kernel of which none is known", () => {
    expect(of("6.0.1")?.map(({ status }) => status)).not.toContain("problem");
    expect(of("custom")).toMatchObject([{ status: "note", fact: "the kernel's name has no version" }]);
  });
});

it("every finding that is not ok has a mend, every sentence stands once", () => {
  const change = { root: false, preflight: null, trials: [], lockdown: "unknown", kernelLog: null, types: { kind: "absent" } } as const;
  const found = findings({ ...change, trials: [] });
  expect(found.filter(({ status, mend }) => (status === "ok") !== (mend === null))).toEqual([]);
  expect(new Set(found.map(({ fact }) => fact)).size).toBe(found.length);
});
