// size.mjs: how many bytes an event of a saved trace takes, plain and compressed as --save does it, of binds that succeed and that
// are refused.

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { machine, publish } from "./table.mjs";
import { runCost, startBindtrace } from "./tracers.mjs";

const CHUNKS = 5;
const folder = mkdtempSync(join(tmpdir(), "bindtrace-bench-"));
try {
  const file = join(folder, "trace.jsonl.gz");
  const running = await startBindtrace(["--save", file]);
  runCost(CHUNKS);
  await running.stop();
  const plain = gunzipSync(readFileSync(file));
  // The header and the end are no events.
  const events = plain.toString("latin1").split("\n").length - 3;
  const perEvent = (bytes) => (bytes / events).toFixed(0);
  publish("size", {
    command: "make bench",
    facts: `${machine({ bpftrace: true })}; ${events} events.`,
    head: ["", "bytes an event"],
    rows: [
      ["`--save t.jsonl`", perEvent(plain.length)],
      ["`--save t.jsonl.gz`", perEvent(statSync(file).size)],
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
