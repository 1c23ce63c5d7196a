import { closeSync } from "node:fs";
import { execa } from "execa";
import { fail, ok, type Result } from "../base/result.ts";
import { holds } from "../core/rights.ts";
import { BTF_PATH } from "./kernel.ts";
import { openPipe } from "./pipe.ts";
import { takePrecedence } from "./precedence.ts";
import type { Problem } from "./problem.ts";
import { relayed } from "./relayed.ts";
import { hasTracefs, readRights } from "./rights.ts";

/** Keys that each map of the program may hold: sockets told about, processes, calls under way. */
const MAP_KEYS = "65536";
/** What a program needs that prints a few lines and ends, in pages: bpftrace's own default. */
const FEW_PAGES = 64;
/** Characters of its stderr that are kept, the last ones: the verifier can say a great deal. */
const MOST_STDERR = 1 << 20;
/** Longest wait in ms for bpftrace to end by itself after SIGINT before it is killed. */
const STOP_LIMIT = 2000;

export interface BpftraceEnd {
  /** How it ended, for people; null when it was asked to. */
  died: string | null;
}

export interface Bpftrace {
  /** Its lines, some at a time. */
  batches: AsyncIterable<string[]>;
  pid: number;
  /** Ends it: its buffers must have been drained, since SIGINT makes it discard them. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
  /** Settles once it is gone. */
  ended: Promise<BpftraceEnd>;
  /** The end of what it wrote to stderr so far. */
  stderr(): string;
}

/**
 * Starts bpftrace with this program; `cancel` ends it at once. `pages`: see bufferPages. It runs in a process group of its own, so that Ctrl-C at the terminal
 * does not reach it before its events are drained; when this process is killed, its next heartbeat ends it by SIGPIPE.
 */
export async function startBpftrace(program: string, cancel: AbortSignal, pages = FEW_PAGES): Promise<Result<Bpftrace, Problem>> {
  const pipe = await openPipe();
  if (!pipe.ok) return pipe;
  const { readEnd, writeEnd } = pipe.value;
  const [command, args] = bpftraceCommand(["-B", "line", "-e", program]);
  const child = execa(command, args, {
    detached: true,
    buffer: false,
    reject: false,
    stdin: "ignore",
    // Its types know some descriptors only.
    stdout: writeEnd as 3,
    cancelSignal: cancel,
    killSignal: "SIGKILL",
    env: {
      BPFTRACE_PERF_RB_PAGES: String(pages),
      BPFTRACE_MAP_KEYS_MAX: MAP_KEYS,
      BPFTRACE_MAX_MAP_KEYS: MAP_KEYS,
      ...typesFile(),
    },
  });
  // The end of what it writes is seen only if nobody else could write.
  closeSync(writeEnd);
  if (child.pid !== undefined) takePrecedence(child.pid);
  let asked = false;
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-MOST_STDERR);
  });
  const ended = child.then((result): BpftraceEnd => {
    if (asked) return { died: null };
    if (result.signal) return { died: `bpftrace was ended by ${result.signal}` };
    const why = lastError(stderr);
    return { died: `bpftrace ended with code ${result.exitCode ?? "unknown"}${why ? `: ${why}` : ""}` };
  });
  return ok({
    batches: relayed(readEnd),
    pid: child.pid ?? 0,
    ended,
    stderr: () => stderr,
    kill() {
      asked = true;
      child.kill("SIGKILL");
    },
    async stop() {
      asked = true;
      child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT);
      await ended;
      clearTimeout(timer);
    },
  });
}

/**
 * Left to itself, bpftrace asks for the types of modules as well, which are for CAP_SYS_ADMIN alone (BPF_BTF_GET_NEXT_ID), and without
 * them does without any. The programs need none of them.
 */
function typesFile(): { BPFTRACE_BTF?: string } {
  return holds(readRights().effective, "CAP_SYS_ADMIN") ? {} : { BPFTRACE_BTF: BTF_PATH };
}

