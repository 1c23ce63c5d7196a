// What the benchmarks share: numbers, the machine, and a table that goes to stdout and, with DOC=yes, into docs/benchmarks.md.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";

const DOCUMENT = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, and in brackets the least and the greatest. */
export function spread(values, digits = 2) {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${middle} (${least}–${most})`;
}

/** What a figure depends on, as one line. `bpftrace` is left out where none runs. */
export function machine({ bpftrace = false } = {}) {
  // A build suffix says nothing to a reader.
  const kernel = `Linux ${release().replace(/[-+].*/, "")}`;
  const version = bpftrace ? [execFileSync("bpftrace", ["--version"], { encoding: "utf8" }).trim().replace(" v", " ")] : [];
  const day = new Date().toISOString().slice(0, 10);
  return [kernel, ...version, `Node ${process.versions.node}`, `${cpus().length} CPUs`, day].join(", ");
}

/**
 * Prints a table of strings, and puts it into docs/benchmarks.md when DOC=yes: between `<!-- bench NAME -->` and `<!-- end -->`, with
 * the command that gives it and `facts`, on what and when it was measured; `notes` are lines below it.
 */
export function publish(name, { command, facts, head, rows, notes = [] }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows.map(line)];
  const text = [`    ${command}`, "", facts, "", ...table, ...notes.flatMap((note) => ["", note])].join("\n");
  console.log(`${text}\n`);
  if (process.env.DOC !== "yes") return;
  const document = readFileSync(DOCUMENT, "utf8");
  const filled = document.replace(
    new RegExp(`(<!-- bench ${name} -->\n).*?(<!-- end -->)`, "s"),
    (_, start, end) => `${start}\n${text}\n\n${end}`,
  );
  if (filled === document && !document.includes(text)) throw new Error(`docs/benchmarks.md has no place for the table ${name}`);
  writeFileSync(DOCUMENT, filled);
}
