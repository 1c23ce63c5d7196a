import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bindtrace, ROOT, scratch } from "../helpers/cli.ts";
import { linesOf } from "../helpers/samples.ts";

const SAMPLE = join("samples", "inherited-by-child", "trace.jsonl");

let folder: ReturnType<typeof scratch>;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => folder.remove());

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

  it.each<[string[], RegExp]>([
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
