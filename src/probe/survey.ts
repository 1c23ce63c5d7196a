import { existsSync, readdirSync, readFileSync } from "node:fs";
import { machine } from "node:os";
import { execa } from "execa";
import { fail, ok } from "../base/result.ts";
import { ATTACHMENTS } from "../core/probes.ts";
import type { Lockdown, Survey, Trial, TypeInfo } from "../core/survey.ts";
import { bpftraceVersion } from "./bpftrace.ts";
import { Btf } from "./btf.ts";
import { findHooks } from "./hooks.ts";
import { BTF_PATH, kernelNames } from "./kernel.ts";
import { type Machine, preflight } from "./preflight.ts";
import { isFirst, readRights } from "./rights.ts";
import { readKernelLog } from "./survey-log.ts";
import { type MountPoint, parseCounter, parseLockdown, parseMounts } from "./survey-text.ts";
import { readSysctls } from "./sysctls.ts";
import { tryAttach } from "./trial.ts";

const LOCKDOWN_PATH = "/sys/kernel/security/lockdown";

/** Looks at everything that tracing depends on. Nothing is changed; small programs are attached for a moment where that is possible. */
export async function survey(): Promise<Survey> {
  const rights = readRights();
  const root = rights.uid === 0;
  const mounts = parseMounts(read("/proc/self/mounts") ?? "");
  const ready = root ? await preflight() : null;
  const bpftrace = await bpftraceVersion();
  return {
    kernel: { ...kernelNames(), architecture: machine() },
    types: readTypes(),
    preflight: ready && (ready.ok ? ok(learnt(ready.value)) : fail(ready.error.message)),
    lockdown: await readLockdown(mounts, root),
    rights,
    ownPids: isFirst("pid"),
    tracefs: tracefs(mounts),
    bpftrace: bpftrace.ok ? bpftrace : fail(bpftrace.error.message),
    trials: ready?.ok ? await tryAll() : [],
    sysctls: readSysctls(),
    timeWaitOverflows: parseCounter(read("/proc/net/netstat") ?? "", "TCPTimeWaitOverflow"),
    kernelLog: readKernelLog(),
    processes: {
      count: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length,
      hidepid: hidepid(mounts),
    },
  };
}

function learnt({ layout, btf, kallsyms }: Machine) {
  const symbols = kallsyms();
  const hooks = symbols && findHooks("fentry", { btf, kallsyms: symbols, without: [] });
  return { orphanUidIsZero: layout.orphanUidIsZero, missingProbes: hooks && "missing" in hooks ? hooks.missing : [] };
}

/** One after the other: bpftrace takes 100 MB and a CPU while it compiles. */
async function tryAll(): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const attach of ATTACHMENTS) trials.push({ attach, refused: await tryAttach(attach) });
  return trials;
}

function readTypes(): TypeInfo {
  if (!existsSync(BTF_PATH)) return { kind: "absent" };
  try {
    new Btf(readFileSync(BTF_PATH));
    return { kind: "readable" };
  } catch (error) {
    return { kind: "unreadable", reason: (error as Error).message };
  }
}

/** Where securityfs is not mounted, root mounts it in a mount namespace that ends with the look. */
async function readLockdown(mounts: readonly MountPoint[], root: boolean): Promise<Lockdown> {
  const text = read(LOCKDOWN_PATH);
  if (text !== null) return parseLockdown(text);
  if (mounts.some(({ type }) => type === "securityfs")) return existsSync(LOCKDOWN_PATH) ? "unknown" : "absent";
  if (!root) return "unknown";
  const script = 'mount -t securityfs securityfs /sys/kernel/security && { [ ! -e "$0" ] || cat "$0"; }';
  const { failed, stdout } = await execa("unshare", ["--mount", "sh", "-c", script, LOCKDOWN_PATH], { reject: false });
  if (failed) return "unknown";
  return stdout === "" ? "absent" : parseLockdown(stdout);
}

/** The folders where bpftrace looks; debugfs brings tracefs with it. */
function tracefs(mounts: readonly MountPoint[]): Survey["tracefs"] {
  const mounted = mounts.some(({ type, path }) => type === "tracefs" || (type === "debugfs" && path === "/sys/kernel/debug"));
  return mounted ? "mounted" : existsSync("/sys/kernel/tracing") ? "mountable" : "absent";
}

function hidepid(mounts: readonly MountPoint[]): string | null {
  const option = mounts.findLast(({ path }) => path === "/proc")?.options.find((text) => text.startsWith("hidepid="));
  return option?.slice("hidepid=".length) ?? null;
}

/** Null where a file is not there or may not be read. */
function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
