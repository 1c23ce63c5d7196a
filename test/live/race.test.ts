import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseIsoTime } from "../../src/base/nanoseconds.ts";
import { bindtraceAlone, failuresIn, liveProblem, records, scratch } from "../helpers/cli.ts";
import { PORTS } from "../helpers/ports.ts";

const PORT = PORTS.race;

interface Call {
  pid: number;
  inode: number;
  refused: boolean;
  entered: number;
  returned: number;
  closed: number;
}

describe.skipIf(liveProblem !== null)("two processes that race for a port", () => {
  it("blames only sockets that had the port during the refused call, and leaves none unmentioned", async () => {
    const folder = scratch();
    try {
      const json = join(folder.path, "report.jsonl");
      const trace = join(folder.path, "trace.jsonl");
      const command = ["python3", "test/lab/race.py", String(PORT), "300"];
      const run = await bindtraceAlone(["--port", String(PORT), "--json", "--output", json, "--save", trace, "--", ...command]);
      const calls = run.stdout
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Call);
      const header = JSON.parse(readFileSync(trace, "utf8").split("\n", 1)[0] ?? "") as { clock: { boot: string; wall: string } };
      const bootOfWall = BigInt(header.clock.boot) - (parseIsoTime(header.clock.wall) ?? 0n);
      const boot = (iso: string) => Number((parseIsoTime(iso) ?? 0n) + bootOfWall);

      const failures = failuresIn(json);
      const refused = calls.filter((call) => call.refused);
      expect(refused.length).toBeGreaterThan(10);
      const [summary] = records(readFileSync(json, "utf8")).filter((record) => record.type === "summary");
      const seen = failures.map(({ binder }) => `${binder.pid}/${binder.inode}`);
      const truth = refused.map(({ pid, inode }) => `${pid}/${inode}`);
      // A starved machine may lose events of such a race, and then says so.
      if (summary?.lost === 0) expect(seen.sort()).toEqual(truth.sort());
      else
        expect({ exitCode: run.exitCode, strangers: seen.filter((one) => !truth.includes(one)) }).toEqual({ exitCode: 5, strangers: [] });
      const wrong = failures.flatMap((failure) =>
        failure.blockers.filter(({ inode }) => {
          // A socket that is being closed has lost its inode: nobody is named, and nothing is claimed for certain.
          if (inode === null) return failure.confidence === "exact";
          // An inode comes back after a while: any of its sockets that had the port during the call will do.
          const owners = calls.filter((call) => call.inode === inode && !call.refused && call.pid !== failure.binder.pid);
          return !owners.some(({ entered, closed }) => entered <= boot(failure.at) && closed >= boot(failure.enteredAt));
        }),
      );
      expect(wrong).toEqual([]);
      const unknown = failures.filter(({ confidence }) => confidence === "unknown");
      console.log(
        `race: ${failures.length} refusals, ${failures.filter(({ confidence }) => confidence === "exact").length} exact, ${unknown.length} unknown, ${summary?.lost} events lost`,
      );
    } finally {
      folder.remove();
    }
  });
});
