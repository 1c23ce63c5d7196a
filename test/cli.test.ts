import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEvent, encodeHeader } from "../src/trace/codec.ts";
import { bindtrace, CLI, ROOT, scratch } from "./helpers/cli.ts";
import { close, destroy, end, exit, facts, header, holders, MS, refused, seed } from "./helpers/events.ts";

/** A small trace: a bind is refused, then the listener goes. */
const owner = facts();
const attempt = refused([owner], { t: 10 * MS });
const events = [seed(owner), attempt, holders(12 * MS, attempt), close(20 * MS), destroy(20 * MS + 5), exit(21 * MS), end(30 * MS)];
const lines = [encodeHeader(header()), ...events.map((event, index) => encodeEvent(event, index + 1))].map((line) => line.trimEnd());
const sample = `${lines.join("\n")}\n`;
/** Index of the line after which the failure can be told: its holders. */
const told = 3;
const HEAD = "node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)";
/** What a replay of the whole trace shows, and the block of that at which live tracing had arrived when the line `told` was written. */
let golden: string;
let block: string;

let folder: ReturnType<typeof scratch>;
beforeAll(async () => {
  folder = scratch();
  // Others may read it too: some cases run as another user.
  chmodSync(folder.path, 0o755);
  golden = (await bindtrace(["replay", file("sample.jsonl", sample)])).stdout;
  block = golden.slice(golden.indexOf(HEAD), golden.indexOf("\n  released"));
});
afterAll(() => folder.remove());

/** A file in the scratch folder. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
}

interface Ended {
  exitCode?: number | undefined;
  stdout: string;
  stderr: string;
}

/** What a bad input must give: this code, nothing on stdout, and one line on stderr that says this. */
async function refuses(run: PromiseLike<Ended>, code: number, sentence: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await run;
  expect(stderr).toMatch(/^bindtrace: \S.*$/);
  expect(stderr).toMatch(sentence);
  expect(stdout).toBe("");
  expect(exitCode).toBe(code);
}

