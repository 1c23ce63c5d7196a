import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { bindtraceAlone, liveProblem, ROOT, records, scratch } from "../helpers/cli.ts";
import { PORTS } from "../helpers/ports.ts";

const STORM = join(ROOT, ".cache/lab/storm");
const PORT = PORTS.storm;
const RATE = Number(process.env.STORM_RATE || 20_000);
const SECONDS = Number(process.env.STORM_SECONDS || 5);

// In CI a storm that is not there would hide what it tests.
if (process.env.BINDTRACE_LIVE === "required" && liveProblem === null && !existsSync(STORM))
  throw new Error(`the storm needs ${STORM}, which make storm builds`);

/** How many sockets the storm bound and closed. */
interface Truth {
  binds: number;
  failed: number;
  ms: number;
}

describe.skipIf(liveProblem !== null || !existsSync(STORM))(`${RATE} binds and closes a second for ${SECONDS} s`, () => {
  it("each is seen, or is counted as lost", async () => {
    const folder = scratch();
    try {
      const [json, trace] = [join(folder.path, "report.jsonl"), join(folder.path, "trace.jsonl")];
      const storm = [STORM, String(PORT), String(RATE), String(SECONDS)];
      const run = await bindtraceAlone(["--port", String(PORT), "--json", "--output", json, "--save", trace, "--", ...storm]);
      const truth = JSON.parse(run.stdout) as Truth;
      const [summary] = records(readFileSync(json, "utf8")).filter((record) => record.type === "summary");
      const events = await eventsByType(trace);
      const [binds, closes] = [events.get("bind") ?? 0, events.get("close") ?? 0];
      const lost = summary?.lost ?? Number.NaN;
      console.log(`storm: ${truth.binds} binds in ${truth.ms} ms; ${binds} binds, ${closes} closes told; ${lost} lost`);
      expect(truth.failed).toBe(0);
      if (lost === 0) {
        const all = { binds: truth.binds, closes: truth.binds, exitCode: 0, stderr: "" };
        expect({ binds, closes, exitCode: run.exitCode, stderr: run.stderr }).toEqual(all);
      } else {
        // A machine that is too busy loses some: then it says so, of which CPU, and nothing is missing beyond what it says.
        expect(run.exitCode).toBe(5);
        expect(summary?.losses?.reduce((sum, { count }) => sum + count, 0)).toBe(lost);
        expect(truth.binds - binds + (truth.binds - closes)).toBeLessThanOrEqual(lost);
        expect(Math.max(binds, closes)).toBeLessThanOrEqual(truth.binds);
      }
    } finally {
      folder.remove();
    }
  }, 600_000);
});

/** Line by line: the trace of a minute is longer than a string can be. */
async function eventsByType(path: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { type } = JSON.parse(line) as { type?: string };
    if (type !== undefined) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}
