import { chmodSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasTracefs } from "../../src/probe/rights.ts";
import { liveProblem, ROOT, scratch } from "../helpers/cli.ts";
import { pack, workshop } from "../helpers/package.ts";
import { PORTS } from "../helpers/ports.ts";

const PORT = PORTS.installedSudo;

const hasSudo = existsSync("/usr/bin/sudo");
if (!hasSudo) console.log("what is said about sudo is not tried with it: not installed");

/** How the sentence begins; tracefs decides which capabilities it names. */
const REFUSED = `bindtrace: tracing needs root (replay does not), and this is uid 5 without ${hasTracefs() ? "CAP_BPF and CAP_PERFMON" : "CAP_SYS_ADMIN"}`;

describe.skipIf(liveProblem !== null || !hasSudo)("what bindtrace says to run, where root is missing, with the real sudo", () => {
  let folder: ReturnType<typeof scratch>;
  let prefix: string;
  let links: string;
  beforeAll(async () => {
    folder = scratch();
    prefix = join(folder.path, "nvm");
    links = join(folder.path, "sbin");
    // Another user has to get in.
    chmodSync(folder.path, 0o755);
    mkdirSync(links);
    const shop = await workshop(folder.path);
    const { tarball } = await pack(shop);
    await shop.npm(["install", "--global", "--prefix", prefix, tarball]);
  }, 60_000);
  afterAll(() => folder.remove());

  /** The sentence and the exit code of the user's own call, and what came of the command in it. */
  async function tryAs(node: string, words: readonly string[]) {
    const sandbox = ["sh", join(ROOT, "test/fixtures/sudo-sandbox.sh"), folder.path, node, links, ...words];
    const { stdout, stderr } = await execa("unshare", ["--mount", "--net", ...sandbox]);
    expect(stderr).toBe("");
    const [said = "", code = "", ...rest] = stdout.split("\n");
    return { said, code, rest };
  }

  const port = ["--port", String(PORT)];
  const bindsTwice = [
    "--",
    "python3",
    "-c",
    `from socket import *; a = socket(); b = socket(); a.bind(('', ${PORT})); b.bind(('', ${PORT}))`,
  ];

  it("keeps the PATH in which node and bindtrace are, where sudo's own has neither", async () => {
    const { said, code, rest } = await tryAs(process.execPath, [...port, ...bindsTwice]);
    const command = `bindtrace --port ${PORT} -- python3 -c '${bindsTwice[3]?.replaceAll("'", "'\\''")}'`;
    expect(said).toBe(`${REFUSED}: run sudo env "PATH=$PATH" ${command}`);
    expect(code).toBe("code 3");
    expect(rest[0]).toMatch(new RegExp(`^bindtrace: armed on ${PORT} `));
    expect(rest.join("\n")).toMatch(/\nbindtrace: 1 refused, 1 explained\ncode 1$/);
  });

  const isWhereSudoLooks = ["/usr/local/bin", "/usr/bin"].includes(dirname(process.execPath));
  it.skipIf(!isWhereSudoLooks)("is sudo alone where that finds both", async () => {
    symlinkSync(join(prefix, "lib/node_modules/bindtrace/dist/cli.js"), join(links, "bindtrace"));
    const words = [...port, "--hooks", "tracepoint", "--print-program"];
    const { said, code, rest } = await tryAs("-", words);
    expect(said).toBe(`${REFUSED}: run sudo bindtrace ${words.join(" ")}`);
    expect(code).toBe("code 3");
    expect(rest).toContain("tracepoint:syscalls:sys_enter_bind {");
  });
});
