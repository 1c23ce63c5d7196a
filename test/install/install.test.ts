import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { liveProblem, ROOT, records, scratch } from "../helpers/cli.ts";
import { filesIn, nodeBinaries, type Packed, pack, SYSTEM_PATH, type Workshop, workshop } from "../helpers/package.ts";
import { PORTS } from "../helpers/ports.ts";

const PORT = String(PORTS.installed);
const SAMPLE = join(ROOT, "samples/cluster-restart");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
const binaries = await nodeBinaries();
const absent = [22, 24, 26].filter((major) => !binaries.some((binary) => binary.version.startsWith(`v${major}.`)));
if (absent.length > 0) console.log(`not installed under Node ${absent.join(", ")}: make programs brings them`);

let folder: ReturnType<typeof scratch>;
let shop: Workshop;
let packed: Packed;
const prefixOf = (major: string) => join(folder.path, major);

beforeAll(async () => {
  folder = scratch();
  shop = await workshop(folder.path);
  packed = await pack(shop);
  const installs = binaries.map((node) =>
    shop.npm(["install", "--global", "--prefix", prefixOf(node.version), packed.tarball], node.folder),
  );
  await Promise.all(installs);
}, 120_000);
afterAll(() => folder.remove());

describe("the package", () => {
  it("has what it needs, and nothing else", () => {
    const sources = packed.files.filter((file) => file.startsWith("dist/")).map((file) => file.replace(/^dist\/(.*)\.js$/, "src/$1.ts"));
    expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
    const rest = packed.files.filter((file) => !/^dist\/|^bpf\/.*\.bt$|^schemas\/.*\.json$/.test(file));
    expect(rest.sort()).toEqual(["LICENSE", "README.md", "man/bindtrace.1", "package.json"]);
  });

  it("is below 500 kB", () => expect(packed.size).toBeLessThan(500_000));
});

describe.each(binaries)("installed under Node $version", (node) => {
  let prefix = "";
  let path = "";
  beforeAll(() => {
    prefix = prefixOf(node.version);
    path = `${join(prefix, "bin")}:${node.folder}:${SYSTEM_PATH}`;
  });
  /** From another folder than any that it was built, packed or installed in. */
  const run = (args: readonly string[], PATH = path) => execa("bindtrace", args, { cwd: "/", env: { PATH }, reject: false });

  it("says its version, also through a link elsewhere in PATH", async () => {
    const links = join(folder.path, `links-${node.version}`);
    mkdirSync(links);
    symlinkSync(join(prefix, "bin/bindtrace"), join(links, "bindtrace"));
    for (const PATH of [path, `${links}:${node.folder}:${SYSTEM_PATH}`]) {
      expect(await run(["--version"], PATH)).toMatchObject({ stdout: version, stderr: "", exitCode: 0 });
    }
  });

  it("replays a sample", async () => {
    const { stdout, stderr, exitCode } = await run(["replay", join(SAMPLE, "trace.jsonl")]);
    expect(`${stdout}\n`).toBe(readFileSync(join(SAMPLE, "report.txt"), "utf8"));
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });
  });

  it("looks at the machine", async () => {
    const { stdout, stderr, exitCode } = await run(["doctor"]);
    expect(stdout).toMatch(/^bindtrace: live tracing (works|does not work) here: /m);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: liveProblem === null ? 0 : 4 });
  });

  it.skipIf(liveProblem !== null)("traces", async () => {
    const bindsTwice = ["/usr/bin/python3", join(ROOT, "test/fixtures/bind-twice.py"), PORT, "0"];
    const alone = ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
    const args = ["bindtrace", "--port", PORT, "--json", "--", ...bindsTwice];
    const { stdout, stderr, exitCode } = await execa("unshare", [...alone, ...args], { cwd: "/", env: { PATH: path }, reject: false });
    // What is found of the holders later comes on a line of its own.
    const types = records(stdout).map(({ type }) => type);
    expect(types.filter((type) => type !== "holders")).toEqual(["session", "failure", "release", "summary"]);
    expect(stderr.split("\n").sort()).toEqual(["stderr: Address already in use", "stdout: Address already in use"]);
    expect(exitCode).toBe(1);
  });

  it.skipIf(!existsSync("/usr/bin/man"))("is found by man", async () => {
    const { stdout } = await execa("man", ["--where", "bindtrace"], { env: { PATH: path } });
    expect(stdout).toBe(join(prefix, "lib/node_modules/bindtrace/man/bindtrace.1"));
  });

  it("leaves nothing behind when it is removed", async () => {
    expect(filesIn(prefix)).toEqual(expect.arrayContaining(["bin/bindtrace", "share/man/man1/bindtrace.1"]));
    await shop.npm(["uninstall", "--global", "--prefix", prefix, "bindtrace"], node.folder);
    expect(filesIn(prefix)).toEqual([]);
  });
});

it("runs by npx without being installed", async () => {
  expect(await shop.npm(["exec", "--yes", "--package", packed.tarball, "--", "bindtrace", "--version"])).toBe(version);
});
