import { lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bindtrace, CLI, ROOT, scratch } from "../helpers/cli.ts";
import { linesOf } from "../helpers/samples.ts";

const SAMPLE = join("samples", "inherited-by-child", "trace.jsonl");

let folder: ReturnType<typeof scratch>;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => folder.remove());

const sortedJson = (line: string): unknown => (line === "" ? null : JSON.parse(line));
const kinds = (stdout: string) => stdout.split("\n").map((line) => JSON.parse(line).kind);

describe.concurrent("bindtrace export", () => {
  it("writes a file, and says nothing else: that binds were refused is no failure of an export", async () => {
    const path = join(folder.path, "trace.perfetto.json");
    const { exitCode, stdout, stderr } = await bindtrace(["export", SAMPLE, "--perfetto", "-o", path]);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(Object.keys(JSON.parse(readFileSync(path, "utf8")))).toEqual(["traceEvents", "otherData"]);
  });

  it("reads standard input, too", async () => {
    const piped = await bindtrace(["export", "-", "--ndjson"], { input: readFileSync(join(ROOT, SAMPLE)) });
    expect(piped.stdout).toBe((await bindtrace(["export", SAMPLE, "--ndjson"])).stdout);
    expect(kinds(piped.stdout)).toContain("refused");
  });

  it("takes the filters of replay", async () => {
    const port = await bindtrace(["export", SAMPLE, "--ndjson", "--port", "9000"]);
    expect(kinds(port.stdout)).toEqual(["trace"]);
    const process = await bindtrace(["export", SAMPLE, "--ndjson", "--pid", "1"]);
    expect(kinds(process.stdout)).toContain("bound");
    expect(kinds(process.stdout)).not.toContain("refused");
  });

  it("copies the trace, and the copy has the same report", async () => {
    const path = join(folder.path, "copy.jsonl.gz");
    expect(await bindtrace(["export", SAMPLE, "--trace", "-o", path])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect((await bindtrace(["replay", path, "--json"])).stdout).toBe((await bindtrace(["replay", SAMPLE, "--json"])).stdout);
    const { stdout } = await bindtrace(["export", path, "--trace"], { stripFinalNewline: false });
    expect(stdout.split("\n").map(sortedJson)).toEqual(readFileSync(join(ROOT, SAMPLE), "utf8").split("\n").map(sortedJson));
  });

  it("writes a copy in the place of the trace itself", async () => {
    const path = join(folder.path, "same.jsonl");
    writeFileSync(path, readFileSync(join(ROOT, SAMPLE)));
    expect(await bindtrace(["export", path, "--trace", "--redact", "-o", path])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect(readFileSync(path, "utf8").split("\n").length).toBe(readFileSync(join(ROOT, SAMPLE), "utf8").split("\n").length);
    expect((await bindtrace(["replay", path])).stdout).toContain("names");
  });

  it("takes names out of a copy", async () => {
    const path = join(folder.path, "public.jsonl");
    expect(await bindtrace(["export", SAMPLE, "--trace", "--redact", "-o", path])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    const original = readFileSync(join(ROOT, SAMPLE), "utf8");
    const text = readFileSync(path, "utf8");
    expect(original).toContain("inherited-by-child.py");
    expect(text).not.toContain("inherited-by-child");
    expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({ redacted: true, host: "redacted" });
    const report = await bindtrace(["replay", path]);
    expect(report.stdout).toMatch(/^bindtrace: armed on 8080 \(.*;\snames\staken\sout\)$/m);
    expect(report.exitCode).toBe(1);
  });

  it.each(["--ndjson", "--html", "--perfetto"])("takes names out of %s", async (flag) => {
    const { stdout, exitCode } = await bindtrace(["export", SAMPLE, flag, "--redact"]);
    expect([exitCode, stdout.includes("inherited-by-child"), stdout.includes("name-1")]).toEqual([0, false, true]);
  });

  it("says what is damaged in a trace that it copies", async () => {
    const [header = "", first = "", ...rest] = linesOf("inherited-by-child", "trace.jsonl");
    const { exitCode, stdout, stderr } = await bindtrace(["export", "-", "--trace"], {
      input: [header, first.slice(0, 20), ...rest].join("\n"),
    });
    expect(stderr).toBe("bindtrace: 1 line of the trace is damaged and was left out");
    expect([exitCode, stdout.split("\n").length]).toEqual([5, rest.length + 1]);
  });

  it("says no more when the reader of a copy has gone", async () => {
    const run = bindtrace(["export", SAMPLE, "--trace"]);
    run.stdout.destroy();
    expect(await run).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("writes what is its owner's alone, and replaces a link, not what it leads to", async () => {
    const [link, end] = [join(folder.path, "link"), join(folder.path, "end")];
    writeFileSync(end, "mine");
    symlinkSync(end, link);
    await bindtrace(["export", SAMPLE, "--ndjson", "-o", link]);
    expect(lstatSync(link).isFile()).toBe(true);
    expect(lstatSync(link).mode & 0o777).toBe(0o600);
    expect(readFileSync(end, "utf8")).toBe("mine");
  });

  it.each(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])("writes to %s, be it a pipe or a file", async (path) => {
    const { stdout } = await bindtrace(["export", SAMPLE, "--ndjson"], { stripFinalNewline: false });
    const args = [process.execPath, CLI, "export", SAMPLE, "--ndjson", "-o", path];
    const piped = await execa("sh", ["-c", '"$@" | cat', "sh", ...args], { cwd: ROOT, reject: false, stripFinalNewline: false });
    expect([piped.stderr, piped.stdout === stdout]).toEqual(["", true]);
    const to = join(folder.path, path.replaceAll("/", "_"));
    writeFileSync(to, "before\n");
    expect(await execa("sh", ["-c", 'exec "$@" >>"$0"', to, ...args], { cwd: ROOT, reject: false })).toMatchObject({
      exitCode: 0,
      stderr: "",
    });
    expect(readFileSync(to, "utf8")).toBe(`before\n${stdout}`);
  });

  it.each<[string[], RegExp]>([
    [["--trace", "--port", "8080"], /^bindtrace: --trace and --port exclude each other: leave one out$/],
    [["--trace", "--html"], /^bindtrace: --html and --trace exclude each other: leave one out$/],
    [["--redact"], /^bindtrace: say what to make of it: .*--trace/],
    [[], /^bindtrace: say what to make of it: .*--perfetto.*--ndjson/],
    [["--perfetto", "--ndjson"], /^bindtrace: --perfetto and --ndjson exclude each other: leave one out$/],
    [["--ndjson", "--", "true"], /^bindtrace: export runs no command: leave out -- and 'true'$/],
  ])("does not take %j", async (options, sentence) => {
    const { exitCode, stdout, stderr } = await bindtrace(["export", SAMPLE, ...options]);
    expect(stderr).toMatch(sentence);
    expect([exitCode, stdout]).toEqual([2, ""]);
  });

  it("makes what it can of a damaged trace, and says so", async () => {
    const [header = "", first = "", ...rest] = linesOf("inherited-by-child", "trace.jsonl");
    const damaged = [header, first.slice(0, 20), ...rest].join("\n");
    const { exitCode, stdout, stderr } = await bindtrace(["export", "-", "--ndjson"], { input: damaged });
    expect(exitCode).toBe(5);
    expect(stderr).toBe("bindtrace: 1 line of the trace is damaged and was left out");
    expect(kinds(stdout)).toContain("refused");
  });

  it("shows an example of each format in its help", async () => {
    const { stdout } = await bindtrace(["export", "--help"]);
    const [, formats = "", examples = ""] = /^What is made of it:\n(.*?)\n\n.*^Examples:\n(.*?)\n\n/ms.exec(stdout) ?? [];
    const flags = formats.match(/^ {2}--\w+/gm) ?? [];
    expect(flags.length).toBeGreaterThan(2);
    expect(flags.filter((flag) => !examples.includes(`bindtrace export trace.jsonl.gz ${flag.trim()} `))).toEqual([]);
  });
});
