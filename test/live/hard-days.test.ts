import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FailureRecord } from "../../src/core/record.ts";
import { bindtrace, CLI, liveProblem, records } from "../helpers/cli.ts";
import { bpftraceOf, exists, gone, onlyChildOf, type Running, SOON, useStage } from "../helpers/live-stage.ts";
import { PORTS, portByPid } from "../helpers/ports.ts";

/** What hard days do to a session; those that take long are in test/hard. */

/** A file system that becomes read-only when the kernel meets a fault in it. */
const HAS_EXT4 = existsSync("/sys/fs/ext4") && existsSync("/dev/loop-control");
/** Far more than a pipe holds. */
const LINES = 100_000;
/** Between refusals that come all the time (ms). */
const PAUSE = 5;
/** A trace of them lasts this long (ms); so much sooner its timer may go off. */
const DURATION = 2000;
const EARLY = 10;
/** A test may take this long on a busy machine, and what ends after its session (ms). */
const LONG = 90_000;
const LATE = 30_000;
/** Refusals that no small disk has room for (a compressed one takes some 200 bytes). */
const MANY = 150;

describe.skipIf(liveProblem !== null)("a hard day", { timeout: LONG }, () => {
  const { folder, inside, start, program, trace } = useStage();
  let port = portByPid(PORTS.hardDays);
  beforeEach(() => {
    port++;
  });

  /** A holder of the port, and a program that is refused it at each line. */
  async function refusing(): Promise<{ holder: Running; refuse(times?: number): Promise<void>; end(): Promise<void> }> {
    const [holder, binder] = [program("hold-port", port, 0), program("refuse-on-demand", port)];
    await holder.says(/holds/);
    return {
      holder,
      refuse: async (times = 1) => {
        for (let count = 0; count < times; count++) binder.tell("");
        for (let count = 0; count < times; count++) await binder.says(/EADDRINUSE/);
      },
      end: async () => void (await Promise.all([holder.finish(), binder.finish()])),
    };
  }

  it("the command is killed: that is told by its code, and the trace ends as ever", async () => {
    const killed = `python3 test/fixtures/bind-twice.py ${port} 0; kill -9 $$`;
    const args = ["--port", String(port), "--exit-code", "child", "--", "sh", "-c", killed];
    const { exitCode, stderr } = await inside([process.execPath, CLI, ...args]).ended;
    expect(stderr).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
    expect(exitCode).toBe(137);
  });

  it("bindtrace is killed with a command under way: that goes on, bpftrace ends, no temporary file is left", async () => {
    const command = ["python3", "-c", "import sys; print('under way', flush=True); sys.stdin.read(); print('done')"];
    const path = join(folder.path, "trace.jsonl");
    mkdirSync(join(folder.path, "tmp"));
    const session = inside([process.execPath, CLI, "--port", String(port), "--save", path, "--", ...command], {
      env: { TMPDIR: join(folder.path, "tmp") },
    });
    await session.says(/under way/);
    const bpftrace = bpftraceOf(session.pid);
    await program("bind-twice", port, 0).ended;
    await vi.waitFor(() => expect(readFileSync(path, "utf8")).toContain('"type":"holders"'), { timeout: SOON, interval: 20 });
    session.kill("SIGKILL");
    await gone(bpftrace, LATE);
    expect((await session.finish()).stdout).toMatch(/under way\ndone\n$/);
    expect(readdirSync(join(folder.path, "tmp"))).toEqual([]);
    const { exitCode, stderr } = await bindtrace(["replay", path]);
    expect(stderr).toMatch(/^bindtrace: the trace was cut.*$/);
    expect(exitCode).toBe(1);
  });

  it("the command ignores SIGTERM: a second one ends the trace, with its report, and does not wait for the command", async () => {
    const stubborn = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: print('ignored', flush=True))";
    const command = ["python3", "-c", `${stubborn}; print('ready', flush=True); sys.stdin.read(); print('done')`];
    const session = inside([process.execPath, CLI, "--port", String(port), "--", ...command]);
    await session.says(/ready\n/);
    const bpftrace = bpftraceOf(session.pid);
    await program("bind-twice", port, 0).ended;
    for (let count = 0; count < 2; count++) {
      session.kill("SIGTERM");
      await session.says(/ignored\n/);
    }
    await gone(session.pid, LATE);
    expect(exists(bpftrace)).toBe(false);
    const { stdout, stderr } = await session.finish();
    expect(stdout).toMatch(/\ndone\n$/);
    expect(stderr).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
  });

  it("the command takes its time to shut down: nobody kills it, and the trace ends with it", async () => {
    // Longer than process managers, and the library that starts the command, wait by default.
    const slow = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(6), print('shut down'), sys.exit(7)))";
    const command = ["python3", "-c", `${slow}; print('ready', flush=True); sys.stdin.read()`];
    const session = inside([process.execPath, CLI, "--port", String(port), "--exit-code", "child", "--", ...command]);
    await session.says(/ready\n/);
    session.kill("SIGTERM");
    const { exitCode, stdout } = await session.ended;
    expect(stdout).toBe("ready\nshut down\n");
    expect(exitCode).toBe(7);
  });

  const full = 'mount -t tmpfs -o size=16k none "$0" && exec "$@" 2>&1';
  const fragile =
    'truncate -s 4M "$0/image" && mkfs.ext4 -q -O ^has_journal "$0/image" && ' +
    'mount -o loop,errors=remount-ro "$0/image" "$0" && exec "$@" 2>&1';
  /** Has the kernel find a fault in that file system. */
  const damage = 'echo 1 >/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$0")")/trigger_fs_error';

  it.each<[string, string, string, string]>([
    ["the disk is full", "trace.jsonl", full, "true"],
    ["the disk is full", "trace.jsonl.gz", full, "true"],
    ...(HAS_EXT4 ? [["the disk becomes read-only", "trace.jsonl", fragile, damage] satisfies [string, string, string, string]] : []),
  ])("%s while %s is written: that is told at once, and the trace goes on", async (_, name, mount, then) => {
    const path = join(folder.path, name);
    const { refuse, end } = await refusing();
    const words = [process.execPath, CLI, "--port", String(port), "--json", "--save", path];
    const session = inside(["unshare", "--mount", "sh", "-c", mount, folder.path, ...words]);
    await session.says(/"type":"session".*\n/);
    await refuse();
    await session.says(/"type":"failure".*\n/);
    await start(["nsenter", `--mount=/proc/${session.pid}/ns/mnt`, "sh", "-c", then, folder.path]).ended;
    await refuse(MANY);
    await session.says(
      new RegExp(`^bindtrace: writing to ${path} failed \\(E[A-Z]+: .*: the recording ends here, the trace goes on$`, "m"),
    );
    await session.says(/"type":"failure".*\n/);
    const copy = join(folder.path, `copy-${name}`);
    copyFileSync(`/proc/${session.pid}/root${path}`, copy);
    session.kill("SIGINT");
    const { exitCode, stdout } = await session.ended;
    const said = stdout.split("\n").filter((line) => line.startsWith("{"));
    const live = failures(said.join("\n"));
    expect(live.length).toBe(MANY + 1);
    expect(stdout.split("\n").filter((line) => line !== "" && !line.startsWith("{"))).toHaveLength(1);
    expect(exitCode).toBe(5);
    await end();

    const replayed = await bindtrace(["replay", copy, "--json"]);
    const kept = failures(replayed.stdout);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.map(({ binder }) => binder.inode)).toEqual(live.slice(0, kept.length).map(({ binder }) => binder.inode));
    expect(replayed.stderr).toMatch(/^bindtrace: the trace was cut.*$/);
    expect(replayed.exitCode).toBe(1);
  });

  /** bindtrace on a terminal of its own. */
  const onTerminal = (...words: string[]) =>
    inside(["script", "-qfec", `exec ${process.execPath} ${CLI} --port ${port} ${words.join(" ")}`, "/dev/null"], {
      env: { TERM: "xterm", SHELL: "/bin/sh" },
    });

  it("the command has the terminal all the time: it reads what is typed, and Ctrl-C ends it before the trace", async () => {
    const asking = `'printf name?; read name; echo hello $name; python3 test/fixtures/wait-for-interrupt.py ${port}'`;
    const terminal = onTerminal("--exit-code", "child", "--", "sh", "-c", asking);
    await terminal.says(/name\?/);
    terminal.tell("Ada");
    await terminal.says(/hello Ada[\s\S]*ready/);
    terminal.tell("\u0003");
    const { stdout } = await terminal.finish();
    expect(stdout).toMatch(/interrupted\r\n[\s\S]*\nbindtrace: 1 refused, 1 explained\r\n$/);
  });

  it("the terminal goes away: the trace ends, and the recording is whole", async () => {
    const path = join(folder.path, "trace.jsonl");
    const terminal = onTerminal("--save", path);
    await terminal.says(/bindtrace: armed/);
    const session = await vi.waitFor(() => onlyChildOf(terminal.pid), { timeout: SOON, interval: 20 });
    const bpftrace = bpftraceOf(session);
    await program("bind-twice", port, 0).ended;
    await terminal.says(/could not bind/);
    terminal.kill("SIGKILL");
    await gone(session, LATE);
    expect(exists(bpftrace)).toBe(false);
    const { exitCode, stdout, stderr } = await bindtrace(["replay", path]);
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained$/);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("the command floods its output, and nobody reads that for a while: all of it comes, and the report", async () => {
    const flood = `python3 test/fixtures/bind-twice.py ${port} 0; seq 1 ${LINES}; echo last >&2`;
    const words = [process.execPath, CLI, "--port", String(port), "--", "sh", "-c", flood];
    const { stdout } = await inside(["sh", "-c", '"$@" 2>&1 | (sleep 1; cat)', "sh", ...words]).ended;
    expect(stdout.match(/^\d+$/gm)).toHaveLength(LINES);
    expect(stdout).toMatch(/^last$/m);
    expect(stdout).not.toContain("write error");
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
  });

  it.each([
    ["--until-failure", [], null],
    ["--duration", [`${DURATION}ms`], DURATION],
  ])("%s ends it while binds are refused all the time", async (option, value, lasts) => {
    const { refuse, end } = await refusing();
    const session = await trace(["--port", port, "--json", option, ...value]);
    let over = false;
    const ended = session.ended.then(() => {
      over = true;
    });
    const refusals: number[] = [];
    const again = async () => {
      await refuse();
      refusals.push(Date.now());
      await delay(PAUSE);
    };
    while (!over) await Promise.race([again(), ended]);
    const { exitCode, stdout, stderr } = await session.ended;
    const told = failures(stdout).length;
    const [began] = records(stdout).flatMap((record) => (record.type === "session" ? [Date.parse(record.armedAt)] : []));
    // All that were refused before its time was over, however many come behind them.
    const due = lasts === null ? 1 : refusals.filter((at) => at < (began ?? Number.NaN) + lasts - EARLY).length;
    expect(told).toBeGreaterThanOrEqual(due);
    // One may be refused while the session ends.
    expect(told).toBeLessThanOrEqual(refusals.length + 1);
    const [summary] = records(stdout).filter(({ type }) => type === "summary");
    expect(summary).toMatchObject({ failures: told, explained: told, lost: 0 });
    expect({ exitCode, stderr }).toEqual({ exitCode: told > 0 ? 1 : 0, stderr: "" });
    expect(exists(session.bpftrace)).toBe(false);
    await end();
  });

  it("/proc hides the processes of others (hidepid=2), and tracefs is mounted: to root that is all the same", async () => {
    const script = 'mount -t proc -o hidepid=2 none /proc && mount -t tracefs none /sys/kernel/tracing && exec "$@"';
    const { holder, refuse, end } = await refusing();
    const words = [process.execPath, CLI, "--port", String(port), "--json"];
    const session = inside(["unshare", "--mount", "sh", "-c", script, "sh", ...words]);
    await session.says(/"type":"session".*\n/);
    await refuse();
    const [line] = await session.says(/"type":"failure".*\n/);
    session.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(line).toContain('"confidence":"exact"');
    expect(failures(stdout).map(({ blockers }) => blockers[0]?.holders.map(({ pid }) => pid))).toEqual([[holder.pid]]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
    await end();
  });

  it.each([
    ["dies at once", "kill -SEGV $$", /bpftrace --version was ended by SIGSEGV: install bpftrace 0\.17 or later anew$/],
    ["is killed while it starts", '[ "$1" = --version ] && echo bpftrace v0.17.0 || kill -KILL $$', /could not start \(.*SIGKILL\)/],
    ["says nothing, and ends", '[ "$1" = --version ] && echo bpftrace v0.17.0; exit 0', /could not start \(.*code 0\)/],
  ])("a bpftrace that %s is told of in a sentence", async (_, script, sentence) => {
    const stub = join(folder.path, "bpftrace");
    writeFileSync(stub, `#!/bin/sh\n${script}\n`);
    chmodSync(stub, 0o755);
    const env = { PATH: `${folder.path}:${process.env.PATH}` };
    const { exitCode, stdout, stderr } = await bindtrace(["--port", String(port), "--hooks", "tracepoint"], { env });
    expect(stderr).toMatch(/^bindtrace: .*$/);
    expect(stderr).toMatch(sentence);
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: "" });
  });
});

describe("a reader that goes away before anything is written", () => {
  it.each([
    ["--help", 0],
    ["check --help", 0],
    ["man", 0],
    ["completion zsh", 0],
    ["replay samples/cluster-restart/trace.jsonl", 1],
    ["export --html samples/cluster-restart/trace.jsonl", 0],
  ])("is no error: bindtrace %s", async (words, code) => {
    const run = bindtrace(words.split(" "));
    run.stdout.destroy();
    const { exitCode, stderr } = await run;
    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: "" });
  });
});

const failures = (said: string) => records(said).filter((record): record is FailureRecord => record.type === "failure");
