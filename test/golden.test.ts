import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../src/core/event.ts";
import { Story } from "../src/core/story.ts";
import { decodeEvent, decodeHeader, encodeEvent, encodeHeader } from "../src/trace/codec.ts";
import { DOCUMENTS, embedded } from "./docs/embed.mjs";
import { bindtrace, ROOT } from "./helpers/cli.ts";
import { scenarios } from "./helpers/programs.ts";
import { situations } from "./helpers/situations.ts";

const names = readdirSync(join(ROOT, "samples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

it("has a sample of every situation, and a situation for every sample", () => {
  const inGuests = readdirSync(join(ROOT, "test/lab/kernel")).filter((file) => file.endsWith(".py"));
  const expected = [...situations.map(({ name }) => name), ...scenarios, ...inGuests.map((file) => file.slice(0, -3))];
  expect(names.sort()).toEqual(expected.sort());
});

it.each(DOCUMENTS)("is what %s shows", (name) => {
  const document = readFileSync(join(ROOT, name), "utf8");
  expect(document).toMatch(/^ {4}\$ (bindtrace replay|jq) /m);
  expect(document).toBe(embedded(document));
});

describe.each(names)("sample %s", (name) => {
  const folder = join("samples", name);
  const text = readFileSync(join(ROOT, folder, "trace.jsonl"), "utf8");
  const [first = "", ...lines] = text.trimEnd().split("\n");
  const header = decodeHeader(first);
  if (!header.ok) throw new Error(header.error);
  const events = lines.map((line) => decodeEvent(line)).map((line) => (line.kind === "event" ? line.event : null)) as TraceEvent[];

  it("replays to the report that is written down", async () => {
    const run = await bindtrace(["replay", join(folder, "trace.jsonl")], { env: { NO_COLOR: "1" } });
    expect(`${run.stdout}\n`).toBe(readFileSync(join(ROOT, folder, "report.txt"), "utf8"));
    expect(run.stderr).toBe("");
    expect(run.exitCode).toBe(events.some(isRefusal) ? 1 : 0);
  });

  it("replays to the JSON that is written down", async () => {
    const run = await bindtrace(["replay", join(folder, "trace.jsonl"), "--json"]);
    expect(`${run.stdout}\n`).toBe(readFileSync(join(ROOT, folder, "report.jsonl"), "utf8"));
  });

  it("comes back the same from decoding and encoding", () => {
    expect(events).not.toContain(null);
    const again = [encodeHeader(header.value), ...events.map((event, index) => encodeEvent(event, index + 1))].join("");
    expect(again.split("\n").map(sortedJson)).toEqual(text.split("\n").map(sortedJson));
  });

  it("can be cut after any event", () => {
    for (let length = 0; length <= events.length; length++) {
      const story = new Story(header.value, { reports: () => true });
      const records = events.slice(0, length).flatMap((event) => story.apply(event));
      const refused = events.slice(0, length).filter(isRefusal);
      const failures = [...records, ...story.finish()].filter(({ type }) => type === "failure");
      expect(failures).toHaveLength(refused.length);
    }
  });

  it("names no machine and no folder of one", () => {
    expect(text).not.toMatch(/\/(home|root|work|tmp|Users)\//);
    expect(header.value.host).toBe("lab");
  });
});

const isRefusal = (event: TraceEvent) => (event.type === "bind" || event.type === "listen") && event.errno !== null;

/** The order of fields in a line is nobody's business. */
function sortedJson(line: string): unknown {
  return line === "" ? null : JSON.parse(line);
}
