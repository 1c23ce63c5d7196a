// measure.mjs FILE REPETITIONS CHUNKS DIVISOR [NAME]…: runs the measured program (cost.c) by itself and beside each tracer in turn, and
// writes what it took into FILE. DIVISOR: of the rounds of a chunk; NAME: only tracers whose names begin so.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machine } from "./table.mjs";
import { leaveLastCpu, runCost, TRACERS } from "./tracers.mjs";

/** Rounds of each kind in a chunk that ask for a port in vain (cost.c), and the chunk that is not told. */
const REFUSED_ROUNDS = 200;
const WARM_UP = 1;

/**
 * Of each tracer that this machine lets in, for each repetition: the chunks of each kind, those of the untraced program right
 * before and after, and what a bindtrace reported and lost.
 */
export async function measure({ repetitions, chunks, divisor = 1 }, wanted = () => true) {
  leaveLastCpu();
  const rows = TRACERS.filter(({ name }) => wanted(name)).map((tracer) => ({ tracer, name: tracer.name, repetitions: [] }));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    // Each time another is the first.
    const turn = rows.map((_, index) => rows[(index + repetition) % rows.length]);
    for (const row of turn) {
      if (row.refused) continue;
      const result = await beside(row.tracer, chunks, divisor);
      process.stderr.write(`${repetition + 1}/${repetitions} ${row.name}${result ? "" : ": not on this machine"}\n`);
      if (result) row.repetitions.push(result);
      else row.refused = true;
    }
  }
  const refused = rows.filter(({ repetitions }) => repetitions.length === 0).map(({ name }) => name);
  return {
    facts: machine({ bpftrace: true }),
    chunks,
    expected: (REFUSED_ROUNDS / divisor) * (chunks + WARM_UP),
    refused,
    rows: rows.filter((row) => row.repetitions.length > 0).map(plain),
  };
}

const plain = ({ name, repetitions }) => ({ name, repetitions });

async function beside(tracer, chunks, divisor) {
  const before = runCost(chunks, { divisor });
  const running = tracer.start ? await tracer.start() : undefined;
  if (running === null) return null;
  const traced = runCost(chunks, { divisor, ...tracer });
  const seen = await running?.stop();
  const after = runCost(chunks, { divisor });
  if (!before || !after) throw new Error("the measured program failed");
  return traced && { traced, before, after, seen };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file, repetitions, chunks, divisor, ...names] = process.argv.slice(2);
  const wanted = names.length > 0 ? (name) => names.some((start) => name.startsWith(start)) : undefined;
  writeFileSync(
    file,
    JSON.stringify(await measure({ repetitions: Number(repetitions), chunks: Number(chunks), divisor: Number(divisor) }, wanted)),
  );
}
