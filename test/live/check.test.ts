import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CheckRecord } from "../../src/core/check-record.ts";
import { bindtrace, bindtraceAlone, CLI, liveProblem, ROOT, scratch } from "../helpers/cli.ts";
import { PORTS } from "../helpers/ports.ts";

const PORT = PORTS.check;
const USER = 5;

interface Bind {
  host?: string;
  protocol?: string;
  options?: string[];
  ipv6only?: boolean;
  device?: string;
  uid?: number;
}
type Order = [verb: string, ...rest: (string | number | Bind)[]];

/** A process in a network namespace of its own that does with sockets as it is told. */
class Lab {
  readonly #child;
  readonly #answers;

  constructor(setup = "true") {
    const script = `ip link set lo up && ${setup} && exec python3 test/fixtures/sockets-on-demand.py`;
    this.#child = execa("unshare", ["--net", "sh", "-c", script], { cwd: ROOT, reject: false });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Has it done; what the last of these came to. */
  async do(...orders: Order[]): Promise<string> {
    let answer = "";
    for (const order of orders) {
      this.#child.stdin.write(`${JSON.stringify(order)}\n`);
      answer = (await this.#answers.next()).value;
    }
    return answer;
  }

  async owner(name: string, bind: Bind, ...more: Order[]): Promise<void> {
    expect(await this.do(["open", name, bind], ["bind", name, PORT], ...more)).toBe("ok");
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#child;
  }
}

function argsOf({ host, protocol, options = [], ipv6only, device, uid }: Bind): string[] {
  return [
    ...(host === undefined ? [] : ["--host", host]),
    ...(protocol === undefined ? [] : ["--proto", protocol]),
    ...options.map((option) => `--${option.toLowerCase()}`),
    ...(ipv6only ? ["--v6only"] : []),
    ...(device === undefined ? [] : ["--device", device]),
    ...(uid === undefined ? [] : ["--user", String(uid)]),
  ];
}

const RA = ["REUSEADDR"];
const RP = ["REUSEPORT"];
const listen: Order = ["listen", "owner"];
const CODES = { passes: 0, refused: 1, unknown: 6 } as const;
/** Reads everything, wherever this repository lies, but is not root. */
const HUMBLE = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];

describe.skipIf(liveProblem !== null)("bindtrace check, and then the bind itself", () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.end());

  const checkAs = async (bind: Bind, port = PORT): Promise<CheckRecord> => {
    const { stdout, stderr, exitCode } = await bindtrace(["check", String(port), "--netns", String(lab.pid), "--json", ...argsOf(bind)]);
    expect(stderr).toBe("");
    const record: CheckRecord = JSON.parse(stdout);
    expect(exitCode).toBe(CODES[record.answer]);
    return record;
  };
  /** The same asked by somebody who may look at /proc only. */
  const asNobody = async (bind: Bind): Promise<CheckRecord> => {
    const inside = [`--net=/proc/${lab.pid}/ns/net`, "setpriv", ...HUMBLE, process.execPath, CLI];
    const { stdout } = await execa("nsenter", [...inside, "check", String(PORT), "--json", ...argsOf(bind)], { reject: false });
    return JSON.parse(stdout);
  };
  /** The real bind; its socket is closed again. */
  const bindNow = async (bind: Bind, port = PORT): Promise<string> => {
    await lab.do(["open", "binder", bind]);
    const came = await lab.do(["bind", "binder", port, bind.uid ?? 0]);
    await lab.do(["close", "binder"]);
    return came;
  };
  const answerTo = (came: string) => (came === "ok" ? { answer: "passes", errno: null } : { answer: "refused", errno: came });

  /** What root is told is what happens; what nobody is told is that, or that it is not known. */
  const agrees = async (bind: Bind, came: string): Promise<CheckRecord> => {
    const record = await checkAs(bind);
    const guess = await asNobody({ uid: 0, ...bind });
    expect(await bindNow(bind)).toBe(came);
    expect(record).toMatchObject({ ...answerTo(came), evidence: "bucket", walkComplete: true });
    expect(guess.evidence).toBe("proc");
    expect([answerTo(came).answer, "unknown"]).toContain(guess.answer);
    return record;
  };

