import { type ChildProcessWithoutNullStreams, type SpawnOptionsWithoutStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { readStat } from "../../src/probe/proc-pid.ts";

/** Programs that a test started, and ends. */
export class Programs {
  readonly #running: Program[] = [];

  /** The program runs when this returns: Node waits for its exec, this for its command line, which the kernel has a moment later. */
  start(file: string, args: readonly string[] = [], options: SpawnOptionsWithoutStdio = {}): Program {
    const program = new Program(spawn(file, args, options));
    this.#running.push(program);
    while (readFileSync(`/proc/${program.pid}/cmdline`).length === 0) {}
    return program;
  }

  async end(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((program) => program.kill()));
  }
}

export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value;
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Until then, what /proc says of it may change. */
  async stopped(): Promise<void> {
    this.#child.kill("SIGSTOP");
    await inState(this.pid, "T");
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

export const inState = (pid: number, state: string) => expect.poll(() => readStat(`/proc/${pid}`).state, { interval: 1 }).toBe(state);
