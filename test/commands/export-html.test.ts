import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bindtrace, scratch } from "../helpers/cli.ts";

let folder: ReturnType<typeof scratch>;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => folder.remove());
const TRACE = "samples/binder-lacks-reuseport/trace.jsonl";

it("writes one page into a file, or to standard output", async () => {
  const path = join(folder.path, "report.html");
  expect(await bindtrace(["export", TRACE, "--html", "-o", path])).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  const page = readFileSync(path, "utf8");
  expect(page.slice(0, 33)).toBe('<!DOCTYPE html>\n<html lang="en">\n');
  const { exitCode, stdout, stderr } = await bindtrace(["export", TRACE, "--html"]);
  expect([exitCode, `${stdout}\n` === page, stderr]).toEqual([0, true, ""]);
});

it("allows exactly the script and the style that it has", async () => {
  const { stdout } = await bindtrace(["export", TRACE, "--html"]);
  const hash = async (text = "") => Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("base64");
  const [, script] = /<script>([\s\S]*)<\/script>/.exec(stdout) ?? [];
  const [, style] = /<style>([\s\S]*?)<\/style>/.exec(stdout) ?? [];
  const [, policy] = /content="default-src 'none'; ([^"]*); base-uri/.exec(stdout) ?? [];
  expect(policy).toBe(`script-src 'sha256-${await hash(script)}'; style-src 'sha256-${await hash(style)}'`);
});

it("makes a page of what a filter leaves", async () => {
  const { stdout } = await bindtrace(["export", TRACE, "--html", "--port", "1"]);
  expect(/<title>(.*)<\/title>/.exec(stdout)?.[1]).toBe("bindtrace: no bind was refused");
});

/** Stands for the scratch folder, which is not there yet when the cases are listed. */
const FOLDER = "{folder}";

it.each<[string, string[], number, string]>([
  ["no format", [TRACE], 2, "bindtrace: say what to make of it: --html"],
  ["no trace", ["--html"], 2, "bindtrace: export needs a <trace>: file made by --save, plain or gzip"],
  ["a trace that is not there", ["none.jsonl", "--html", "-o", `${FOLDER}/none.html`], 2, "none.jsonl"],
  ["a command", [TRACE, "--html", "--", "true"], 2, "bindtrace: export runs no command: leave out -- and 'true'\n"],
  ["a folder as output", [TRACE, "--html", "-o", FOLDER], 2, `bindtrace: ${FOLDER} is a folder: name a file in it`],
])("refuses %s in one sentence", async (_, args, exitCode, message) => {
  const here = (text: string) => text.replace(FOLDER, folder.path);
  const run = await bindtrace(["export", ...args.map(here)]);
  expect(run.exitCode).toBe(exitCode);
  expect(run.stderr).toContain(here(message).trim());
  expect(run.stderr.split("\n")).toHaveLength(1);
  expect(run.stdout).toBe("");
  expect(existsSync(join(folder.path, "none.html"))).toBe(false);
});
