import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../helpers/cli.ts";
import { type Block, blocks, Kitchen, missing, PAGE, withColumns } from "./recipes.mjs";

const TEXT = readFileSync(join(ROOT, PAGE), "utf8");
const BLOCKS = blocks(TEXT);
/** In CI a tool that is not there would hide what it tests. */
const REQUIRED = process.env.BINDTRACE_LIVE === "required";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
// There is none where it could not be opened.
afterAll(() => kitchen?.close());

/** The lines that a block shows of what it gives. */
const shown = ({ kind, whole }: Block) =>
  whole.split("\n").filter((line) => (kind === "sql" ? line.startsWith("|") : !/^(\$|```|$)/.test(line)));

describe("below a recipe stands what it gives (make golden writes it anew)", () => {
  for (const block of BLOCKS) {
    it.skipIf(missing(block.kind) !== null && !REQUIRED)(`${PAGE}:${block.line}`, async () => {
      expect(await kitchen.cook(block)).toBe(block.whole);
      const makesTable = block.source.startsWith("CREATE TABLE");
      expect(shown(block).length > 0).toBe(!makesTable);
    });
  }
});

it("has recipes of both kinds, of which the first makes the table", () => {
  const [first] = BLOCKS.filter(({ kind }) => kind === "sql");
  expect(first?.source).toMatch(/^CREATE TABLE bindtrace /);
  expect(BLOCKS.filter(({ kind }) => kind === "console").length).toBeGreaterThan(5);
});

it("describes every column", () => {
  expect(withColumns(TEXT)).toBe(TEXT);
});

it("makes the rows by the command that it shows", async () => {
  const command = /^```sh\n(for .*)\n```$/m.exec(TEXT)?.[1] ?? "";
  const folder = join(kitchen.folder, "few");
  mkdirSync(join(folder, "samples"), { recursive: true });
  const few = ["kill-and-restart", "same-address"];
  for (const name of few) symlinkSync(join(ROOT, "samples", name), join(folder, "samples", name));
  await kitchen.shell(command, folder);
  const made = readFileSync(join(folder, "all.ndjson"), "utf8").trimEnd().split("\n");
  const all = readFileSync(join(kitchen.folder, "all.ndjson"), "utf8").trimEnd().split("\n");
  const traces = new Set(made.map((line) => JSON.parse(line).trace));
  expect(traces.size).toBe(few.length);
  expect(made).toEqual(all.filter((line) => traces.has(JSON.parse(line).trace)));
});

it.skipIf(missing("sql") !== null && !REQUIRED)("makes rows that are read gzipped and by a pattern, too", async () => {
  const count = "SELECT count(*) AS rows FROM ";
  await kitchen.shell("mkdir -p traces && gzip -c all.ndjson > traces/all.ndjson.gz");
  const [plain, zipped] = await Promise.all([kitchen.ask(`${count}'all.ndjson'`), kitchen.ask(`${count}'traces/*.ndjson.gz'`)]);
  expect(zipped).toEqual(plain);
});
