import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { CLI, liveProblem } from "../helpers/cli.ts";
import { PORTS } from "../helpers/ports.ts";

/** Namespaces with tracefs or without it, whatever the machine has: both go with them. */
const PLACES = {
  with: 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$0" "$@"',
  without: 'mount -t sysfs sysfs /sys && exec "$0" "$@"',
  /** Beside a listener of another user, which ends when nobody reads from it any more. */
  besideListener: `ip link set lo up && setpriv --reuid=65534 --regid=65534 --clear-groups "$NODE" -e '
    require("net").createServer().listen(45126, () => setInterval(() => console.log("listens"), 200))' 2>/dev/null |
    { read -r ready && exec "$0" "$@"; }`,
} as const;

/** bindtrace by root with these capabilities alone, as in a container. */
function asRootWith(capabilities: string, place: keyof typeof PLACES, args: readonly string[]) {
  const humble = ["setpriv", `--bounding-set=-all${capabilities}`, "--inh-caps=-all", process.execPath, CLI];
  return execa("unshare", ["--mount", "--net", "sh", "-c", PLACES[place], ...humble, ...args], {
    reject: false,
    env: { NODE: process.execPath },
  });
}

const PORT = ["--port", String(PORTS.rights), "--hooks", "tracepoint"];
const BINDS = [process.execPath, "-e", 'require("net").createServer().listen(45126)'];
const traced = [...PORT, "--", "true"];
const OUTSIDE = "run bindtrace as root outside of the container, or start the container with";
const lacking = (what: string, options: string) =>
  `bindtrace: tracing needs ${what}, which root does not have here (replay needs nothing): ${OUTSIDE} ${options}`;

describe.skipIf(liveProblem !== null)("root of a container", () => {
  it.each<[string, string, keyof typeof PLACES, string]>([
    [
      "none",
      "",
      "without",
      lacking(
        "CAP_SYS_ADMIN, CAP_IPC_LOCK for its buffers, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to find who holds a socket",
        "--cap-add SYS_ADMIN --cap-add IPC_LOCK --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH",
      ),
    ],
    [
      "none, with tracefs",
      "",
      "with",
      lacking(
        "CAP_BPF and CAP_PERFMON, CAP_IPC_LOCK for its buffers, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to find who holds a socket",
        "--cap-add BPF --cap-add PERFMON --cap-add IPC_LOCK --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH",
      ),
    ],
    ["all but CAP_PERFMON", ",+bpf,+ipc_lock,+sys_ptrace,+dac_override", "with", lacking("CAP_PERFMON", "--cap-add PERFMON")],
    [
      "CAP_BPF and CAP_PERFMON, without tracefs",
      ",+bpf,+perfmon,+ipc_lock,+sys_ptrace,+dac_override",
      "without",
      lacking("CAP_SYS_ADMIN to mount tracefs", "--cap-add SYS_ADMIN"),
    ],
  ])("that has %s is told which capability is missing", async (_, capabilities, tracefs, sentence) => {
    const { exitCode, stdout, stderr } = await asRootWith(capabilities, tracefs, traced);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 3, stdout: "", stderr: sentence });
  });

  it.each([
    ["CAP_SYS_ADMIN, without tracefs", ",+sys_admin", "without"],
    ["CAP_BPF and CAP_PERFMON, with tracefs", ",+bpf,+perfmon", "with"],
  ] as const)("that has %s traces, with buffers that need no CAP_IPC_LOCK", async (_, capabilities, tracefs) => {
    const { exitCode, stderr } = await asRootWith(capabilities, tracefs, ["--buffer", "256k", ...traced]);
    expect(stderr).toMatch(/^bindtrace: armed on 45126 /);
    expect(exitCode).toBe(0);
  });

  it.each([
    ["not found where the descriptors of others may not be listed", ",+sys_admin,+sys_ptrace", / {2}holder not found$/m],
    ["found where they may", ",+sys_admin,+sys_ptrace,+dac_read_search", /\bheld by node\[\d+\] through fd \d+/],
  ])("the holder of another user is %s", async (_, capabilities, said) => {
    const { exitCode, stderr } = await asRootWith(capabilities, "besideListener", ["--buffer", "256k", ...PORT, "--", ...BINDS]);
    expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/no process/);
    expect(exitCode).toBe(1);
  });
});
