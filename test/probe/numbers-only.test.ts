import fc from "fast-check";
import { expect, it } from "vitest";
import { lookBase } from "../../src/probe/bases.ts";
import { findHooks } from "../../src/probe/hooks.ts";
import { readLayout } from "../../src/probe/layout.ts";
import { assembleProgram, WALK_BOUNDS } from "../../src/probe/program.ts";
import { findSymbols } from "../../src/probe/symbols.ts";
import { KERNELS, kernelFixture } from "./kernels.ts";

type Ports = readonly (readonly [number, number])[];

/** Three lines that a port filter is in. */
const FILTER = /^#define (?:PORT|NUM|ASKED)_WATCHED \((?:\$(?:port|num|asked)|[ 0-9()]|==|>=|<=|&&|\|\|)+\)$/;

it.each(["fentry", "tracepoint"] as const)("what the user asks for is in the program as numbers, and nowhere else (%s)", (set) => {
  const { btf, kallsyms } = kernelFixture(KERNELS.at(-1) ?? KERNELS[0]);
  const layout = readLayout(btf, findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address ?? 0n);
  const hooks = set === "tracepoint" ? null : findHooks(set, { btf, kallsyms: Buffer.from(kallsyms), without: [] });
  if (!layout.ok || (hooks && "lacks" in hooks)) throw new Error("this kernel has no such hooks");
  const linesOf = (ports: Ports) =>
    assembleProgram({ ports, closes: true, lookBase: lookBase(1), bounds: WALK_BOUNDS[0], layout: layout.value, hooks }).split("\n");
  const base = linesOf([[1, 1]]);
  const port = fc.integer({ min: 1, max: 65535 });
  const ranges = fc.array(fc.tuple(port, port), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(ranges, (ports) => {
      const lines = linesOf(ports);
      expect(lines.length).toBe(base.length);
      const others = lines.filter((line, index) => line !== base[index]);
      expect(others.filter((line) => !FILTER.test(line))).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
