// Runs the recipes of docs/recipes.md over the samples, with the real tools, and puts what they give below them. A block is
//   ```console with commands behind "$ ", each followed by what it prints, or
//   ```sql, followed by a table of its rows; the first makes the table that the others ask.
// node test/docs/recipes.mjs writes the page anew (make golden); test/docs/recipes.test.ts compares.

import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { storyOptions } from "../../dist/commands/report-choice.js";
import { runSession } from "../../dist/commands/session.js";
import { NdjsonReport } from "../../dist/report/ndjson.js";
import { openTrace } from "../../dist/trace/reader.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const PAGE = "docs/recipes.md";
const BLOCK = /^```console\n([\s\S]*?)^```$|^```sql\n([\s\S]*?)^```\n(?:\n((?:\|.*\n)+))?/gm;
const COLUMNS = /^<!-- columns -->\n(?:\n(?:\|.*\n)+)?/m;

/** DuckDB, where it has been fetched (make duckdb): 70 MB, so it is no dependency. */
export const DUCKDB = join(ROOT, ".cache/duckdb/node_modules/@duckdb/node-api");
/** What is needed and is not there. */
export const missing = (kind) => (kind === "sql" ? (existsSync(DUCKDB) ? null : "DuckDB (make duckdb)") : onPath("jq") ? null : "jq");

const onPath = (program) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));

/** Every block of the page, as it stands there. */
export function blocks(text) {
  return [...text.matchAll(BLOCK)].map(({ 0: whole, 1: console, 2: query, index }) => ({
    kind: query === undefined ? "console" : "sql",
    line: text.slice(0, index).split("\n").length,
    source: query ?? console,
    whole,
    index,
  }));
}

/** The table of the columns, as the schema has them. */
export function withColumns(text) {
  const { properties } = JSON.parse(readFileSync(join(ROOT, "schemas/ndjson.schema.json"), "utf8"));
  const rows = Object.entries(properties).map(([name, schema]) => `| \`${name}\` | ${typeOf(schema)} | ${schema.description} |`);
  return text.replace(COLUMNS, `<!-- columns -->\n\n| column | type | what it says |\n| --- | --- | --- |\n${rows.join("\n")}\n`);
}

/** What a column is where it is not null. */
function typeOf({ type, anyOf = [], $ref, format }) {
  const [first] = anyOf.filter((one) => one.type !== "null");
  if (first) return typeOf(first);
  if (format === "date-time") return "time";
  return $ref ? "string" : type;
}

/** A folder with the rows of all samples, in which the recipes are run. */
export class Kitchen {
  folder = mkdtempSync(join(tmpdir(), "bindtrace-recipes-"));
  #connection;

  static async open() {
    const kitchen = new Kitchen();
    try {
      await kitchen.#prepare();
    } catch (error) {
      kitchen.close();
      throw error;
    }
    return kitchen;
  }

  async #prepare() {
    symlinkSync(join(ROOT, "samples"), join(this.folder, "samples"));
    mkdirSync(join(this.folder, "bin"));
    const command = `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "dist/cli.js")}" "$@"\n`;
    writeFileSync(join(this.folder, "bin/bindtrace"), command, { mode: 0o755 });
    const rows = createWriteStream(join(this.folder, "all.ndjson"));
    for (const sample of readdirSync(join(ROOT, "samples")).sort()) {
      const path = join(ROOT, "samples", sample, "trace.jsonl");
      if (existsSync(path)) await exportTo(rows, path);
    }
    rows.end();
    await finished(rows);
    if (!existsSync(DUCKDB)) return;
    const { DuckDBInstance } = createRequire(import.meta.url)(DUCKDB);
    this.#connection = await (await DuckDBInstance.create(":memory:", { file_search_path: this.folder })).connect();
  }

  /** The block with what it gives here. */
  async cook({ kind, source, whole }) {
    if (kind === "sql") return this.#query(source, whole);
    const commands = source.split("\n").filter((line) => line.startsWith("$ "));
    const answers = [];
    for (const command of commands) answers.push([command, ...(await this.shell(command.slice(2)))]);
    return `\`\`\`console\n${answers.flat().join("\n")}\n\`\`\``;
  }

  /** What a command prints, which has `bindtrace` on its path. */
  async shell(command, cwd = this.folder) {
    const PATH = `${join(this.folder, "bin")}:${process.env.PATH}`;
    const { stdout, stderr } = await execa("bash", ["-c", command], { cwd, env: { PATH, LC_ALL: "C" }, reject: false });
    if (stderr !== "") throw new Error(`${command}: ${stderr}`);
    return stdout === "" ? [] : stdout.split("\n");
  }

  /** What DuckDB answers: the names of the columns, then the rows. */
  async ask(query) {
    if (!this.#connection) throw new Error(missing("sql"));
    const result = await this.#connection.runAndReadAll(query);
    return [result.columnNames(), ...result.getRowsJson()];
  }

  async #query(source, whole) {
    const [columns, ...rows] = await this.ask(source);
    const fence = `${whole.slice(0, whole.indexOf("\n```\n") + 5)}`;
    if (/^CREATE/.test(source)) return fence;
    const line = (cells) => `| ${cells.join(" | ")} |\n`;
    const rule = columns.map(() => "---");
    return `${fence}\n${[columns, rule, ...rows].map((row) => line(row.map((cell) => cell ?? ""))).join("")}`;
  }

  close() {
    this.#connection?.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The rows of one trace, as `bindtrace export --ndjson` writes them. */
async function exportTo(stream, path) {
  const trace = await openTrace(path);
  if (!trace.ok) throw new Error(trace.error.message);
  const { header, lines } = trace.value;
  const output = { write: (text) => void stream.write(text), terminal: undefined, onClosed: () => {}, close: async () => {} };
  await runSession({ header, events: eventsOf(lines), report: new NdjsonReport(), output, story: storyOptions({}, header, null) });
}

async function* eventsOf(lines) {
  for await (const some of lines) for (const line of some) if (line.kind === "event") yield line.event;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let text = withColumns(readFileSync(join(ROOT, PAGE), "utf8"));
  const kitchen = await Kitchen.open();
  try {
    for (const block of blocks(text)) {
      const reason = missing(block.kind);
      if (reason) console.error(`${PAGE}:${block.line} stays as it is without ${reason}`);
      const cooked = reason ? block.whole : await kitchen.cook(block);
      // A function, since $ means something in a replacement.
      text = text.replace(block.whole, () => cooked);
    }
  } finally {
    kitchen.close();
  }
  writeFileSync(join(ROOT, PAGE), text);
}