  it.each<[string, Bind, Order[], Bind, string, string | null]>([
    ["a listener", {}, [listen], {}, "EADDRINUSE", "listening"],
    ["a listener on another address", { host: "127.0.0.1" }, [listen], { host: "127.0.0.2" }, "ok", null],
    ["a socket that is only bound", {}, [], {}, "EADDRINUSE", "bound"],
    ["SO_REUSEADDR on both, bound only", { options: RA }, [], { options: RA }, "ok", null],
    ["SO_REUSEADDR on both, listening", { options: RA }, [listen], { options: RA }, "EADDRINUSE", "reuseaddr-but-listening"],
    ["SO_REUSEPORT on both", { options: RP }, [listen], { options: RP, uid: 0 }, "ok", null],
    ["SO_REUSEPORT of another user", { options: RP, uid: USER }, [listen], { options: RP, uid: 0 }, "EADDRINUSE", "reuseport-other-user"],
    ["a dual-stack listener", { host: "::" }, [listen], {}, "EADDRINUSE", "listening"],
    ["an IPv6-only listener", { host: "::", ipv6only: true }, [listen], {}, "ok", null],
    ["IPv4 below a dual-stack bind", { host: "127.0.0.1" }, [listen], { host: "::" }, "EADDRINUSE", "listening"],
    ["IPv4 beside an IPv6-only bind", { host: "127.0.0.1" }, [listen], { host: "::", ipv6only: true }, "ok", null],
    ["a listener on a device", { device: "lo" }, [listen], {}, "EADDRINUSE", "listening"],
    ["UDP", { protocol: "udp" }, [], { protocol: "udp" }, "EADDRINUSE", "bound"],
    ["TCP beside UDP", { protocol: "udp" }, [], {}, "ok", null],
    ["UDP with SO_REUSEADDR on both", { protocol: "udp", options: RA }, [], { protocol: "udp", options: RA }, "ok", null],
  ])("%s", async (_, owner, more, binder, came, rule) => {
    await lab.owner("owner", owner, ...more);
    const record = await agrees(binder, came);
    expect(record.rule).toBe(rule);
    expect(record.owners.length).toBe(owner.protocol === binder.protocol ? 1 : 0);
    expect(record.owners.flatMap(({ holders }) => holders.map(({ pid }) => pid))).toEqual(record.owners.map(() => lab.pid));
    expect(record.blockers.map(({ rule }) => rule)).toEqual(rule === null ? [] : [rule]);
  });

  it("a port that nobody has", async () => {
    const record = await agrees({}, "ok");
    expect(record).toMatchObject({ owners: [], ownersCounted: 0, dualStack: { answer: "passes" } });
  });

  it("sockets of another network namespace do not count", async () => {
    const other = new Lab();
    try {
      await other.owner("owner", {}, listen);
      await agrees({}, "ok");
    } finally {
      await other.end();
    }
  });

  it("says when the default of many servers would be refused though 0.0.0.0 passes", async () => {
    await lab.owner("owner", { host: "::1" }, listen);
    const record = await agrees({}, "ok");
    expect(record.dualStack).toEqual({ answer: "refused", errno: "EADDRINUSE", rule: "listening", blockers: ["s1"] });
    expect(await bindNow({ host: "::" })).toBe("EADDRINUSE");
  });

  it("TIME_WAIT, with the time when it ends", async () => {
    await lab.owner("owner", { options: RA }, listen, ["pair", "owner", "client", "served"], ["timewait", "served", "client"]);
    await lab.do(["close", "owner"]);
    const record = await agrees({}, "EADDRINUSE");
    expect(record).toMatchObject({ rule: "time-wait-binder-lacks-reuseaddr", blockers: [{ state: "TIME_WAIT", holders: [] }] });
    const left = Date.parse(record.blockers[0]?.expiresAt ?? "") - Date.parse(record.at);
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThan(61_000);
    expect(record.advice.filter(({ wouldBind }) => wouldBind).map(({ code }) => code)).toContain("reuseaddr-on-binder");
    await agrees({ options: RA }, "ok");
  });

  it("UDP passes or not by the order in which the kernel meets the sockets", async () => {
    const udp = { protocol: "udp" };
    const binder = { ...udp, options: RP, uid: 0 };
    await lab.owner("plain", { ...udp, host: "127.0.0.1" });
    await lab.owner("shares", { ...udp, host: "127.0.0.2", options: RP });
    await agrees(binder, "ok");
    await lab.do(["close", "plain"]);
    await lab.owner("plain", { ...udp, host: "127.0.0.1" });
    expect((await agrees(binder, "EADDRINUSE")).rule).toBe("owner-lacks-reuseport");
  });

