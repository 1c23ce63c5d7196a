import { once } from "node:events";
import { existsSync, readlinkSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it, vi } from "vitest";
import { bindtrace, CLI, ROOT } from "../helpers/cli.ts";

const isRoot = process.geteuid?.() === 0;
/** Reads everything, wherever this repository lies, but is not root. */
const HUMBLE = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
const asNobody = (args: string[]) =>
  isRoot ? execa("setpriv", [...HUMBLE, process.execPath, CLI, ...args], { reject: false }) : bindtrace(args);
const tooWide = (text: string) => text.split("\n").filter((line) => [...line].length > 80);

describe("bindtrace check", () => {
  it.each<[string[], RegExp]>([
    [[], /^bindtrace: check needs a <port>: local port$/],
    [["8080", "8081"], /too many arguments: check takes <port> alone, so leave out '8081'$/],
    [["0"], /^bindtrace: bind to port 0 takes whatever port is free/],
    [["65536"], /^bindtrace: 65536 is not a port/],
    [["http"], /^bindtrace: 'http' is not a port/],
    [["80-90"], /^bindtrace: one port at a time/],
    [["80,90"], /is not a port/],
    [["80", "--host", "localhost"], /^bindtrace: --host localhost: .* is not an IP address/],
    [["80", "--host", ""], /^bindtrace: --host: .* is not an IP address/],
    [["80", "--host", "fe80::1%lo"], /name the interface with --device/],
    [["80", "--host", "fe80::1"], /link-local: name its interface with --device/],
    [["80", "--host", "127.0.0.1", "--v6only"], /--v6only is for IPv6/],
    [["80", "--proto", "sctp"], /^bindtrace: --proto sctp: allowed are tcp, udp$/],
    [["80", "--device", "no-such-device"], /^bindtrace: --device no-such-device: this network namespace has .*\blo\b/],
    [["80", "--user", "no-such-user"], /there is no such user/],
    [["80", "--user=--help"], /there is no such user/],
    [["80", "--user", "4294967295"], /there is no such user/],
    [["80", "--jsn"], /unknown option '--jsn'.*--json/],
    [["80", "--width", "3"], /too few/],
    [["80", "--", "true"], /runs no command.*'true'/],
  ])("%j is no use of it", async (args, sentence) => {
    const { exitCode, stdout, stderr } = await bindtrace(["check", ...args]);
    expect(stderr).toMatch(sentence);
    expect(stderr.split("\n")).toHaveLength(1);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });

  it.skipIf(!isRoot)("--netns that leads nowhere is no use of it", async () => {
    for (const which of ["/nowhere", "4294967295", "/proc/self/ns/pid"]) {
      const { exitCode, stderr } = await bindtrace(["check", "80", "--netns", which]);
      expect(stderr).toMatch(/^bindtrace: --netns .*(network namespace).*$/);
      expect(exitCode).toBe(2);
    }
  });

  it("without root says what it cannot see, and what would", async () => {
    const { exitCode, stdout, stderr } = await asNobody(["check", "1", "--reuseaddr"]);
    const text = stdout.replace(/\s+/g, " ");
    expect(text).toMatch(/^bind of 0\.0\.0\.0:1\/tcp .*with SO_REUSEADDR, as \w+ \(uid \d+\)/);
    expect(text).toContain("without root only /proc can be looked at");
    expect(text).toMatch(/to see all: run .*\b(bindtrace|cli\.js) check 1 --reuseaddr/);
    expect(tooWide(stdout)).toEqual([]);
    // Port 1 is for root.
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("without root another network namespace is not permitted", async () => {
    const { exitCode, stdout, stderr } = await asNobody(["check", "80", "--netns", "1"]);
    expect(stderr).toMatch(/^bindtrace: looking into the network namespace 1 needs root: run .* check 80 --netns 1$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
  });
});

/** Root as in a container, with these alone. */
const asRootWith = (capabilities: string, args: string[]) =>
  execa("setpriv", [`--bounding-set=-all${capabilities}`, "--inh-caps=-all", process.execPath, CLI, ...args], { reject: false });

describe.skipIf(!isRoot)("bindtrace check as root of a container", () => {
  it("names the capability by which another network namespace is entered", async () => {
    const other = execa("unshare", ["--net", "cat"], { reject: false });
    try {
      await vi.waitFor(() => expect(readlinkSync(`/proc/${other.pid}/ns/net`)).not.toBe(readlinkSync("/proc/self/ns/net")));
      const { exitCode, stdout, stderr } = await asRootWith(",+sys_ptrace,+dac_override", ["check", "80", "--netns", String(other.pid)]);
      expect(stderr).toBe(
        `bindtrace: looking into the network namespace ${other.pid} needs CAP_SYS_ADMIN, which root does not have here: ` +
          "run bindtrace as root outside of the container, or start the container with --cap-add SYS_ADMIN",
      );
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    } finally {
      other.stdin.end();
      await other;
    }
  });

  it("says which capabilities it does without, and what for", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const { exitCode, stdout } = await asRootWith(",+dac_override", ["check", String(port), "--json"]);
      expect(JSON.parse(stdout)).toMatchObject({ evidence: "proc", owners: [{ holdersComplete: false }] });
      expect(JSON.parse(stdout).reasons.slice(-2)).toEqual([
        expect.stringMatching(/^only \/proc could be looked at, .*: tracing needs CAP_\w+.*, CAP_SYS_PTRACE to find who holds a socket, /),
        "who holds a socket may not be seen from here: without CAP_SYS_PTRACE processes of others are closed",
      ]);
      expect(exitCode).toBe(1);
    } finally {
      server.close();
    }
  });
});

describe.skipIf(!isRoot || !existsSync("/sys/kernel/btf/vmlinux"))("bindtrace check as root", () => {
  const withPath = (path: string, env = {}) => ({ env: { PATH: path, ...env } });

  it("falls back to /proc where bpftrace does not work, and says why", async () => {
    const standIn = withPath(`${join(ROOT, "test/fixtures/bpftrace-0.16")}:${process.env.PATH}`);
    const { exitCode, stdout } = await bindtrace(["check", "1", "--json"], standIn);
    expect(JSON.parse(stdout)).toMatchObject({
      answer: "unknown",
      evidence: "proc",
      walkComplete: false,
      reasons: [/would not show/, /only \/proc could be looked at, .*: bpftrace 0\.16\.0 is too old/].map((each) =>
        expect.stringMatching(each),
      ),
    });
    expect(exitCode).toBe(6);
  });

  it.each<[string, string[], Record<string, string>, object]>([
    ["the user behind sudo", [], { SUDO_USER: "games", SUDO_UID: "5", SUDO_GID: "60" }, { uid: 5, name: "games", from: "sudo" }],
    ["who calls", [], { SUDO_UID: "", SUDO_GID: "" }, { uid: 0, name: "root", from: "caller" }],
    ["a name", ["--user", "games"], { SUDO_UID: "1", SUDO_GID: "1" }, { uid: 5, name: "games", from: "option" }],
    ["a uid without account", ["--user", "54321"], {}, { uid: 54321, name: null, from: "option" }],
  ])("takes the bind to be by %s", async (_, args, env, user) => {
    const standIn = withPath(`${join(ROOT, "test/fixtures/bpftrace-0.16")}:${process.env.PATH}`, env);
    const { stdout } = await bindtrace(["check", "8080", "--json", ...args], standIn);
    expect(JSON.parse(stdout).binder.user).toEqual(user);
  });
});
