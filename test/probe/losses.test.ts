import fc from "fast-check";
import { expect, it } from "vitest";
import { exitCode } from "../../src/commands/session.ts";
import type { TraceEvent } from "../../src/core/event.ts";
import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";
import { Story } from "../../src/core/story.ts";
import { LineDecoder } from "../../src/probe/lines.ts";
import { header } from "../helpers/events.ts";
import { Printer } from "./printed.ts";

const CPUS = 3;
const FIXED = "ffff888000001000";

/** What happens, on which CPU, and to which of the sockets that are there. */
const step = fc.record({
  what: fc.constantFrom("bind" as const, "refuse" as const, "destroy" as const, "fork" as const),
  cpu: fc.nat(CPUS - 1),
  which: fc.nat(),
});

/** Lines in the order in which they were printed, each refused socket's inode with those of the owners then, and what each CPU gave out. */
interface Printed {
  lines: string[];
  truth: Map<number, number[]>;
  given: string[];
}

const READY = new Printer().ready();

/** A few sockets that share a port by addresses of their own, come, go, and leave their address in memory to the next. */
function printedLife(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Printed {
  const print = new Printer();
  const lines: string[] = [];
  const truth = new Map<number, number[]>();
  const there = new Map<bigint, number>();
  steps.forEach(({ what, cpu, which }, index) => {
    const inode = 1000 + index;
    const free = 0xffff_8880_0000_1000n + BigInt(which % 8) * 0x100n;
    const [sk] = [...there.keys()].slice(which % Math.max(1, there.size));
    if (what === "fork") lines.push(print.fork(cpu));
    if (what === "bind" && !there.has(free)) {
      there.set(free, inode);
      lines.push(print.call({ cpu, ret: 0, sk: free, inode, tid: 100 + index, common: { port: 8080 } }));
    }
    if (what === "destroy" && sk !== undefined) {
      there.delete(sk);
      lines.push(print.destroy().replace(FIXED, sk.toString(16)));
    }
    if (what === "refuse" && there.size > 0) {
      truth.set(inode, [...there.values()].sort());
      const tid = 100 + index;
      lines.push(print.call({ cpu, sk: 0xffff_8880_0000_f000n, inode, tid }));
      for (const [owner, its] of there) lines.push(print.owner({ cpu, sk: owner, inode: its, common: { state: 7 } }));
      lines.push(print.walk({ cpu, tid, printed: there.size }));
    }
  });
  return { lines, truth, given: Array.from({ length: CPUS }, (_, cpu) => print.count(cpu)) };
}

function told({ lines, given }: Printed, isLost: (index: number) => boolean): { events: TraceEvent[]; decoder: LineDecoder } {
  const decoder = new LineDecoder({ searches: [], instantOfJiffies: () => null });
  const arrived = [READY, ...lines.filter((_, index) => !isLost(index)), ...given];
  const events = arrived.flatMap((line) => decoder.decode(line));
  return { events: [...events, ...decoder.finish()], decoder };
}

function reported(events: readonly TraceEvent[]): OutputRecord[] {
  const story = new Story(header(), { reports: () => true });
  return [...events.flatMap((event) => story.apply(event)), ...story.finish()];
}

const failuresOf = (records: readonly OutputRecord[]) => records.filter((record): record is FailureRecord => record.type === "failure");

it("every line that is lost is counted, on its CPU; a verdict that is exact names those and only those who were there", () => {
  const seen = { exact: 0, inferred: 0, unknown: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.infiniteStream(fc.nat(99)), fc.nat(40), (steps, draws, percent) => {
      const life = printedLife(steps);
      const lost = new Set(life.lines.flatMap((_, index) => ((draws.next().value ?? 0) < percent ? [index] : [])));
      const { events, decoder } = told(life, (index) => lost.has(index));
      const losses = events.filter((event) => event.type === "lost");
      const onCpu = (cpu: number) => [...lost].filter((index) => life.lines[index]?.split(" ")[1] === String(cpu)).length;
      for (let cpu = 0; cpu < CPUS; cpu++) {
        const told = losses.filter((loss) => loss.cpu === cpu).reduce((sum, { count }) => sum + count, 0);
        expect([cpu, told]).toEqual([cpu, onCpu(cpu)]);
      }
      expect({ lost: decoder.lost, foreign: decoder.foreign }).toEqual({ lost: lost.size, foreign: 0 });
      const records = reported(events);
      const summary = records.at(-1);
      expect(summary).toMatchObject({ type: "summary", lost: lost.size });
      const byCpu = [...Array(CPUS).keys()].map((cpu) => ({ cpu, count: onCpu(cpu) })).filter(({ count }) => count > 0);
      expect(summary?.type === "summary" ? (summary.losses ?? []) : null).toMatchObject(byCpu);
      if (lost.size > 0) expect(exitCode({ failures: 0, explained: 0, lost: lost.size, end: undefined }, false)).toBe(5);
      for (const { confidence, binder, blockers } of failuresOf(records)) {
        seen[confidence]++;
        if (confidence === "exact") expect(blockers.map(({ inode }) => inode).sort()).toEqual(life.truth.get(binder.inode ?? 0));
      }
      if (lost.size === 0) expect(failuresOf(records).map(({ confidence }) => confidence)).toEqual([...life.truth].map(() => "exact"));
    }),
    // The same draws each time: other ones might have few of a kind, which is counted below.
    { numRuns: 400, seed: 1 },
  );
  // That none of them is exact would be a test of nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
});