  it("does not say that a bind is refused which the kernel's own note lets pass", async () => {
    await lab.owner("owner", { options: RA });
    await lab.owner("passing", { options: [...RA, ...RP] }, ["close", "passing"]);
    const record = await checkAs({ options: RP, uid: 0 });
    expect(record).toMatchObject({ answer: "unknown", rule: null, errno: null });
    expect(record.reasons.join()).toContain("note of an earlier bind");
    expect(await bindNow({ options: RP })).toBe("ok");
  });

  it("an MPTCP listener, where the kernel has it", async () => {
    if ((await lab.do(["open", "owner", { protocol: "mptcp" }])) !== "ok") return;
    await lab.do(["bind", "owner", PORT], listen);
    expect((await agrees({}, "EADDRINUSE")).blockers).toMatchObject([{ protocol: "mptcp", state: "LISTEN", holders: [{ pid: lab.pid }] }]);
  });

  it("is not sure where there are more connections than it can look at, unless one that it saw refuses or /proc has the listener", async () => {
    await lab.owner("owner", { host: "127.0.0.1", options: RA }, listen);
    for (let at = 0; at < 80; at++) await lab.do(["pair", "owner", `client${at}`, `served${at}`]);
    const plain = await checkAs({ host: "127.0.0.1" });
    expect(plain).toMatchObject({ answer: "refused", errno: "EADDRINUSE", walkComplete: false });
    const listener = { state: "LISTEN", reuseAddr: null, holders: [{ pid: lab.pid }] };
    const sharing = await checkAs({ host: "127.0.0.1", options: RA });
    expect(sharing).toMatchObject({ answer: "refused", rule: null, walkComplete: false, blockers: [listener] });
    expect(await bindNow({ host: "127.0.0.1", options: RA })).toBe("EADDRINUSE");
    expect(await checkAs({ host: "127.0.0.2" })).toMatchObject({ answer: "unknown", walkComplete: false, blockers: [] });
  });

  it.each<[string, Bind, number, string]>([
    ["a port for root alone", { uid: USER }, 80, "EACCES"],
    ["an address of another machine", { host: "192.0.2.7" }, PORT, "EADDRNOTAVAIL"],
    ["an IPv6 address of another machine", { host: "2001:db8::7" }, PORT, "EADDRNOTAVAIL"],
    ["an IPv4 address of an IPv6-only socket", { host: "::ffff:127.0.0.1", ipv6only: true }, PORT, "EINVAL"],
    ["any address of 127.0.0.0/8", { host: "127.9.9.9" }, PORT, "ok"],
    ["an IPv4 address of a dual-stack socket", { host: "::ffff:127.0.0.1" }, PORT, "ok"],
  ])("%s", async (_, bind, port, came) => {
    const record = await checkAs(bind, port);
    expect(await bindNow(bind, port)).toBe(came);
    expect(record).toMatchObject({ ...answerTo(came), rule: came === "ok" ? null : "not-a-conflict" });
  });
});

describe.skipIf(liveProblem !== null)("bindtrace check", () => {
  let folder: ReturnType<typeof scratch>;
  beforeEach(() => {
    folder = scratch();
  });
  afterEach(() => folder.remove());

  it("enters a network namespace by the path that ip netns gives it", async () => {
    const name = `bindtrace-test-${process.pid}`;
    await execa("ip", ["netns", "add", name]);
    try {
      const { stdout } = await bindtrace(["check", String(PORT), "--netns", `/run/netns/${name}`, "--json"]);
      const id = (await execa("stat", ["-Lc", "%i", `/run/netns/${name}`])).stdout;
      expect(JSON.parse(stdout)).toMatchObject({ answer: "passes", netns: Number(id) });
    } finally {
      await execa("ip", ["netns", "delete", name]);
    }
  });

  it("binds nothing, as bindtrace itself can tell", async () => {
    const saved = join(folder.path, "trace.jsonl");
    const command = (...args: string[]) => ["--port", String(PORT), "--save", saved, "--force", "--output", "/dev/null", "--", ...args];
    const seen = () => {
      const [, ...lines] = readFileSync(saved, "utf8").trimEnd().split("\n");
      const calls = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "bind" || type === "listen");
      return calls.filter(({ requested, socket }) => (requested ?? socket).port === PORT).map(({ type }) => type);
    };
    await bindtraceAlone(command("python3", "test/fixtures/bind-twice.py", String(PORT), "0"));
    expect(seen()).toEqual(["bind", "listen", "bind"]);
    const { stdout } = await bindtraceAlone(command(process.execPath, CLI, "check", String(PORT)));
    expect(stdout).toContain("would pass");
    expect(seen()).toEqual([]);
  });
});
