import { copyFileSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ProcessEvent } from "../../src/core/event.ts";
import { decodeName } from "../../src/probe/fields.ts";
import { readProcess } from "../../src/probe/processes.ts";
import { inState, Programs } from "./programs.ts";

/** USER_HZ ticks since boot stay as they are: what is tested is which ones they are. */
const ticks = (start: number) => start;
const read = (pid: number) => readProcess(pid, 1000, ticks);

const programs = new Programs();
afterEach(() => programs.end());

const CAT = basename(realpathSync("/bin/cat"));
const SHELL = basename(realpathSync("/bin/sh"));
const field = (pid: number, name: string) => new RegExp(`^${name}:\\s+(.+)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
const startOf = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ")[19]);

/** The same by other means: /proc/PID/status and comm. */
function lineageOf(pid: number): ProcessEvent["ancestors"] {
  const parent = Number(field(pid, "PPid"));
  if (parent === 0) return [];
  const comm = readFileSync(`/proc/${parent}/comm`, "utf8").slice(0, -1);
  let program: string | null = null;
  try {
    program = basename(readlinkSync(`/proc/${parent}/exe`)).replace(/ \(deleted\)$/, "");
  } catch {
    // Not ours to look into.
  }
  const command = decodeName(readFileSync(`/proc/${parent}/cmdline`))
    .replace(/\0+$/, "")
    .replaceAll("\0", " ");
  return [{ pid: parent, comm, program, command: command.slice(0, 200) }, ...lineageOf(parent)];
}

describe("a process", () => {
  it("is told of with its lineage, and with the marks of its environment alone", async () => {
    const env = { pm_id: "3", exec_mode: "fork_mode", TOKEN: "secret", NODE_OPTIONS: "--require=/secret --inspect=0" };
    const cat = programs.start("/bin/cat", ["-", "two words"], { env });
    await cat.stopped();
    expect(read(cat.pid)).toEqual({
      ...{ type: "process", t: 1000, pid: cat.pid, comm: CAT, command: "/bin/cat - two words", program: CAT },
      startedAt: startOf(cat.pid),
      ancestors: lineageOf(cat.pid),
      cgroup: expect.stringMatching(/^\//),
      nsPids: field(cat.pid, "NSpid")?.split("\t").map(Number),
      marks: ["pm_id", "exec_mode=fork_mode", "NODE_OPTIONS=--inspect"],
      state: "T",
    });
    expect(lineageOf(cat.pid)).toMatchObject([{ pid: process.pid, program: "node" }, ...lineageOf(process.pid)]);
  });

  it("is older than its children", async () => {
    const shell = programs.start("/bin/sh", ["-c", "exec 3<&0; /bin/cat <&3 & echo $!; wait"]);
    const child = Number(await shell.line());
    expect(read(child)?.ancestors.slice(0, 2)).toMatchObject([
      { pid: shell.pid, comm: "sh", program: SHELL },
      { pid: process.pid, comm: readFileSync("/proc/self/comm", "utf8").slice(0, -1), program: "node" },
    ]);
    expect(read(child)?.startedAt).toBeGreaterThanOrEqual(read(shell.pid)?.startedAt ?? Number.POSITIVE_INFINITY);
    process.kill(child, "SIGKILL");
  });

  it("has the id of the innermost namespace last", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root makes PID namespaces");
    const script = "echo ready; read line";
    const unshare = programs.start("unshare", ["--pid", "--fork", "--kill-child", "sh", "-c", script], {
      env: { ...process.env, LISTEN_PID: "1" },
    });
    await unshare.line();
    const pid =
      readdirSync("/proc")
        .map(Number)
        .find((entry) => entry > 0 && parentOf(entry) === unshare.pid) ?? 0;
    expect(read(pid)).toMatchObject({ pid, comm: "sh", nsPids: [...(read(process.pid)?.nsPids ?? []).slice(0, -1), pid, 1] });
    expect(read(pid)?.marks).toContain("LISTEN_PID");
    expect(read(unshare.pid)?.marks).not.toContain("LISTEN_PID");
  });

  it("that is somebody else's keeps its program and its environment to itself", ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root becomes somebody else");
    const cat = programs.start("/bin/cat", ["-"], { env: { pm_id: "3" } });
    process.seteuid?.(65534);
    const told = read(cat.pid);
    process.seteuid?.(0);
    expect(told).toMatchObject({ comm: CAT, command: "/bin/cat -", program: null, marks: [], startedAt: startOf(cat.pid) });
    // This process may always look at itself.
    expect(told?.ancestors.filter(({ program }) => program !== null)).toMatchObject([{ pid: process.pid }]);
    expect(read(cat.pid)).toMatchObject({ program: CAT, marks: ["pm_id"] });
  });

  it("may have any name", async () => {
    const shell = programs.start("/bin/sh", ["-c", "printf 'a) R 1\\n\\033\\377' > /proc/$$/comm; echo ready; read line"], {
      argv0: "b\n\x1b[1m",
    });
    await shell.line();
    await shell.stopped();
    expect(read(shell.pid)).toMatchObject({ comm: "a) R 1\n\x1b\\xff", program: SHELL, state: "T", ancestors: lineageOf(shell.pid) });
    expect(read(shell.pid)?.command.split(" -c ")[0]).toBe("b\n\x1b[1m");
  });

  it("may run a program that was removed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bindtrace-"));
    copyFileSync("/bin/cat", join(folder, "kitten"));
    const cat = programs.start(join(folder, "kitten"));
    rmSync(folder, { recursive: true });
    expect(read(cat.pid)).toMatchObject({ comm: "kitten", program: "kitten" });
  });

  it("may have an environment that is larger than what is read of it", () => {
    const large = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`LARGE${index}`, "x".repeat(100_000)]));
    const cat = programs.start("/bin/cat", [], { env: { pm_id: "3", ...large, PM2_HOME: "/root" } });
    expect(read(cat.pid)?.marks).toEqual(["pm_id"]);
  });
});

describe("a process that has ended", () => {
  it("leaves a name until its parent has asked", async () => {
    const parent = programs.start("/bin/sh", ["-c", "exec 3<&0; /bin/cat <&3 & echo $!; exec tail -f /dev/null"]);
    const zombie = Number(await parent.line());
    // Only the shell would ask.
    await expect.poll(() => [read(parent.pid)?.comm, read(zombie)?.comm], { interval: 1 }).toEqual(["tail", CAT]);
    process.kill(zombie, "SIGKILL");
    await inState(zombie, "Z");
    expect(read(zombie)).toMatchObject({ comm: CAT, command: "", program: null, marks: [], state: "Z", startedAt: startOf(zombie) });
    expect(read(zombie)?.ancestors[0]).toEqual({ pid: parent.pid, comm: "tail", program: "tail", command: "tail -f /dev/null" });
  });

  it("is not told of, nor is one that never was", async () => {
    const cat = programs.start("/bin/cat");
    expect(read(cat.pid)).not.toBeNull();
    await cat.kill();
    expect(read(cat.pid)).toBeNull();
    expect(read(2 ** 31 - 1)).toBeNull();
  });
});

function parentOf(pid: number): number {
  try {
    return Number(field(pid, "PPid"));
  } catch {
    return 0;
  }
}
