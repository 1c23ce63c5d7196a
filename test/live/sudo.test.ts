import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FailureRecord } from "../../src/core/record.ts";
import { bindtrace, CLI, failuresIn, liveProblem, ROOT, records, scratch } from "../helpers/cli.ts";
import { PORTS, portByPid } from "../helpers/ports.ts";

/** What sudo tells the programs that it starts; the user is one of every Debian. */
const SUDO = { SUDO_USER: "games", SUDO_UID: "5", SUDO_GID: "60" };
const HOME = "/usr/games";
/** A supplementary group given to that user for the time of a run. */
const EXTRA_GROUP = 12_345;
const PATH = "/opt/kept-by-sudo:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Identity {
  uid: number[];
  gid: number[];
  groups: number[];
  env: Record<string, string | null>;
  began: number;
}

describe.skipIf(liveProblem !== null)("bindtrace -- command under sudo", () => {
  let folder: ReturnType<typeof scratch>;
  let port = portByPid(PORTS.sudo);
  beforeEach(() => {
    folder = scratch();
    port++;
  });
  afterEach(() => folder.remove());

  /** Runs it in a network namespace of its own, with a group file in which that user has one group more. */
  function run(args: readonly (string | number)[], options: { env?: Record<string, string>; input?: string } = {}) {
    const groups = join(folder.path, "group");
    writeFileSync(groups, `${readFileSync("/etc/group", "utf8")}extra:x:${EXTRA_GROUP}:${SUDO.SUDO_USER}\n`);
    chmodSync(groups, 0o644);
    const script = 'mount --bind "$0" /etc/group && ip link set lo up && exec "$@"';
    return execa("unshare", ["--net", "--mount", "sh", "-c", script, groups, process.execPath, CLI, ...args.map(String)], {
      cwd: ROOT,
      reject: false,
      env: { ...SUDO, PATH, LOGNAME: "root", USER: "root", ...options.env },
      input: options.input ?? "",
    });
  }
  /** The fixture as an argument, since that user may not be able to read this repository. */
  const fixture = (name: string, ...args: (string | number)[]) => {
    return ["/usr/bin/python3", "-c", readFileSync(join(ROOT, `test/fixtures/${name}.py`), "utf8"), ...args];
  };

  it("runs the command as the user behind sudo, once the trace is armed", async () => {
    const report = join(folder.path, "report.jsonl");
    const { stdout, stderr, exitCode } = await run(["--port", port, "--json", "--output", report, "--", ...fixture("tell-identity")]);
    const identity = JSON.parse(stdout) as Identity;
    expect(identity).toMatchObject({ uid: [5, 5, 5], gid: [60, 60, 60], groups: [60, EXTRA_GROUP] });
    expect(identity.env).toEqual({ HOME, USER: "games", LOGNAME: "games", PATH });
    const [session] = records(readFileSync(report, "utf8"));
    if (session?.type !== "session") throw new Error("the report does not begin with its session");
    expect(identity.began / 1e6).toBeGreaterThan(Date.parse(session.armedAt));
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("hands nothing of its own to the command: descriptors, priority, signals, rights, umask, folder", async () => {
    const inherited = fixture("tell-inheritance");
    const trace = join(folder.path, "trace.jsonl.gz");
    const alone = await execa("setpriv", ["--reuid=5", "--regid=60", "--clear-groups", ...inherited.map(String)], { cwd: ROOT, input: "" });
    const { stdout } = await run(["--port", port, "--save", trace, "--output", join(folder.path, "report"), "--", ...inherited]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(alone.stdout));
    expect(JSON.parse(stdout)).toMatchObject({ capabilities: [0, 0, 0, 0], signals: [0, expect.any(Number)] });
  });

  it("runs the command as it is where there is no user behind sudo", async () => {
    const env = { SUDO_USER: "", SUDO_UID: "", SUDO_GID: "", HOME: "/root" };
    const { stdout, exitCode } = await run(["--port", port, "--", ...fixture("tell-identity")], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      uid: [0, 0, 0],
      gid: [0, 0, 0],
      env: { HOME: "/root", USER: "root", LOGNAME: "root", PATH },
    });
    expect(exitCode).toBe(0);
  });

  it("keeps the command's stdin, stdout and stderr apart, and reports on stderr; what it does at once is seen", async () => {
    const input = "from stdin\n";
    const { stdout, stderr, exitCode } = await run(
      ["--port", port, "--", "sh", "-c", 'cat; exec "$@"', "sh", ...fixture("bind-twice", port, 3)],
      { input },
    );
    expect(stdout).toBe("from stdin\nstdout: Address already in use");
    const own = "stderr: Address already in use\n";
    expect(stderr).toContain(own);
    expect(stderr.replace(own, "")).toMatch(/^bindtrace: armed on .*\n✗ [\s\S]*could not bind [\s\S]*\nbindtrace: 1 refused, 1 explained$/);
    expect(exitCode).toBe(1);
  });

  it("--json has stdout for itself, and the command's stdout goes to stderr", async () => {
    const { stdout, stderr, exitCode } = await run(["--port", port, "--json", "--", ...fixture("bind-twice", port, 3)]);
    expect(records(stdout).map(({ type }) => type)).toEqual(["session", "failure", "release", "summary"]);
    expect(stderr.split("\n").sort()).toEqual(["stderr: Address already in use", "stdout: Address already in use"]);
    expect(exitCode).toBe(1);
  });

  it("what --save records belongs to the user behind sudo, and --output takes the report", async () => {
    const [trace, report] = [join(folder.path, "trace.jsonl.gz"), join(folder.path, "report.txt")];
    const { stdout, stderr } = await run(["--port", port, "--save", trace, "--output", report, "--", ...fixture("bind-twice", port, 0)]);
    for (const path of [trace, report]) {
      expect(statSync(path)).toMatchObject({ uid: 5, gid: 60 });
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    expect([stdout, stderr]).toEqual(["stdout: Address already in use", "stderr: Address already in use"]);
    expect((await bindtrace(["replay", trace])).stdout).toBe(readFileSync(report, "utf8").trimEnd());
  });

  it.each<[string, () => (string | number)[], number]>([
    ["the command's own code", () => fixture("bind-twice", port, 7), 7],
    ["128 and the number of the signal that ended it", () => ["sh", "-c", "kill -TERM $$"], 143],
  ])("--exit-code=child passes on %s", async (_, command, code) => {
    expect((await run(["--port", port, "--exit-code=child", "--", ...command()])).exitCode).toBe(code);
  });

  it("says so when the command cannot be started after all", async () => {
    const text = join(folder.path, "no-program");
    writeFileSync(text, "#!/no/such/interpreter\n", { mode: 0o755 });
    const env = { SUDO_USER: "", SUDO_UID: "", SUDO_GID: "" };
    const { stderr, exitCode } = await run(["--port", port, "--output", "/dev/null", "--", text], { env });
    expect(stderr).toMatch(/^bindtrace: .*no-program.*$/);
    expect(exitCode).toBe(2);
  });

  it("each of ten commands in a row that bind twice at once is seen", async () => {
    const report = join(folder.path, "report.jsonl");
    const loop = 'for i in 1 2 3 4 5 6 7 8 9 10; do "$@" || exit; done';
    await run(["--port", port, "--json", "--output", report, "--", "sh", "-c", loop, "sh", ...fixture("bind-twice", port, 0)]);
    const failures: FailureRecord[] = failuresIn(report);
    expect(failures.map(({ rule, confidence }) => [rule, confidence])).toEqual(Array(10).fill(["listening", "exact"]));
    expect(new Set(failures.map(({ binder }) => binder.pid)).size).toBe(10);
    expect(new Set(failures.map(({ binder }) => binder.processUid))).toEqual(new Set([5]));
  });
});
