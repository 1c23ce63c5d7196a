import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEvent, encodeHeader } from "../../src/trace/codec.ts";
import { bindtrace, records, scratch } from "../helpers/cli.ts";
import { HARMFUL, HOSTILE, HOSTILE_PORT, hostileHeader, hostileTrace } from "../helpers/hostile.ts";

let folder: ReturnType<typeof scratch>;
/** A trace as somebody might send it: with bytes in it that are no UTF-8, and lines that are no events. */
let trace = "";
const events = [...hostileTrace()];
const lines = [encodeHeader(hostileHeader()), ...events.map((event, index) => encodeEvent(event, index + 1))];
const invalid = Buffer.concat([
  Buffer.from('{"n":1,"type":"exec","t":1,"pid":7,"comm":"'),
  Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
  Buffer.from('"}\n'),
]);
beforeAll(() => {
  folder = scratch();
  trace = join(folder.path, "hostile.jsonl");
  writeFileSync(trace, Buffer.concat([Buffer.from(lines.slice(0, -1).join("")), invalid, Buffer.from(lines.at(-1) ?? "")]));
});
afterAll(() => folder.remove());

const harmIn = (text: string) => {
  const at = text.search(HARMFUL);
  return at < 0 ? null : text.slice(Math.max(0, at - 30), at + 30);
};
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

describe.concurrent("names that mean harm", () => {
  it.each([[[]], [["--color", "always"]], [["--ascii"]], [["--width", "200", "--utc"]], [["--width", "40"]]])(
    "are shown as escapes in a text report, one failure after the other: %j",
    async (options) => {
      const { stdout, stderr } = await bindtrace(["replay", trace, ...options]);
      expect(harmIn(stdout.replace(COLOUR, ""))).toBeNull();
      expect(stderr).toBe("");
      const plain = stdout.replace(COLOUR, "").split("\n");
      // A line that a name would have made.
      expect(plain.filter((line) => /^(?:✗ 00:00|bt:|B 1|\{)/.test(line))).toEqual([]);
      expect(plain.filter((line) => /^(?:✗|x) \d\d:/.test(line))).toHaveLength(HOSTILE.length);
      expect(stdout).toMatch(new RegExp(`\\nbindtrace: ${HOSTILE.length} refused, ${HOSTILE.length} explained$`));
    },
  );

  it("are the names themselves in --json, and nothing else", async () => {
    const { stdout } = await bindtrace(["replay", trace, "--json"]);
    expect(harmIn(stdout)).toBeNull();
    const failures = records(stdout).filter((record) => record.type === "failure");
    expect(failures.map(({ port, binder, blockers }) => [port, binder.comm, blockers[0]?.holders[0]?.command])).toEqual(
      HOSTILE.map((name, index) => [HOSTILE_PORT + index, name, name]),
    );
  });

  it("are the names themselves in a table", async () => {
    const { stdout } = await bindtrace(["export", trace, "--ndjson"]);
    expect(harmIn(stdout)).toBeNull();
    const rows = stdout.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.filter(({ kind }) => kind === "refused").map(({ comm }) => comm)).toEqual(HOSTILE);
  });

  it("are the names themselves in a trace for Perfetto", async () => {
    const { stdout } = await bindtrace(["export", trace, "--perfetto"]);
    expect(harmIn(stdout)).toBeNull();
    expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(HOSTILE[13]).slice(1, -1));
  });

  it("are the names themselves in a copy of the trace, which no terminal minds either", async () => {
    const { stdout } = await bindtrace(["export", trace, "--trace"]);
    expect(harmIn(stdout)).toBeNull();
    const copied = stdout.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(copied.filter(({ type }) => type === "listen").map(({ comm }) => comm)).toEqual(HOSTILE);
    expect(copied[0]).toMatchObject({ command: [...HOSTILE] });
  });

  it("are gone from a redacted copy", async () => {
    const { stdout } = await bindtrace(["export", trace, "--trace", "--redact"]);
    expect(HOSTILE.filter((name) => name.length > 2 && stdout.includes(JSON.stringify(name).slice(1, -1)))).toEqual([]);
    expect(stdout).not.toMatch(/alert|owned|passwd|script/);
  });

  it("are text in a page, whose only script is its own", async () => {
    const path = join(folder.path, "page.html");
    const { stderr } = await bindtrace(["export", trace, "--html", "-o", path]);
    expect(stderr).toBe("");
    const page = readFileSync(path, "utf8");
    expect(harmIn(page)).toBeNull();
    expect(page.match(/<script/g)?.length).toBe(page.match(/<\/script>/g)?.length);
    expect(page).not.toContain("<img");
  });

  it("are escapes in a sentence about them", async () => {
    for (const name of HOSTILE.filter((one) => HARMFUL.test(one) && !one.includes("\0"))) {
      const { stderr, exitCode } = await bindtrace(["replay", join(folder.path, `${name.replaceAll("/", "_").slice(0, 60)}.jsonl`)]);
      expect({ harm: harmIn(stderr), lines: stderr.split("\n").length, exitCode }).toEqual({ harm: null, lines: 1, exitCode: 2 });
    }
  });
});
