// cost.mjs: what it costs others that a trace runs: a few system calls untraced, under bindtrace with each hook set that this
// machine lets in, and under strace. REPETITIONS= and CHUNKS= for other than seven and eleven; AS=cost-ring-buffer for another place
// in the document, with a bpftrace of 0.20 or later first in PATH.

import { measure } from "./measure.mjs";
import { againstStrace, completeness, HEAD, ratioRows } from "./ratios.mjs";
import { publish } from "./table.mjs";

const { REPETITIONS = "7", CHUNKS = "11", AS = "cost" } = process.env;
const measured = await measure({ repetitions: Number(REPETITIONS), chunks: Number(CHUNKS) }, (name) => name !== "bindsnoop");
const command = AS === "cost" ? "make bench" : `AS=${AS} REPETITIONS=${REPETITIONS} node test/bench/cost.mjs`;
const refused =
  measured.refused.length > 0 ? [`This machine does not let in: ${measured.refused.map((name) => `\`${name}\``).join(", ")}.`] : [];
publish(AS, {
  command,
  facts: `${measured.facts}; untraced = 1, median of ${REPETITIONS} repetitions of ${CHUNKS} chunks (least–greatest).`,
  head: HEAD,
  rows: ratioRows(measured),
  notes: [completeness(measured), ...refused],
});
publish(`${AS}-against-strace`, { command, facts: `${measured.facts}; from the same run.`, head: HEAD, rows: againstStrace(measured) });
