import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const CLI = join(ROOT, "dist/cli.js");

/** Live tests need root and bpftrace; where they cannot run they are skipped, but not in CI. */
export const liveProblem: string | null =
  process.geteuid?.() !== 0
    ? "live tests need root"
    : existsSync("/usr/bin/bpftrace")
      ? existsSync("/sys/kernel/btf/vmlinux")
        ? null
        : "live tests need a kernel with BTF"
      : "live tests need bpftrace";

/** A scratch folder that is removed with `using`-like discipline by the caller. */
export function scratch(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "bindtrace-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs the built program; never throws on its exit code. */
export function bindtrace(
  args: readonly string[],
  options: { input?: string | Uint8Array; env?: Record<string, string>; cwd?: string; stripFinalNewline?: boolean } = {},
) {
  return execa(process.execPath, [CLI, ...args], { cwd: ROOT, reject: false, ...options });
}

/** The same in a network namespace of its own, so that no other test's ports are in the way. */
export function bindtraceAlone(args: readonly string[], options: { env?: Record<string, string> } = {}) {
  const script = 'ip link set lo up && exec "$0" "$@"';
  return execa("unshare", ["--net", "sh", "-c", script, process.execPath, CLI, ...args], {
    cwd: ROOT,
    reject: false,
    env: { PYTHONDONTWRITEBYTECODE: "1", ...options.env },
  });
}

export function records(text: string): OutputRecord[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as OutputRecord);
}

export function failuresIn(path: string): FailureRecord[] {
  return records(readFileSync(path, "utf8")).filter((record) => record.type === "failure");
}
