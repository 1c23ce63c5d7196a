import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bindtrace, bindtraceAlone, failuresIn, liveProblem, ROOT, scratch } from "../helpers/cli.ts";
import { HARMFUL, HOSTILE } from "../helpers/hostile.ts";
import { PORTS } from "../helpers/ports.ts";

const FIRST_PORT = PORTS.hostile;
/** A name of the kernel: 15 bytes, none of them NUL, and no program that is started has an empty one. */
const NAMES = HOSTILE.map((name) => Buffer.from(name.replaceAll("\0", "")).subarray(0, 15)).filter((name) => name.length > 0);
/** What is no UTF-8. */
const INVALID = Buffer.from([0x78, 0xff, 0xc0, 0x80, 0x9b, 0x33, 0x31, 0x6d]);

describe.skipIf(liveProblem !== null)("processes that are named to do harm", () => {
  let folder: ReturnType<typeof scratch>;
  beforeEach(() => {
    folder = scratch();
  });
  afterEach(() => folder.remove());

  it("are told of by their names, which do nothing; and a redacted recording has none of them", async () => {
    const [report, trace] = [join(folder.path, "report.jsonl"), join(folder.path, "trace.jsonl")];
    const code = readFileSync(join(ROOT, "test/fixtures/hostile-names.py"), "utf8");
    const names = [...NAMES, INVALID];
    const ports = `${FIRST_PORT}-${FIRST_PORT + names.length}`;
    const command = ["/usr/bin/python3", "-c", code, String(FIRST_PORT), code, ...names.map((name) => name.toString("hex"))];
    const recording = ["--save", trace, "--redact", "--json", "--output", report];
    const { stderr, exitCode } = await bindtraceAlone(["--port", ports, ...recording, "--", ...command]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });

    const failures = failuresIn(report);
    expect(readFileSync(report, "utf8")).not.toMatch(HARMFUL);
    // Bytes that end in the middle of a character, or are none, are shown as such.
    const bytesOf = (comm: string) => Buffer.from(comm).toString("latin1");
    const plain = names.map((name) => name.toString()).map((name) => (name.includes("\ufffd") ? null : bytesOf(name)));
    expect(failures.map(({ port }) => port)).toEqual(names.map((_, index) => FIRST_PORT + index));
    for (const [index, { binder, blockers, confidence }] of failures.entries()) {
      const [holder] = blockers[0]?.holders ?? [];
      expect([confidence, blockers.length, holder?.comm]).toEqual(["exact", 1, binder.comm]);
      if (plain[index] != null) expect(bytesOf(binder.comm)).toBe(plain[index]);
    }

    const recorded = readFileSync(trace, "utf8");
    expect(recorded).not.toMatch(HARMFUL);
    expect(recorded).not.toMatch(/alert|script|owned|passwd|constructor/);
    const replayed = await bindtrace(["replay", trace]);
    expect(replayed.stdout).not.toMatch(HARMFUL);
    expect(replayed.stdout).toMatch(new RegExp(`\nbindtrace: ${names.length} refused, ${names.length} explained$`));
  });
});
