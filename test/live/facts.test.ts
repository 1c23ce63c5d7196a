import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bindtrace, bindtraceAlone, CLI, failuresIn, liveProblem, ROOT, records, scratch } from "../helpers/cli.ts";
import { PORTS } from "../helpers/ports.ts";

/** Facts about kernel and bpftrace that a tracer gets wrong, each on a real kernel. */
const PORT = String(PORTS.facts);

describe.skipIf(liveProblem !== null)("facts that bite", () => {
  let folder: ReturnType<typeof scratch>;
  let json = "";
  beforeEach(() => {
    folder = scratch();
    json = join(folder.path, "report.jsonl");
  });
  afterEach(() => folder.remove());

  const fixture = (name: string, ...args: string[]) => ["python3", `test/fixtures/${name}.py`, ...args];
  const trace = (...command: string[]) => bindtraceAlone(["--port", PORT, "--json", "--output", json, "--", ...command]);
  const all = () => records(readFileSync(json, "utf8"));

  it("leaves a taken AF_UNIX address alone", async () => {
    const run = await bindtraceAlone(["--netns", "self", "--json", "--output", json, "--", ...fixture("unix-refused")]);
    expect(run.stdout).toBe("98");
    expect(failuresIn(json)).toEqual([]);
    expect(run.exitCode).toBe(0);
  });

  it("reads a sockaddr whose page was not resident at entry", async () => {
    const run = await trace(...fixture("cold-sockaddr", PORT));
    expect(run.stdout).toBe("bound\nAddress already in use");
    expect(failuresIn(json)).toMatchObject([{ address: "127.0.0.1", port: Number(PORT), rule: "bound", confidence: "exact" }]);
  });

  it("finds the owners of a UDP port in a network namespace that has a table of its own", async () => {
    const own = `test -w $entries || exec echo none; echo 64 >$entries; exec unshare --net sh -c '
      ip link set lo up; cat /proc/sys/net/ipv4/udp_hash_entries; exec python3 test/lab/situations/udp-same-address.py ${PORT}'`;
    const run = await trace("sh", "-c", `entries=/proc/sys/net/ipv4/udp_child_hash_entries; ${own}`);
    // Before 6.2 there is one table for all; a negative number of entries means that one.
    if (run.stdout === "none") return;
    const [entries, truth] = run.stdout.split("\n");
    expect(Number(entries)).toBeGreaterThan(0);
    const { pid, blockers } = JSON.parse(truth ?? "");
    expect(failuresIn(json)).toMatchObject([
      { rule: "bound", confidence: "exact", binder: { pid }, blockers: [{ inode: blockers[0].inode }] },
    ]);
    expect(run.exitCode).toBe(1);
  });

  it("knows a bound socket that was there before, in another network namespace", async () => {
    const holder = execa("unshare", ["--net", "sh", "-c", `ip link set lo up && exec python3 test/fixtures/bound-before.py ${PORT}`], {
      cwd: ROOT,
      reject: false,
    });
    try {
      const said = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
      const inode = Number((await said.next()).value);
      const tracer = execa(process.execPath, [CLI, "--port", PORT, "--json", "--until-failure"], { cwd: ROOT, reject: false });
      const lines = createInterface({ input: tracer.stdout })[Symbol.asyncIterator]();
      expect(JSON.parse((await lines.next()).value)).toMatchObject({ type: "session" });
      holder.stdin.write("\n");
      const failure = JSON.parse((await lines.next()).value);
      expect(failure).toMatchObject({
        type: "failure",
        rule: "bound",
        confidence: "exact",
        blockers: [{ inode, state: "BOUND", boundAt: null, decisive: true, holders: [{ pid: failure.binder.pid }] }],
      });
      expect(failure.blockers[0].seenAt < failure.enteredAt).toBe(true);
      expect((await tracer).exitCode).toBe(1);
    } finally {
      holder.stdin.end("\n");
      await holder;
    }
  });

  it("says when a walk was cut, and names the listener that the events knew", async () => {
    const run = await trace(...fixture("many-connections", PORT, "150"));
    const [failure] = failuresIn(json);
    expect(failure).toMatchObject({ walkComplete: false, confidence: "inferred", rule: "listening" });
    expect(failure?.blockers[0]).toMatchObject({ state: "LISTEN", inode: Number(run.stdout) });
    expect(failure?.ownersCounted).toBeGreaterThanOrEqual(64);
  });

  it("takes the end of TIME_WAIT from its timer and from another look", async () => {
    const run = await trace(...fixture("fin-wait2", PORT, "2"));
    const failures = failuresIn(json);
    expect(failures).toHaveLength(Number(run.stdout));
    expect(failures[0]).toMatchObject({
      rule: "time-wait-binder-lacks-reuseaddr",
      blockers: [{ state: "TIME_WAIT", substate: "FIN_WAIT2" }],
    });
    const expires = Date.parse(failures[0]?.blockers[0]?.expiresAt ?? "") - Date.parse(failures[0]?.at ?? "");
    expect(expires).toBeGreaterThan(1500);
    expect(expires).toBeLessThan(2500);
    const releases = all().filter(({ type }) => type === "release");
    expect(releases).toHaveLength(failures.length);
    expect(releases[0]).toMatchObject({ failure: "f1", via: "time-wait-expired", precision: "estimated", by: null });
  });

  it("records an option that was set after the bind", async () => {
    const saved = join(folder.path, "trace.jsonl");
    await bindtraceAlone(["--port", PORT, "--save", saved, "--output", "/dev/null", "--", ...fixture("option-after-bind", PORT)]);
    const events = readFileSync(saved, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === "option")).toMatchObject([{ option: "SO_REUSEPORT", errno: null, reusePort: true }]);
    expect(events.find(({ type }) => type === "listen").socket).toMatchObject({ reusePort: true, group: { size: 1 } });
    const replayed = await bindtrace(["replay", saved]);
    expect(replayed.stdout).toContain("set SO_REUSEPORT on s1");
  });

  it("emits nothing for ports outside the filter, but what becomes of the command's processes", async () => {
    const saved = join(folder.path, "trace.jsonl");
    await bindtraceAlone(["--port", "1", "--save", saved, "--output", "/dev/null", "--", ...fixture("option-after-bind", PORT)]);
    const types = readFileSync(saved, "utf8")
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line).type);
    expect(types.filter((type) => !["fork", "exec", "exit"].includes(type))).toEqual(["command", "end"]);
  });
});
