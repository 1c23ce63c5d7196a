import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bindtrace, ROOT } from "../helpers/cli.ts";
import { codeIn, headings, section, textOf } from "./pages.ts";

/** Names of the fields in a value and in all that is in it. */
function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsOf(inner)]);
}

const samples = readdirSync(join(ROOT, "samples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The lines of this file of every sample, by their type. */
function linesByType(file: string): Map<string, Record<string, unknown>[]> {
  const found = new Map<string, Record<string, unknown>[]>();
  for (const name of samples) {
    for (const text of textOf(`samples/${name}/${file}`).trimEnd().split("\n")) {
      const line = JSON.parse(text) as Record<string, unknown>;
      const type = typeof line.type === "string" ? line.type : "header";
      found.set(type, [...(found.get(type) ?? []), line]);
    }
  }
  return found;
}

const missing = (fields: readonly string[], text: string) => {
  const told = new Set(codeIn(text));
  return [...new Set(fields)].filter((field) => !told.has(field));
};

describe("json.md has every field", () => {
  const text = textOf("docs/json.md");
  const records = linesByType("report.jsonl");
  /** Parts of several records are told with the failure, to which the others then link. */
  const parts = section(text, "failure");
  const told = (heading: string) => section(text, heading) + (section(text, heading).includes("](#") ? parts : "");

  it("and a section for each record", () => {
    expect(headings(text).sort()).toEqual([...records.keys(), "check", "doctor"].sort());
  });

  it.each([...records])("of %s", (type, lines) => {
    expect(missing(fieldsOf(lines), told(type))).toEqual([]);
  });

  it("of check", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    const { stdout } = await bindtrace(["check", String(port), "--json"]);
    server.close();
    const record = JSON.parse(stdout);
    expect(record.owners).toHaveLength(1);
    expect(missing(fieldsOf(record), told("check"))).toEqual([]);
  });

  it("of doctor", async () => {
    const { stdout } = await bindtrace(["doctor", "--json"]);
    expect(missing(fieldsOf(JSON.parse(stdout)), told("doctor"))).toEqual([]);
  });
});

describe("trace-format.md has every field", () => {
  const text = textOf("docs/trace-format.md");
  const events = linesByType("trace.jsonl");

  it("of the header", () => {
    const headers = (events.get("header") ?? []).map(({ sysctls: _, ...header }) => header);
    expect(missing([...fieldsOf(headers), "sysctls"], section(text, "The header"))).toEqual([]);
  });

  it.each([...events].filter(([type]) => type !== "header"))("of %s", (type, lines) => {
    const told = section(text, "Events");
    expect(told).toContain(`\`${type}\``);
    expect(missing(fieldsOf(lines), told)).toEqual([]);
  });
});