describe.concurrent("a command line that cannot be meant", () => {
  it.each<[string[], RegExp]>([
    [["--port", "0"], /\b0 is not a port.* 1 to 65535/],
    [["--port", "70000"], /70000 is not a port.* 1 to 65535/],
    [["--port", "abc"], /'abc' is not a port.*such as 8080/],
    [["--port", "9000-80"], /9000-80 runs backwards.* 80-9000/],
    [["--port", ""], /'' is not a port.*such as 8080/],
    [["--port", "8080,"], /'' is not a port/],
    [["--port", "8080-"], /'8080-' is not a port/],
    [["--port", "-5"], /'-5' is not a port/],
    [["--port", "1e3"], /'1e3' is not a port/],
    [["--port", "8080", "--port", "0"], /\b0 is not a port/],
    [["--port"], /--port needs a value: -p, --port <ports>$/],
    [["replay", "x", "--pid"], /--pid needs a value: --pid <pid>$/],
    [["--prot", "80"], /unknown option '--prot'.*--port/],
    [["--until-failur"], /unknown option '--until-failur'.*--until-failure/],
    [["replay", "x", "--colour", "never"], /unknown option '--colour'.*--color/],
    [["--zzzzz"], /unknown option '--zzzzz': bindtrace --help lists all$/],
    [["replay", "x", "--zzzzz"], /unknown option '--zzzzz': bindtrace replay --help lists all$/],
    [["replay", "--hlep"], /unknown option '--hlep': did you mean --help\?$/],
    [["repaly", "x"], /unknown command 'repaly': did you mean replay\?$/],
    [["nonsense"], /unknown command 'nonsense': the commands are replay, check, /],
    [["help", "repaly"], /unknown command 'repaly': did you mean replay\?$/],
    [["help", "a", "b"], /too many arguments: help takes <command> alone, so leave out 'b'$/],
    [["a\u001b[31m\nb"], /unknown command 'a\\x1b\[31m\\x0ab'/],
    [["env", "start"], /'env': to run it under the trace, write -- before it, as in bindtrace -- env start$/],
    [["--port", "80", "env", "a b"], /'env': to run it under the trace, write -- before it, as in bindtrace -- env 'a b'$/],
    [["env", "--watch"], /unknown option '--watch': to run it .* write -- before it, as in bindtrace -- env --watch$/],
    [["replay", "a", "b"], /too many arguments: replay takes <trace> alone, so leave out 'b'$/],
    [["replay", "a", "--", "b"], /replay runs no command: leave out -- and 'b'$/],
    [["replay"], /replay needs a <trace>: file made by --save, plain or gzip$/],
    [["completion"], /completion needs a <shell>: .*bash, zsh, fish$/],
    [["completion", "--", "b"], /completion needs a <shell>/],
    [["completion", "bash", "--", "b"], /completion runs no command: leave out -- and 'b'$/],
    [["help", "--", "b"], /help runs no command: leave out -- and 'b'$/],
    [["--"], /no command follows --/],
    [["--port", "8080", "--"], /no command follows --/],
    [["--", "no-such-command"], /command no-such-command was not found/],
    [["--", "./no/such/command"], /command \.\/no\/such\/command was not found/],
    [["--", "/tmp"], /\/tmp is a folder|\/tmp was not found/],
    [["--width", "3"], /3 columns are too few.* 40/],
    [["replay", "x", "--width", "3"], /3 columns are too few.* 40/],
    [["--width", "wide"], /--width.*'wide'|'wide'.*--width/],
    [["--pid", "x"], /--pid.*'x'|'x'.*--pid/],
    [["--duration", "long"], /'long' is not a time.*30s/],
    [["--color", "blue"], /--color.*auto, always, never/],
    [["--proto", "sctp"], /--proto.*tcp, udp/],
    [["--exit-code", "mine"], /--exit-code.*verdict, child/],
    [["--hooks", "uprobe"], /--hooks uprobe: did you mean kprobe\? allowed are auto, kernel, fentry, kprobe, tracepoint$/],
    [["--hooks", "everything"], /--hooks everything: allowed are auto, kernel, fentry, kprobe, tracepoint$/],
    [["--without-probe", "inet_bind_conflct"], /--without-probe inet_bind_conflct: did you mean inet_bind_conflict\?$/],
    [["--without-probe", "ksys_read"], /--without-probe ksys_read: allowed are inet_csk_bind_conflict, .*, inet_twsk_bind_unhash$/],
    [["--netns", "/nowhere"], /\/nowhere leads to no network namespace/],
    [["--netns", "/etc/passwd"], /\/etc\/passwd leads to no network namespace/],
  ])("bindtrace %j", async (args, sentence) => {
    await refuses(bindtrace(args), 2, sentence);
  });

  it("hints at sudo's own PATH where a command is not found under sudo", async () => {
    await refuses(
      bindtrace(["--", "no-such-command"], { env: { SUDO_USER: "games" } }),
      2,
      /no-such-command was not found.*sudo.*full path/,
    );
  });
});

describe.concurrent("help and version", () => {
  it.each([[["--help"]], [["-h"]], [["help"]]])("bindtrace %j is on stdout", async (args) => {
    const { exitCode, stdout, stderr } = await bindtrace(args);
    expect(stdout).toMatch(/^Usage: bindtrace \[options\] \[-- command\.\.\.\]\n/);
    expect(stdout).toBe((await bindtrace(["--help"])).stdout);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  it.each([
    [["--help"], 0],
    [["--version"], 0],
    [["help", "replay"], 0],
    [["completion", "bash"], 0],
    [["--nonsense"], 2],
  ])("bindtrace %j says no more when its reader has gone", async (args, code) => {
    const run = bindtrace(args);
    run.stdout.destroy();
    run.stderr.destroy();
    const { exitCode, signal } = await run;
    expect({ exitCode, signal }).toEqual({ exitCode: code, signal: undefined });
  });

  it.each([["--help"], ["completion zsh"]])("bindtrace %s says so when it cannot be written", async (args) => {
    await refuses(
      execa("sh", ["-c", `"$0" "$1" ${args} >/dev/full`, process.execPath, CLI], { reject: false }),
      5,
      /cannot write the (help|script) to standard output: .*(ENOSPC|no space)/,
    );
  });

  it.each([[["--version"]], [["-V"]]])("bindtrace %j", async (args) => {
    const { exitCode, stdout, stderr } = await bindtrace(args);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: version, stderr: "" });
  });
});

