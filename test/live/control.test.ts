import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";
import { bindtrace, CLI, liveProblem, records } from "../helpers/cli.ts";
import { bpftraceOf, exists, gone, type Running, SOON, useStage } from "../helpers/live-stage.ts";
import { PORTS, portByPid } from "../helpers/ports.ts";

describe.skipIf(liveProblem !== null)("a session under control", () => {
  const { home, folder, start, inside, program, trace } = useStage();
  let port = portByPid(PORTS.control);
  beforeEach(() => {
    port++;
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends it, and what was refused just before is reported", async (signal) => {
    const session = await trace(["--port", port]);
    await program("refuse-then-signal", port, session.pid, signal).ended;
    const sent = performance.now();
    const { exitCode, stdout, stderr } = await session.ended;
    expect(performance.now() - sent).toBeLessThan(SOON);
    expect(exists(session.bpftrace)).toBe(false);
    expect(stdout).toContain(`could not bind 0.0.0.0:${port}  (EADDRINUSE)\n  blocked by  s1  0.0.0.0:${port}  LISTEN`);
    expect(stdout).toContain(`\n${port}/tcp in network namespace`);
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("a second Ctrl-C gives up what bpftrace has not told, and says so", async () => {
    const session = await trace(["--port", port]);
    process.kill(session.bpftrace, "SIGSTOP");
    session.kill("SIGINT");
    // What comes at once counts as the same Ctrl-C, however long this machine takes.
    const again = setInterval(() => session.kill("SIGINT"), 400);
    try {
      await gone(session.bpftrace, 4 * SOON);
    } finally {
      clearInterval(again);
    }
    const { exitCode, stdout, stderr } = await session.ended;
    expect(stderr).toBe("bindtrace: the trace ended early: SIGINT came again, and what had not been read was given up\n");
    expect(stdout).toContain(`no bind of port ${port} was`);
    expect(exitCode).toBe(5);
  });

  it("a signal before it is armed ends it, and leaves neither bpftrace nor an empty recording behind, and an old report as it was", async () => {
    const path = join(folder.path, "trace.jsonl");
    const report = join(folder.path, "report.txt");
    writeFileSync(report, "old");
    const session = inside([process.execPath, CLI, "--port", String(port), "--save", path, "--output", report]);
    const bpftrace = await vi.waitFor(() => bpftraceOf(session.pid), { timeout: SOON, interval: 5 });
    session.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(stderr).toMatch(/^bindtrace: interrupted before the trace was armed.*\n$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: "" });
    expect(exists(bpftrace)).toBe(false);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(report, "utf8")).toBe("old");
  });

  it("ends when its reader goes away, at the next thing it would say", async () => {
    const session = await trace(["--port", port]);
    session.closeStdout();
    await program("bind-twice", port, 0).ended;
    await endsSoon(session);
  });

  it.each(["trace.jsonl", "trace.jsonl.gz"])("killed outright: bpftrace follows, and %s holds what was reported", async (name) => {
    const path = join(folder.path, name);
    const session = await trace(["--port", port, "--save", path]);
    await program("bind-twice", port, 0).ended;
    const [block] = await session.says(/✗ .* could not bind [\s\S]*?\n {2}no help .*\n/);
    session.kill("SIGKILL");
    await gone(session.bpftrace, 10_000);
    const { exitCode, stdout, stderr } = await bindtrace(["replay", path]);
    expect(block).toContain(`could not bind 0.0.0.0:${port}  (EADDRINUSE)\n  blocked by  s1  0.0.0.0:${port}  LISTEN`);
    expect(block).not.toContain("earlier");
    expect(stdout).toContain(block);
    expect(stderr).toMatch(/^bindtrace: the trace was cut.*$/);
    expect(exitCode).toBe(1);
  });

  it("says why when bpftrace is killed, and reports what it had seen", async () => {
    const path = join(folder.path, "trace.jsonl");
    const session = await trace(["--port", port, "--save", path]);
    await program("bind-twice", port, 0).ended;
    await session.says(/could not bind/);
    process.kill(session.bpftrace, "SIGKILL");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(stdout).toContain(`\n${port}/tcp in network namespace`);
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
    expect(stderr).toMatch(/^bindtrace: the trace ended early: bpftrace was ended by SIGKILL\n$/);
    expect(exitCode).toBe(5);
    const replayed = await bindtrace(["replay", path]);
    expect(`${replayed.stdout}\n`).toBe(stdout);
    expect(replayed.stderr).toMatch(/^bindtrace: the recording ended early: bpftrace was ended by SIGKILL$/);
    expect(replayed.exitCode).toBe(5);
  });

  it("waits at its end for what a bpftrace that is behind has not told yet", async () => {
    const session = await trace(["--port", port]);
    process.kill(session.bpftrace, "SIGSTOP");
    await program("bind-twice", port, 0).ended;
    session.kill("SIGINT");
    // Far longer than a mark takes.
    await delay(6000);
    process.kill(session.bpftrace, "SIGCONT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
    expect([exitCode, stderr]).toEqual([1, ""]);
  });

  it("two at once on the same port report the same; --until-failure ends one by itself, SIGINT the other", async () => {
    const [first, second] = await Promise.all([trace(["--port", port, "--json", "--until-failure"]), trace(["--port", port, "--json"])]);
    await program("bind-twice", port, 0).ended;
    const one = await first.ended;
    await second.says(/"type":"failure"/);
    second.kill("SIGINT");
    const other = await second.ended;
    const [mine, its] = [one, other].map(({ stdout }) => failures(stdout).map(seen));
    expect(mine).toMatchObject([{ port, rule: "listening", operation: "bind" }]);
    expect(its).toEqual(mine);
    expect([one.exitCode, other.exitCode, one.stderr, other.stderr]).toEqual([1, 1, "", ""]);
    expect([first.bpftrace, second.bpftrace].filter(exists)).toEqual([]);
  });

  it("--duration ends it in time, with nothing to report; a port outside --port is not watched", async () => {
    const began = performance.now();
    const session = await trace(["--port", port, "--duration", "2s"]);
    const armed = performance.now();
    await program("bind-twice", port + 1, 0).ended;
    const { exitCode, stdout, stderr } = await session.ended;
    expect(performance.now() - began).toBeGreaterThan(2000);
    expect(performance.now() - armed).toBeLessThan(2000 + SOON);
    expect(stdout).toMatch(/^bindtrace: armed on .*\n+bindtrace: no bind of port \d+ was (attempted|seen;[^:]+)\n$/);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    port++;
  });

  it("a name of control characters stays on its line, and replay says the same byte for byte", async () => {
    const path = join(folder.path, "trace.jsonl");
    const session = await trace(["--port", port, "--save", path, "--width", 80, "--color", "never"], { encoding: "buffer" });
    const option = "\u001b[2J\nrm\u009b\u202e";
    const named = inside(["/usr/bin/python3", "-X", option, "test/fixtures/odd-name.py", String(port)]);
    await named.says(/refused/);
    await session.says(/could not bind[\s\S]*would help/);
    await named.finish();
    session.kill("SIGINT");
    const live = (await session.ended).stdout as unknown as Uint8Array;
    const text = Buffer.from(live).toString();
    expect(text).toContain(`a\\x1b[1m\\x0ab\\xff\\xc3z[${named.pid}] could not bind`);
    expect(text).toContain("-X \\x1b[2J\\x0arm\\x9b\\u{202e} test/");
    expect(text.match(UNSAFE)).toBeNull();
    expect(await replayBytes(path)).toEqual(Buffer.from(live));

    const json = Buffer.from(await replayBytes(path, "--json")).toString();
    const [failure] = failures(json);
    expect(failure?.binder.comm).toBe("a\u001b[1m\nb\\xff\\xc3z");
    expect(failure?.blockers[0]?.holders[0]?.command).toContain(option);
    expect(json.match(UNSAFE)).toBeNull();
  });

  it("--comm, --pid, --proto and --netns choose what is reported, not which evidence is used", async () => {
    const path = join(folder.path, "trace.jsonl");
    symlinkSync("/usr/bin/python3", join(folder.path, "other"));
    const session = await trace(["--port", port, "--json", "--comm", "python3", "--netns", home().pid, "--save", path]);
    const holder = program("hold-port", port, 0);
    await holder.says(/holds/);
    const refused = ["test/fixtures/refuse-on-demand.py", String(port)];
    const [other, binder] = [inside([join(folder.path, "other"), ...refused]), inside(["/usr/bin/python3", ...refused])];
    const elsewhere = start(["unshare", "--net", "/usr/bin/python3", "test/fixtures/bind-twice.py", String(port), "0"]);
    await elsewhere.ended;
    for (const running of [other, binder]) {
      running.tell("");
      await running.says(/EADDRINUSE/);
    }
    session.kill("SIGINT");
    const { exitCode, stdout } = await session.ended;
    expect(failures(stdout).map(blame)).toEqual([[binder.pid, holder.pid]]);
    expect(exitCode).toBe(1);

    const replayed = async (...args: string[]) => {
      const { stdout: json, exitCode: code } = await bindtrace(["replay", path, "--json", ...args]);
      return { blames: failures(json).map(blame), code, netns: failures(json).map(({ netns }) => netns) };
    };
    const all = await replayed();
    expect(all.blames).toEqual([
      [elsewhere.pid, elsewhere.pid],
      [other.pid, holder.pid],
      [binder.pid, holder.pid],
    ]);
    expect(await replayed("--pid", String(binder.pid))).toMatchObject({ blames: [[binder.pid, holder.pid]], code: 1 });
    expect(await replayed("--pid", String(holder.pid))).toMatchObject({ blames: [], code: 0 });
    expect(await replayed("--comm", "other")).toMatchObject({ blames: [[other.pid, holder.pid]], code: 1 });
    expect(await replayed("--netns", String(all.netns[0]))).toMatchObject({ blames: [[elsewhere.pid, elsewhere.pid]], code: 1 });
    expect(await replayed("--proto", "udp")).toMatchObject({ blames: [], code: 0 });
    await Promise.all([holder, other, binder].map((running) => running.finish()));
  });

  it("the end of a UDP blocker is told: to the moment when its last copy is closed, else by the next look", async () => {
    const session = await trace(["--port", port, "--json"]);
    const closes = program("udp-until-line", port);
    await closes.says(/has/);
    await program("udp-refused", port).ended;
    closes.tell("close");
    const [close] = await session.says(/\{"type":"release".*\n/);
    await closes.finish();
    const exits = program("udp-until-line", port);
    await exits.says(/has/);
    await program("udp-refused", port).ended;
    exits.kill("SIGKILL");
    const [exit] = await session.says(/\{"type":"release".*\n/);
    session.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(failures(stdout)).toMatchObject([
      { protocol: "udp", port, rule: "bound", confidence: "exact", blockers: [{ state: "BOUND", holders: [{ pid: closes.pid, fd: 3 }] }] },
      { protocol: "udp", port, rule: "bound", confidence: "exact", blockers: [{ state: "BOUND", holders: [{ pid: exits.pid, fd: 3 }] }] },
    ]);
    expect(JSON.parse(close)).toMatchObject({ failure: "f1", via: "close", precision: "exact", by: { pid: closes.pid } });
    // Nothing but the kernel hook set sees the end of a UDP socket that goes with its process.
    const seen = records(stdout).some((record) => record.type === "session" && record.hooks === "kernel");
    expect(JSON.parse(exit)).toMatchObject({ failure: "f2", via: "exit", precision: seen ? "exact" : "estimated" });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("other errors on a watched port are told apart from a conflict, and what is not ours is left out", async () => {
    const session = await trace(["--port", `${port},81`, "--json"]);
    const { stdout: truth } = await program("other-errors", port, 81).ended;
    session.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(truth).toBe("EADDRNOTAVAIL\nEINVAL\nEOPNOTSUPP\nEACCES\nnot ours\nEADDRINUSE\n");
    expect(failures(stdout).map(({ operation, errno, address, port: wanted }) => ({ operation, errno, address, wanted }))).toEqual([
      { operation: "bind", errno: "EADDRNOTAVAIL", address: "198.51.100.7", wanted: port },
      { operation: "bind", errno: "EINVAL", address: "127.0.0.1", wanted: port },
      { operation: "listen", errno: "EOPNOTSUPP", address: "127.0.0.1", wanted: port },
      { operation: "bind", errno: "EACCES", address: "127.0.0.1", wanted: 81 },
    ]);
    expect(failures(stdout).map(({ rule, blockers }) => [rule, blockers])).toEqual(Array(4).fill(["not-a-conflict", []]));
    expect(records(stdout).at(-1)).toMatchObject({ failures: 4, explained: 4, lost: 0 });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("names a holder with 2,000 open files that was there before, for each refusal", async () => {
    const holder = program("hold-port", port, 2000);
    const fd = Number((await holder.says(/holds (\d+)/))[1]);
    const session = await trace(["--port", port, "--json"]);
    const binder = program("refuse-on-demand", port);
    for (let round = 0; round < 9; round++) {
      binder.tell("");
      await session.says(/\{"type":"failure".*\n/);
    }
    session.kill("SIGINT");
    const said = records((await session.ended).stdout);
    // On a busy machine the search may take longer than a report waits: its end then follows in a record of its own.
    const ends = said.filter((record) => record.type === "holders");
    const found = failures(said).map(({ id, blockers }) => {
      const late = ends.find(({ failure }) => failure === id);
      return late ?? { holders: blockers[0]?.holders, complete: blockers[0]?.holdersComplete };
    });
    expect(found).toMatchObject(Array(9).fill({ holders: [{ pid: holder.pid, fd }], complete: true }));
    await Promise.all([holder.finish(), binder.finish()]);
  });

  it("SIGINT goes to the command, and the trace ends with it", async () => {
    const command = ["python3", "test/fixtures/wait-for-interrupt.py", String(port)];
    const session = inside([process.execPath, CLI, "--port", String(port), "--", ...command]);
    await session.says(/ready\n/);
    session.kill("SIGINT");
    const { exitCode, stdout, stderr } = await session.ended;
    expect(stdout).toBe("ready\ninterrupted\n");
    expect(stderr).toMatch(/\nbindtrace: 1 refused, 1 explained\n$/);
    expect(exitCode).toBe(1);
  });

  it("--linger waits for what a daemon does after the command has ended", async () => {
    const command = ["python3", "test/fixtures/daemon-binds-later.py", String(port)];
    const { exitCode, stdout } = await inside([process.execPath, CLI, "--port", String(port), "--json", "--linger", "2s", "--", ...command])
      .ended;
    expect(failures(stdout)).toMatchObject([{ port, rule: "listening" }]);
    expect(exitCode).toBe(1);
  });

  it("--save - records to stdout, and nothing else", async () => {
    const session = inside([process.execPath, CLI, "--port", String(port), "--save", "-", "--duration", "500ms"]);
    const { exitCode, stdout } = await session.ended;
    const { exitCode: code, stdout: report, stderr } = await bindtrace(["replay", "-"], { input: stdout });
    expect(stderr).toBe("");
    expect(report).toContain(`bindtrace: no bind of port ${port} was `);
    expect([exitCode, code]).toEqual([0, 0]);
  });

  it.each([
    ["--save", "/dev/full", "--force"],
    ["--output", "/dev/full"],
  ])("says so when it cannot write: %s %s", async (...args) => {
    const session = inside([process.execPath, CLI, "--port", String(port), "--duration", "1s", ...args]);
    const { exitCode, stderr } = await session.ended;
    expect(stderr).toMatch(/^bindtrace: .*\/dev\/full.*(ENOSPC|no space).*\n$/);
    expect(exitCode).toBe(5);
  });

  /** It ends in time, without an error, and takes bpftrace with it. */
  async function endsSoon(session: Running & { bpftrace: number }): Promise<void> {
    await gone(session.pid, SOON);
    const { stderr, signal } = await session.ended;
    expect({ stderr, signal }).toEqual({ stderr: "", signal: undefined });
    expect(exists(session.bpftrace)).toBe(false);
  }
});

/** Control, invisible and bidirectional characters, but for the line feed, and what is not UTF-8. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\ufffd]/gu;

const failures = (said: string | OutputRecord[]) =>
  (typeof said === "string" ? records(said) : said).filter((record): record is FailureRecord => record.type === "failure");

/** Who was refused, and who holds what was in the way. */
const blame = ({ binder, blockers }: FailureRecord) => [binder.pid, ...blockers.flatMap(({ holders }) => holders.map(({ pid }) => pid))];

/** What two traces must agree on. */
const seen = ({ port, errno, operation, rule, confidence, binder, blockers }: FailureRecord) => ({
  port,
  errno,
  operation,
  rule,
  confidence,
  binder: [binder.pid, binder.inode],
  blockers: blockers.map(({ inode, holders }) => [inode, holders.map(({ pid }) => pid)]),
});

async function replayBytes(path: string, ...args: string[]): Promise<Uint8Array> {
  const run = await execa(process.execPath, [CLI, "replay", path, "--width", "80", "--color", "never", ...args], {
    encoding: "buffer",
    reject: false,
    stripFinalNewline: false,
  });
  return Buffer.from(run.stdout);
}
