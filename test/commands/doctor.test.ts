import { existsSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { bindtrace, CLI, liveProblem, ROOT } from "../helpers/cli.ts";

interface Ended {
  exitCode?: number | undefined;
  stdout: string;
  stderr: string;
}
const lastLine = (text: string) => text.slice(text.lastIndexOf("\nbindtrace: ") + 1).replaceAll("\n", " ");
const tooWide = (text: string) => text.split("\n").filter((line) => [...line].length > 80);

/** Reads everything, wherever this repository lies, but is not root. */
const HUMBLE = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
const asNobody = (args: string[]) => execa("setpriv", [...HUMBLE, process.execPath, CLI, ...args], { reject: false });

describe("bindtrace doctor", () => {
  it.each<[string[], RegExp]>([
    [["doctor", "8080"], /too many arguments: doctor takes none, so leave out '8080'$/],
    [["doctor", "--", "true"], /runs no command.*'true'/],
    [["doctor", "--jsn"], /unknown option '--jsn'.*--json/],
  ])("%j is no use of it", async (args, sentence) => {
    const { exitCode, stdout, stderr } = await bindtrace(args);
    expect(stderr).toMatch(/^bindtrace: \S.*$/);
    expect(stderr).toMatch(sentence);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it("without root says that it needs root, and what can be seen all the same", async () => {
    const args = ["doctor"];
    const { exitCode, stdout, stderr }: Ended = process.geteuid?.() === 0 ? await asNobody(args) : await bindtrace(args);
    expect(lastLine(stdout)).toMatch(
      /^bindtrace: live tracing does not work here: tracing needs root \(replay does not\), and this is uid \d+ .*; run .*\bdoctor$/,
    );
    expect(stdout).toContain("\n  note     no program was tried\n");
    expect(stdout).toContain("net.ipv4.ip_local_port_range = ");
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: "" });
  });
});

describe.skipIf(process.geteuid?.() !== 0 || !existsSync("/sys/kernel/btf/vmlinux"))("bindtrace doctor with another bpftrace", () => {
  const onlyHere = (path: string) => ({ env: { PATH: path } });
  const standIn = (name: string) => onlyHere(`${join(ROOT, "test/fixtures", name)}:${process.env.PATH}`);

  it.each<[string, { env: { PATH: string } }, RegExp]>([
    ["none", onlyHere("/nowhere"), /bpftrace is not installed; install the package bpftrace \(0\.17 or later\)$/],
    ["one that is too old (a stand-in)", standIn("bpftrace-0.16"), /bpftrace 0\.16\.0 is too old; install bpftrace 0\.17 or later$/],
    [
      "one that is not let in (a stand-in)",
      standIn("bpftrace-not-permitted"),
      /no kind of hook works, not even tracepoints: the kernel does not let bpftrace in; run it as root outside/,
    ],
  ])("%s", async (_, options, sentence) => {
    const { exitCode, stdout, stderr } = await bindtrace(["doctor"], options);
    expect(lastLine(stdout)).toMatch(/^bindtrace: live tracing does not work here: /);
    expect(lastLine(stdout)).toMatch(sentence);
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: "" });
  });
});

describe.skipIf(liveProblem !== null)("bindtrace doctor on this machine", () => {
  it("says that live tracing works, and with which hook set", async () => {
    const { exitCode, stdout, stderr } = await bindtrace(["doctor"]);
    expect(lastLine(stdout)).toMatch(/^bindtrace: live tracing works here: hook set (kernel|tracepoint) \(.+\)$/);
    expect(stdout).toContain("\n  ok       tracepoint: a program was attached\n");
    expect(stdout).not.toContain("problem");
    expect(tooWide(stdout)).toEqual([]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it("--json has the same as one object", async () => {
    const { exitCode, stdout } = await bindtrace(["doctor", "--json"]);
    const { findings, ...record } = JSON.parse(stdout);
    expect(record).toMatchObject({ type: "doctor", schema: 1, works: true, hooks: expect.stringMatching(/^(kernel|tracepoint)$/) });
    expect(new Set(findings.map(({ section }: { section: string }) => section))).toEqual(
      new Set(["kernel", "rights", "bpftrace", "hooks", "settings", "messages", "faults"]),
    );
    expect(exitCode).toBe(0);
  });

  it("leaves nothing mounted behind", async () => {
    const mounts = async () => (await execa("cat", ["/proc/self/mounts"])).stdout;
    const before = await mounts();
    await bindtrace(["doctor"]);
    expect(await mounts()).toBe(before);
  });
});