/**
 * bpftrace finds tracepoints in tracefs. Where that is not mounted (containers, small images), it is mounted
 * for bpftrace alone, in a mount namespace of its own, so that nothing is left behind.
 */
function bpftraceCommand(args: string[]): [string, string[]] {
  if (hasTracefs()) return ["bpftrace", args];
  const script = 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$0" "$@"';
  return ["unshare", ["--mount", "sh", "-c", script, "bpftrace", ...args]];
}

/** Version as `0.17.0`, or why there is none to use. Oldest one that the programs compile on: 0.17. */
export async function bpftraceVersion(): Promise<Result<string, Problem>> {
  const result = await execa("bpftrace", ["--version"], { reject: false });
  if (result.signal) {
    return fail({ kind: "unsupported", message: `bpftrace --version was ended by ${result.signal}: install bpftrace 0.17 or later anew` });
  }
  if (result.failed && result.exitCode === undefined) {
    return fail({ kind: "unsupported", message: "bpftrace is not installed: install the package bpftrace (0.17 or later)" });
  }
  const version = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(result.stdout);
  if (!version) return fail({ kind: "unsupported", message: "bpftrace --version says nothing known: install bpftrace 0.17 or later" });
  const [, major, minor, patch] = version;
  const text = `${major}.${minor}.${patch ?? 0}`;
  if (Number(major) === 0 && Number(minor) < 17) {
    return fail({ kind: "unsupported", message: `bpftrace ${text} is too old: install bpftrace 0.17 or later` });
  }
  return ok(text);
}

/** Why bpftrace gave up before it was ready, in the user's terms. */
export function startProblem(died: string, stderr: string): Problem {
  const why = lastError(stderr) ?? died;
  // Beyond RLIMIT_MEMLOCK perf_mmap (kernel/events/core.c) asks for that capability.
  if (/^mmap: Operation not permitted$/m.test(stderr) && /perf buffer/.test(stderr)) {
    return {
      kind: "not-permitted",
      message: `without CAP_IPC_LOCK the kernel gives bpftrace no buffers of that size (${why}): give --buffer 1M, raise ulimit -l, or start the container with --cap-add IPC_LOCK`,
    };
  }
  if (/root user|Operation not permitted|Permission denied/i.test(stderr)) {
    return {
      kind: "not-permitted",
      // Preflight has found the capabilities there: what is left is a seccomp profile, or a security module such as AppArmor.
      message: `the kernel does not let bpftrace in (${why}), though root has the capabilities here: run bindtrace outside of the container, or start the container with --privileged`,
    };
  }
  if (/perf buffer|ring ?buf|Failed to mmap|Cannot allocate memory/i.test(stderr)) {
    return {
      kind: "unsupported",
      message: `the kernel gives bpftrace no buffers of that size (${why}): give a smaller --buffer, or allow more memory (ulimit -l, or the container's limit)`,
    };
  }
  if (/too large|Error loading (BPF )?program/i.test(stderr)) {
    return {
      kind: "unsupported",
      message: `the kernel's verifier refuses the program (${why}): report it with the versions of kernel and bpftrace`,
      tooLarge: true,
    };
  }
  if (/tracepoint not found|No such file|attach/i.test(stderr)) {
    return { kind: "unsupported", message: `this kernel refuses the probes (${why}): it needs CONFIG_FTRACE_SYSCALLS and tracefs` };
  }
  return { kind: "unsupported", message: `bpftrace could not start (${why}): run with --print-program and try it by hand` };
}

/** The last ERROR line, else the last line, but for warnings and the source that they point at. */
function lastError(stderr: string): string | undefined {
  // Newer ones add a line on each name of the prelude that the mistake stands in, and mount(8) one behind its reason.
  const lines = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/RLIMIT_MEMLOCK|expanded from|^\s*dmesg\(1\) may have/.test(line));
  const last = lines.findLast((line) => line.includes("ERROR")) ?? (stderr.includes("WARNING") ? undefined : lines.at(-1));
  return last?.replace(/^.*?ERROR:\s*/, "").trim();
}
