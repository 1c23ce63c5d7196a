import { readlinkSync } from "node:fs";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bindtrace, CLI, liveProblem, ROOT, scratch } from "../helpers/cli.ts";
import { onlyChildOf } from "../helpers/live-stage.ts";
import { PORTS } from "../helpers/ports.ts";

const PORT = String(PORTS.status);
/** Arming, or what a terminal shows, may take this long (ms), and a whole test. */
const SOON = 30_000;
const LONG = 90_000;
/** Columns of a terminal that was made narrower: too few for the whole status line. */
const NARROW = 60;
const ESCAPE = "\u001b";
const ERASE = `${ESCAPE}[K`;
const CTRL_C = "\u0003";
/** What a terminal does one after the other: erase to the end of the line, or anything that it writes. */
const TOKEN = new RegExp(`${ESCAPE}\\[K|[\\s\\S]`, "gu");

/** A program on a terminal of 100 columns, in a network namespace of its own. */
function terminal(command: string) {
  const inside = `stty cols 100 rows 40; ip link set lo up; ${command}`;
  const run = execa("unshare", ["--net", "script", "-qfec", inside, "/dev/null"], {
    ...{ cwd: ROOT, reject: false, stripFinalNewline: false },
    env: { TERM: "xterm", SHELL: "/bin/sh", PYTHONDONTWRITEBYTECODE: "1" },
  });
  let raw = "";
  run.stdout.on("data", (chunk: Buffer) => {
    raw += chunk.toString("utf8");
  });
  return {
    shows: (pattern: RegExp) => vi.waitFor(() => expect(raw).toMatch(pattern), { timeout: SOON, interval: 20 }),
    type: (keys: string) => void run.stdin.write(keys),
    resize: async (columns: number) => {
      const on = readlinkSync(`/proc/${onlyChildOf(run.pid ?? 0)}/fd/0`);
      const from = raw.length;
      await execa("stty", ["-F", on, "cols", String(columns)]);
      /** What was written since. */
      return () => raw.slice(from);
    },
    alongside: (...words: string[]) => execa("nsenter", [`--net=/proc/${run.pid}/ns/net`, ...words], { cwd: ROOT, reject: false }),
    /** All that was written, once the program has ended. */
    ended: async () => {
      const { exitCode } = await run;
      return { raw, exitCode };
    },
  };
}

/** The lines that a terminal shows after all of this. */
function screen(raw: string): string[] {
  const lines: string[][] = [[]];
  let column = 0;
  for (const [token] of raw.matchAll(TOKEN)) {
    const line = lines.at(-1) ?? [];
    if (token === "\n") lines.push([]);
    else if (token === "\r") column = 0;
    else if (token === ERASE) line.splice(column);
    else line[column++] = token;
  }
  return lines.map((line) => line.join("").trimEnd());
}

describe.skipIf(liveProblem !== null)("the status line", { timeout: LONG }, () => {
  let folder: ReturnType<typeof scratch>;
  beforeEach(() => {
    folder = scratch();
  });
  afterEach(() => folder.remove());
  const session = (...options: string[]) => [process.execPath, CLI, "--port", PORT, ...options].join(" ");

  it.each([["--color never"], ["--json"]])("tells on a terminal what was seen, and leaves nothing behind: %s", async (options) => {
    const path = `${folder.path}/trace.jsonl`;
    const tty = terminal(`exec ${session(options, "--save", path)}`);
    await tty.shows(new RegExp(`bindtrace: armed on ${PORT}, 0:00:\\d\\d, \\d+ events, 0 refused, 0 lost; Ctrl-C ends it`));
    await tty.alongside("python3", "test/fixtures/bind-twice.py", PORT, "0");
    await tty.shows(/\d+ events, 1 refused, 0 lost; Ctrl-C ends it/);
    tty.type(CTRL_C);
    const { raw, exitCode } = await tty.ended();
    const replayed = await bindtrace(["replay", path, ...options.split(" "), "--width", "100"]);
    expect(screen(raw)).toEqual([...replayed.stdout.split("\n"), ""]);
    expect(exitCode).toBe(1);
  });

  it("fits a terminal that is made narrower, and so does the rest of the report", async () => {
    const path = `${folder.path}/trace.jsonl`;
    const tty = terminal(`exec ${session("--color never --save", path)}`);
    await tty.shows(/0 lost; Ctrl-C ends it/);
    const since = await tty.resize(NARROW);
    await vi.waitFor(() => expect(since()).toContain("armed on"), { timeout: SOON, interval: 20 });
    await tty.alongside("python3", "test/fixtures/bind-twice.py", PORT, "0");
    await vi.waitFor(() => expect(since()).toMatch(/events, 1 ref/), { timeout: SOON, interval: 20 });
    tty.type(CTRL_C);
    const { raw, exitCode } = await tty.ended();
    const drawn = since().split(`\r${ERASE}`);
    expect(Math.max(...drawn.flatMap((piece) => piece.split("\r\n")).map((line) => line.length))).toBeLessThanOrEqual(NARROW);
    const replayed = await bindtrace(["replay", path, "--color", "never", "--width", String(NARROW)]);
    const withoutArmed = (lines: string[]) => lines.slice(lines.findIndex((line) => line.includes("bpftrace 0.")) + 1);
    expect(withoutArmed(screen(raw))).toEqual([...withoutArmed(replayed.stdout.split("\n")), ""]);
    expect(exitCode).toBe(1);
  });

  it.each([
    ["while a command has the terminal", session("--", "true")],
    ["where standard output is a pipe", `${session("--duration", "1s")} | cat`],
    ["where standard error is no terminal", `exec ${session("--duration", "1s")} 2>/dev/null`],
    ["on a terminal that cannot erase a line", `TERM=dumb exec ${session("--duration", "1s")}`],
    ["in the background", `set -m; ${session("--duration", "1s")} & wait`],
  ])("is not there %s", async (_, command) => {
    const { raw, exitCode } = await terminal(command).ended();
    expect(raw).toMatch(/bindtrace: armed on [\s\S]*\nbindtrace: no bind of port \d+ was /);
    expect(raw).not.toContain(ERASE);
    expect(raw).not.toContain("Ctrl-C");
    expect(exitCode).toBe(0);
  });
});