describe.concurrent("replay of a trace that is good", () => {
  it("shows the refusal, who holds the port, and its release", () => {
    expect(block).toContain("node[10] through fd 18: node server.js");
    expect(golden).toMatch(/\n {2}released {4}s1 at .* 10 ms after the refusal, when node\[10\]\s+closed\s+it\n/);
    expect(golden).toMatch(/\nbindtrace: 1 refused, 1 explained$/);
  });

  it.each<[string, string | Uint8Array]>([
    ["plain.jsonl", sample],
    ["packed.jsonl.gz", gzipSync(sample)],
    ["packed-under-a-plain-name.jsonl", gzipSync(sample)],
    ["carriage-returns.jsonl", sample.replaceAll("\n", "\r\n")],
    ["last-line-without-end.jsonl", sample.trimEnd()],
  ])("%s", async (name, content) => {
    const { exitCode, stdout, stderr } = await bindtrace(["replay", file(name, content)]);
    expect(stdout).toBe(golden);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it.each<[string, string | Uint8Array]>([
    ["plain", sample],
    ["gzip", gzipSync(sample)],
  ])("from standard input: %s", async (_, input) => {
    const { exitCode, stdout, stderr } = await bindtrace(["replay", "-"], { input });
    expect(stdout).toBe(golden);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  it("filters by port", async () => {
    const { exitCode, stdout } = await bindtrace(["replay", join(folder.path, "sample.jsonl"), "--port", "9000"]);
    expect(stdout).not.toContain("could not bind");
    expect(stdout).toContain("no bind was refused");
    expect(exitCode).toBe(0);
  });

  it("says no more when its reader has gone", async () => {
    const run = bindtrace(["replay", join(folder.path, "sample.jsonl")]);
    run.stdout.destroy();
    const { exitCode, stderr, signal } = await run;
    expect({ exitCode, stderr, signal }).toEqual({ exitCode: 1, stderr: "", signal: undefined });
  });

  it("says so when its report cannot be written", async () => {
    const onto = ["-c", 'exec "$@" >/dev/full', "sh", process.execPath, CLI, "replay", join(folder.path, "sample.jsonl")];
    await refuses(execa("sh", onto, { reject: false }), 5, /cannot write the report.*(ENOSPC|no space)/);
    const args = ["replay", join(folder.path, "sample.jsonl"), "--output"];
    await refuses(bindtrace([...args, "/dev/full"]), 5, /cannot write the report.*(ENOSPC|no space)/);
    await refuses(bindtrace([...args, "/no/such/folder/x"]), 2, /the folder of \/no\/such\/folder\/x does not exist/);
    await refuses(bindtrace([...args, folder.path]), 2, /is a folder: name a file in it/);
  });
});

describe.concurrent("replay of what is no good trace", () => {
  it("a file that does not exist", () => refuses(bindtrace(["replay", "/no/such/trace"]), 2, /\/no\/such\/trace does not exist/));
  it("a folder", () => refuses(bindtrace(["replay", "/tmp"]), 2, /\/tmp is a folder/));
  it("an empty file", () => refuses(bindtrace(["replay", file("empty", "")]), 5, /is empty/));
  it("an empty gzip file", () => refuses(bindtrace(["replay", file("empty.gz", gzipSync(""))]), 5, /is empty/));
  it("empty standard input", () => refuses(bindtrace(["replay", "-"], { input: "" }), 5, /standard input is empty/));
  it("text", () => refuses(bindtrace(["replay", file("text", "hello\nworld\n")]), 5, /is not a bindtrace trace.*--save/));
  it("other JSON", () => refuses(bindtrace(["replay", file("json", '{"a":1}\n')]), 5, /is not a bindtrace trace/));
  it("bytes", () => refuses(bindtrace(["replay", file("bytes", Buffer.from([0xff, 0, 0x1b, 10, 7]))]), 5, /is not a bindtrace trace/));
  it("the start of a gzip file", () =>
    refuses(bindtrace(["replay", file("head.gz", gzipSync(sample).subarray(0, 5))]), 5, /damaged|empty/));
  it("a trace without its first line", () =>
    refuses(bindtrace(["replay", file("headless", lines.slice(1).join("\n"))]), 5, /is not a bindtrace trace/));
  it("a trace of a newer version", () =>
    refuses(bindtrace(["replay", file("newer", sample.replace('"version":1', '"version":2'))]), 5, /newer bindtrace.*update bindtrace/));

  it.skipIf(process.geteuid?.() !== 0)("a file that this user may not read", async () => {
    const secret = file("secret", sample);
    chownSync(secret, 65534, 65534);
    chmodSync(secret, 0o600);
    // Root without the right to pass by permissions, since another user may not be able to read this repository.
    const humble = ["--bounding-set=-dac_override,-dac_read_search", process.execPath, CLI, "replay", secret];
    await refuses(execa("setpriv", humble, { reject: false }), 2, /cannot read .*secret/);
  });

  it("tells of lines that are damaged, and shows the rest", async () => {
    const torn = lines.map((line, index) => (index === told + 1 ? line.slice(0, 30) : line)).join("\n");
    const { exitCode, stdout, stderr } = await bindtrace(["replay", file("torn", `${torn}\n`)]);
    expect(stdout).toContain(block);
    expect(stderr).toMatch(/^bindtrace: 1 line of the trace is damaged and was left out$/);
    expect(exitCode).toBe(5);
  });

  it("counts the events that a newer bindtrace wrote", async () => {
    const newer = [...lines.slice(0, -1), '{"n":99,"type":"dream","t":1}', lines.at(-1)].join("\n");
    const { exitCode, stdout, stderr } = await bindtrace(["replay", file("dream", newer)]);
    expect(stdout).toBe(golden);
    expect(stderr).toMatch(/^bindtrace: 1 event of type 'dream' is unknown to this version.*$/);
    expect(exitCode).toBe(1);
  });

  // As --save writes it: what came before the failure was told, and that, is flushed; more follows.
  const flushed = gzipSync(`${lines.slice(0, told + 1).join("\n")}\n`);
  const more = gzipSync(`${lines.slice(told + 1).join("\n")}\n`);
  const noise = Buffer.alloc(20, 0xff);
  it.each<[string, Uint8Array[], RegExp, number]>([
    ["cut at a flush", [flushed], /the trace was cut/, 1],
    ["cut elsewhere", [flushed, more.subarray(0, 60)], /the trace was cut/, 1],
    ["damaged at a flush", [flushed, noise, more], /the trace is damaged/, 5],
    ["damaged elsewhere", [flushed, more.subarray(0, 20), noise, more.subarray(40)], /the trace is damaged/, 5],
  ])("shows what came before where a gzip file is %s", async (name, parts, sentence, code) => {
    const { exitCode, stdout, stderr } = await bindtrace(["replay", file(`${name}.gz`, Buffer.concat(parts))]);
    expect(stdout).toContain(block);
    expect(stdout).toMatch(/\nbindtrace: 1 refused, 1 explained$/);
    expect(stderr).toMatch(/^bindtrace: \S.*$/);
    expect(stderr).toMatch(sentence);
    expect(exitCode).toBe(code);
  });

  it.each<[string, number, number]>([
    ["after the failure", told + 1, 1],
    ["before the failure", 2, 0],
    ["after the header", 1, 0],
  ])("says that a plain trace was cut, and exits by content: %s", async (name, count, code) => {
    const whole = `${lines.slice(0, count).join("\n")}\n`;
    for (const text of [whole, `${whole}${lines[count]?.slice(0, 25)}`]) {
      const { exitCode, stdout, stderr } = await bindtrace(["replay", file(name, text)]);
      expect(stdout.includes(HEAD)).toBe(code === 1);
      expect(stderr).toMatch(/^bindtrace: the trace was cut.*$/);
      expect(exitCode).toBe(code);
    }
  });
});

describe.concurrent("colour", () => {
  const ESCAPE = "\u001b[";
  const CODES = new RegExp(`${ESCAPE.replace("[", "\\[")}\\d+m`, "g");
  const args = () => ["replay", join(folder.path, "sample.jsonl")];
  /** The same with a terminal as stdout, which util-linux script makes. */
  const onTerminal = (options: string[], env: Record<string, string>) =>
    execa("script", ["-qec", [process.execPath, CLI, ...args(), ...options].join(" "), "/dev/null"], {
      reject: false,
      env: { TERM: "xterm", NO_COLOR: undefined, ...env },
    });

  it("is left out by itself where stdout is no terminal, whatever FORCE_COLOR says", async () => {
    for (const options of [[], ["--color", "auto"], ["--color", "never"]]) {
      expect((await bindtrace([...args(), ...options], { env: { FORCE_COLOR: "1" } })).stdout).toBe(golden);
    }
  });

  it("--color always adds nothing but colour, even against NO_COLOR", async () => {
    for (const env of [{}, { NO_COLOR: "1" }]) {
      const { stdout } = await bindtrace([...args(), "--color", "always"], { env });
      expect(stdout).toContain(ESCAPE);
      expect(stdout.replaceAll(CODES, "")).toBe(golden);
    }
  });

  it("is there on a terminal, but not with NO_COLOR or --color never", async () => {
    expect((await onTerminal([], {})).stdout).toContain(ESCAPE);
    expect((await onTerminal([], { NO_COLOR: "" })).stdout).toContain(ESCAPE);
    expect((await onTerminal([], { NO_COLOR: "1" })).stdout).not.toContain(ESCAPE);
    expect((await onTerminal(["--color", "never"], { FORCE_COLOR: "1" })).stdout).not.toContain(ESCAPE);
  });
});

/** Kprobes are a sign that this machine takes the kernel hook set. */
const kernelHooks = existsSync("/sys/bus/event_source/devices/kprobe");

describe.concurrent("a machine that cannot be traced", () => {
  const onlyHere = (path: string) => ({ env: { PATH: path } });
  const standIn = (name: string) => onlyHere(`${join(ROOT, "test/fixtures", name)}:${process.env.PATH}`);

  it("not root", async () => {
    if (process.geteuid?.() !== 0) return refuses(bindtrace(["--port", "8080"]), 3, /needs root.*sudo/);
    // May read everything, wherever this repository lies, but is not root.
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
    for (const args of [
      ["--port", "8080"],
      ["--save", "/no/such/folder/x"],
      ["--", "true"],
    ]) {
      await refuses(execa("setpriv", [...user, process.execPath, CLI, ...args], { reject: false }), 3, /needs root.*sudo/);
    }
  });

  // These come after the question whether this is root, and read the kernel's types.
  describe.skipIf(process.geteuid?.() !== 0 || !existsSync("/sys/kernel/btf/vmlinux"))("root", () => {
    it("bpftrace is not installed", () =>
      refuses(bindtrace(["--port", "8080"], onlyHere(folder.path)), 4, /bpftrace is not installed.*0\.17/));
    it("bpftrace is too old (a stand-in)", () =>
      refuses(bindtrace(["--port", "8080"], standIn("bpftrace-0.16")), 4, /bpftrace 0\.16\.0 is too old.*0\.17/));
    it("bpftrace does not find a tracepoint (a stand-in)", () =>
      refuses(bindtrace(["--port", "8080"], standIn("bpftrace-unknown-tracepoint")), 4, /tracepoint not found: syscalls:sys_enter_bind/));
    it("bpftrace is not let in (a stand-in)", () =>
      refuses(bindtrace(["--port", "8080"], standIn("bpftrace-not-permitted")), 3, /Operation not permitted.*--privileged/));

    it("the kernel hook set where kprobes and fentry are refused", async () => {
      if (kernelHooks) return;
      await refuses(bindtrace(["--port", "8080", "--hooks", "fentry"]), 4, /bpftrace could not start|refuses the probes/);
      await refuses(bindtrace(["--port", "8080", "--hooks", "kprobe"]), 4, /no kprobes.*--hooks tracepoint/);
    });

    it.each([
      ["tracepoint", /^tracepoint:syscalls:sys_enter_bind \{$/m, /kfunc:|kprobe:/],
      ["fentry", /^kfunc:inet_csk_get_port \{$/m, /syscalls:/],
    ])("prints the %s program without running it", async (hooks, has, hasNot) => {
      const { exitCode, stdout, stderr } = await bindtrace(["--port", "8080", "--hooks", hooks, "--print-program"]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toMatch(has);
      expect(stdout).not.toMatch(hasNot);
    });

    it("leaves out an optional probe that it is told to", async () => {
      const without = ["--without-probe", "inet_bind_conflict", "--without-probe", "inet_put_port"];
      const { stdout } = await bindtrace(["--hooks", "fentry", "--print-program", ...without]);
      expect(stdout).toMatch(/^kretfunc:inet_csk_bind_conflict/m);
      expect(stdout).not.toMatch(/:inet_bind_conflict|:inet_put_port/);
    });

    it("leaves no empty recording behind when tracing does not begin (a stand-in)", async () => {
      const trace = join(folder.path, "never-begun.jsonl");
      await refuses(bindtrace(["--save", trace], standIn("bpftrace-not-permitted")), 3, /Operation not permitted/);
      expect(existsSync(trace)).toBe(false);
    });

    it.each<[string, () => string[], RegExp]>([
      [
        "a folder that does not exist",
        () => ["--save", "/no/such/folder/x.jsonl"],
        /folder of \/no\/such\/folder\/x\.jsonl does not exist/,
      ],
      ["a folder", () => ["--save", folder.path], /is a folder/],
      ["a folder, by force", () => ["--force", "--save", folder.path], /is a folder/],
      ["a file that is there", () => ["--save", file("there.jsonl", "mine")], /there\.jsonl exists already.*--force/],
      ["/proc", () => ["--save", "/proc/x.jsonl"], /cannot write \/proc\/x\.jsonl/],
      ["no name", () => ["--save", ""], /--save/],
      ["a file as a folder", () => ["--save", `${file("plain", "")}/x.jsonl`], /plain\/x\.jsonl/],
      [
        "a report in a folder that does not exist",
        () => ["--output", "/no/such/folder/x"],
        /folder of \/no\/such\/folder\/x does not exist/,
      ],
    ])("does not begin to trace when it may not write to %s (a stand-in looks on)", async (name, args, sentence) => {
      const starts = join(folder.path, `starts ${name}`);
      const { env } = standIn("bpftrace-remembers-starts");
      await refuses(bindtrace(["--port", "8080", ...args()], { env: { ...env, STARTS: starts } }), 2, sentence);
      expect(existsSync(starts)).toBe(false);
      if (args().at(-1)?.endsWith("there.jsonl")) expect(readFileSync(join(folder.path, "there.jsonl"), "utf8")).toBe("mine");
    });
  });
});
