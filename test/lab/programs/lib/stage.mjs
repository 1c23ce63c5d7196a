/**
 * What the scenarios share: starting programs and ending them, and the truth about a refusal.
 *
 * A scenario starts real programs, waits for what they print or for what the kernel shows, never for time, and says of
 * each refusal what is true (README.md). Whatever it started is gone when it ends.
 */

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { app, ENVIRONMENT, program } from "./installed.mjs";
import { descendants, holders, isGone, marked, sockets, stat } from "./proc.mjs";
import { reported } from "./report.mjs";
import { Log, Running } from "./running.mjs";
import { gone, until } from "./wait.mjs";

const PATIENCE_MS = 60_000;
/** In the environment of everything that a scenario starts, and of what those start. */
const MARK = "BINDTRACE_SCENARIO";

/** What apps/server.mjs prints, with its pid. */
export const REFUSED = /^refused listen EADDRINUSE (\d+)/;

/**
 * The command line of every scenario: PORT, or --missing, which prints the programs that are not installed. `needs` are
 * names of programs. Exit 0: as described. 1: not. 2: usage. 77: a program is missing.
 */
export async function scenario(needs, play) {
  const name = basename(process.argv[1], ".mjs");
  const [argument = ""] = process.argv.slice(2);
  const missing = needs.filter((needed) => program(needed) === undefined);
  if (argument === "--missing") return process.stdout.write(missing.map((needed) => `${needed}\n`).join(""));
  if (!/^\d+$/.test(argument)) return end(2, "usage: PORT, or --missing");
  if (missing.length > 0) return end(77, `not installed: ${missing.join(", ")} (make programs)`);

  const stage = new Stage(Number(argument));
  const stop = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("took too long")), PATIENCE_MS).unref();
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => reject(new Error(signal)));
  });
  try {
    await Promise.race([play(stage).then(() => stage.clear()), stop]);
    await Promise.race([until(() => sockets(stage.port).length === 0), stop]);
  } catch (error) {
    end(1, `${error.message}; on the port: ${JSON.stringify(sockets(stage.port))}\n${stage.heard()}`);
  } finally {
    await stage.clear();
  }
  process.exit();

  function end(code, message) {
    process.stderr.write(`${name}: ${message}\n`);
    process.exitCode = code;
  }
}

export function expect(fact, otherwise) {
  if (!fact) throw new Error(otherwise);
}

class Stage {
  #mark = `${process.pid}-${Date.now()}`;
  #started = [];
  #adopted = new Map();
  #folders = [];
  #refusals = new Map();

  constructor(port) {
    this.port = port;
    this.folder = this.makeFolder();
  }

  /** A folder that is removed at the end; for what has to be beside the packages, in .cache/programs. */
  makeFolder(parent = tmpdir()) {
    const folder = mkdtempSync(join(parent, "bindtrace-scenario-"));
    this.#folders.push(folder);
    return folder;
  }

  /** Starts a program by its name or path, in the scenario's folder and with that as its home. */
  start(name, args = [], { env = {}, cwd = this.folder, stdio = ["ignore", "pipe", "pipe"] } = {}) {
    const child = spawn(name.includes("/") ? name : program(name), args.map(String), {
      cwd,
      stdio,
      env: {
        ...ENVIRONMENT,
        HOME: this.folder,
        TMPDIR: this.folder,
        [MARK]: this.#mark,
        ...env,
      },
    });
    const running = new Running(child);
    this.#started.push(running);
    return running;
  }

  /** Starts a Node program of apps/ with the port as its first argument. */
  node(file, args = [], { binary = process.execPath, flags = [], ...options } = {}) {
    return this.start(binary, [...flags, app(file), this.port, ...args], options);
  }

  /** A folder with apps/server.mjs as server.mjs, and a package.json with those scripts. */
  project(scripts = {}) {
    const folder = join(this.folder, "project");
    mkdirSync(folder);
    copyFileSync(app("server.mjs"), join(folder, "server.mjs"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "project", private: true, scripts }));
    return folder;
  }

  /** What is appended to a file, as that what a program prints. */
  log(path) {
    return new Log(path);
  }

  /** A process to end as well, which neither descends from the started ones nor shows their environment. */
  adopt(pid) {
    this.#adopted.set(pid, stat(pid)?.startedAt);
    return pid;
  }

  /** Waits until these processes, and no others, hold sockets that listen on the port. */
  async listening(...pids) {
    const wanted = `${pids.sort((a, b) => a - b)}`;
    await until(() => {
      const listening = sockets(this.port).filter(({ state }) => state === "LISTEN");
      return `${[...new Set(listening.flatMap(({ inode }) => holders(inode)))].sort((a, b) => a - b)}` === wanted;
    });
  }

  /**
   * Says what is true of a refusal that just happened. `by` is the rule for each socket of the port by its state; those
   * of other states do not conflict. `via` is how each holder came by its descriptor: /proc has to show these holders.
   * Waits until bindtrace has told of it, for what that reads in /proc may be gone soon.
   */
  async refused({ pid, address = "0.0.0.0", by = { LISTEN: "reuseaddr-but-listening" }, via = {}, ...story }) {
    const blockers = sockets(this.port)
      .filter(({ state }) => state in by)
      .map(({ state, inode, ...socket }) => ({ inode, ...socket, state, rule: by[state], holders: holders(inode) }));
    const shown = [...new Set(blockers.flatMap((blocker) => blocker.holders))].map(String).sort();
    const told = Object.keys(via).sort();
    expect(blockers.length > 0, "refused, but nothing is on the port");
    expect(`${shown}` === `${told}`, `held by [${shown}] instead of [${told}]`);
    print({
      pid,
      fd: null,
      inode: null,
      operation: "bind",
      protocol: "tcp",
      family: address.includes(":") ? "ipv6" : "ipv4",
      address,
      port: this.port,
      netns: statSync("/proc/self/ns/net").ino,
      rule: blockers[0].rule,
      blockers,
      story: blockers.length === 1 ? { via, ...story } : story, // a story is of the first blocker, which only the kernel knows
    });
    this.#refusals.set(pid, (this.#refusals.get(pid) ?? 0) + 1);
    await reported(pid, this.#refusals.get(pid));
  }

  /** Says that nothing was refused, and what there is to tell nevertheless. */
  nothingRefused(story = {}) {
    print({ refusals: 0, port: this.port, story });
  }

  /** What they have printed. */
  heard() {
    return this.#started.flatMap((running) => running.lines().map((line) => `  ${running.name} ${line}`)).join("\n");
  }

  /** Ends what was started, with all that came of it. */
  async clear() {
    for (;;) {
      const started = this.#started.filter(({ child }) => child.exitCode === null && child.signalCode === null).map(({ pid }) => pid);
      const adopted = [...this.#adopted].filter(([pid, startedAt]) => stat(pid)?.startedAt === startedAt).map(([pid]) => pid);
      const known = [...started, ...adopted, ...marked(`${MARK}=${this.#mark}`)].filter((pid) => pid && !isGone(pid));
      const pids = new Set([...known, ...known.flatMap(descendants)]);
      if (pids.size === 0) break;
      for (const pid of pids) kill(pid, "SIGKILL");
      await Promise.all([...pids].map(gone));
    }
    await Promise.all(this.#started.map(({ exited }) => exited.catch(() => {}))); // so that none stays a zombie
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** It may have gone meanwhile. */
export function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

function print(truth) {
  process.stdout.write(`${JSON.stringify(truth)}\n`);
}
