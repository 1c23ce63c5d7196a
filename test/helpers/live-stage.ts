import { readdirSync, readFileSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { execa, type Options } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { CLI, ROOT, scratch } from "./cli.ts";

/** The end of a session, and of bpftrace with it, may take this long (ms). */
export const SOON = 5000;
const ARMED = /bindtrace: armed|"type":"session"/;

/** A program under way on the stage. */
export interface Running {
  pid: number;
  /** Waits until stdout holds this, from the start or from what the last wait found. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  tell(line: string): void;
  /** Ends its stdin and waits for its end. */
  finish(): Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }>;
  ended: Promise<{ exitCode?: number | undefined; stdout: string; stderr: string; signal?: string | undefined }>;
  kill(signal: NodeJS.Signals): void;
  closeStdout(): void;
}

export interface Stage {
  /** A scratch folder of the test, removed when nothing runs any more that could write to it. */
  folder: { readonly path: string };
  /** A process of the stage's network namespace. */
  home(): Running;
  /** Outside of it. */
  start(command: readonly string[], options?: Options): Running;
  inside(command: readonly string[], options?: Options): Running;
  /** One of test/fixtures, inside. */
  program(name: string, ...args: (string | number)[]): Running;
  /** An armed bindtrace and its bpftrace, inside. */
  trace(args: readonly (string | number)[], options?: Options): Promise<Running & { bpftrace: number }>;
}

/**
 * A network namespace for all tests of a file. What a test leaves running in it is killed after the test; where the test failed, this
 * prints what that had said.
 */
export function useStage(): Stage {
  let home: Running;
  let folder: ReturnType<typeof scratch>;
  /** With what is to be told of them. */
  const alive = new Map<Running, () => string>();

  function start(command: readonly string[], options: Options = {}): Running {
    const run = execa(command[0] as string, command.slice(1), {
      cwd: ROOT,
      reject: false,
      stripFinalNewline: false,
      forceKillAfterDelay: false,
      ...options,
      env: { PYTHONDONTWRITEBYTECODE: "1", ...options.env },
    });
    const utf8 = new StringDecoder("utf8");
    let text = "";
    let errors = "";
    let read = 0;
    run.stdout?.on("data", (chunk: Buffer) => {
      text += utf8.write(chunk);
    });
    run.stderr?.on("data", (chunk: Buffer) => {
      errors += chunk.toString("latin1");
    });
    const running: Running = {
      pid: run.pid ?? 0,
      says: (pattern) =>
        new Promise((resolve, reject) => {
          const look = () => {
            const match = pattern.exec(text.slice(read));
            if (!match) return;
            read += match.index + match[0].length;
            run.stdout?.off("data", look).off("close", end);
            resolve(match);
          };
          const end = () => reject(new Error(`ended before it said ${pattern}: ${text}`));
          run.stdout?.on("data", look).once("close", end);
          look();
          // What has closed says nothing more, not even that.
          if (run.stdout?.destroyed !== false) end();
        }),
      tell: (line) => void run.stdin?.write(`${line}\n`),
      finish: () => {
        run.stdin?.end();
        return running.ended;
      },
      ended: run as unknown as Running["ended"],
      kill: (signal) => void run.kill(signal),
      closeStdout: () => void run.stdout?.destroy(),
    };
    alive.set(running, () => `still there: ${command.join(" ")}\n${treeOf(running.pid)}\nit said:\n${text}\nand on stderr:\n${errors}`);
    void run.finally(() => alive.delete(running));
    return running;
  }
  const inside = (command: readonly string[], options: Options = {}) =>
    start(["nsenter", `--net=/proc/${home.pid}/ns/net`, ...command], options);

  beforeAll(async () => {
    home = start(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"]);
    await home.says(/up/);
  });
  beforeEach(() => {
    folder = scratch();
  });
  // In one hook: of several, vitest runs the last one first.
  afterEach(async ({ task }) => {
    const left = [...alive].filter(([running]) => running !== home);
    if (task.result?.state === "fail") for (const [, account] of left) console.error(account());
    for (const [running] of left) running.kill("SIGKILL");
    await Promise.all(left.map(([{ ended }]) => ended));
    folder.remove();
  });
  afterAll(() => home.finish());

  return {
    home: () => home,
    folder: {
      get path() {
        return folder.path;
      },
    },
    start,
    inside,
    program: (name, ...args) => inside(["python3", `test/fixtures/${name}.py`, ...args.map(String)]),
    trace: async (args, options = {}) => {
      const running = inside([process.execPath, CLI, ...args.map(String)], options);
      await running.says(ARMED);
      return { ...running, bpftrace: bpftraceOf(running.pid) };
    },
  };
}

function statOf(pid: number): { name: string; state: string; parent: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")), state: state ?? "", parent: Number(parent) };
  } catch {
    return null;
  }
}

/** A zombie that waits for its parent does nothing any more. */
export const exists = (pid: number) => !["Z", undefined].includes(statOf(pid)?.state);
const wordsOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
const nameOf = (pid: number) => statOf(pid)?.name;
const childrenOf = (parent: number) =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && statOf(pid)?.parent === parent);

/** A process and its descendants, a line each. */
function treeOf(pid: number, indent = "  "): string {
  const { name, state } = statOf(pid) ?? { name: "gone", state: "-" };
  return [`${indent}${name}[${pid}] ${state}`, ...childrenOf(pid).map((child) => treeOf(child, `${indent}  `))].join("\n");
}

export function onlyChildOf(parent: number): number {
  const [child, other] = childrenOf(parent);
  if (child === undefined || other !== undefined) throw new Error(`process ${parent} has not one child`);
  return child;
}

export function bpftraceOf(pid: number): number {
  // Not one that was only asked for its version.
  const [bpftrace] = childrenOf(pid).filter((child) => nameOf(child) === "bpftrace" && wordsOf(child).includes("-e"));
  if (bpftrace === undefined) throw new Error(`process ${pid} has no bpftrace`);
  return bpftrace;
}

export const gone = (pid: number, within: number) => vi.waitFor(() => expect(exists(pid)).toBe(false), { timeout: within, interval: 20 });
