import { createHash } from "node:crypto";
import { certainFaults } from "../../src/core/faults.ts";
import type { Upstream } from "../../src/core/version.ts";
import type { TableAnswers } from "./pair-answers.ts";
import { networkScript, pairScript } from "./pair-script.ts";
import { pairAt, pairCount, TABLES, type Table } from "./pairs.ts";
import type { Kernel } from "./running-kernel.ts";

const LINE = 120;

interface Recorded {
  kernel: { name: string; upstream: Upstream; bhash2: boolean; orphanUidIsZero: boolean };
  /** `asked` tells whether these are the answers to the pairs as they are now. */
  tables: { name: string; pairs: number; refused: number; asked: string; bits: string[] }[];
}

/** A kernel's own answers as text for test/fixtures/pairs. */
export function recordedText({ name, upstream, traits }: Kernel, answers: readonly TableAnswers[]): string {
  const { bhash2, orphanUidIsZero } = traits;
  const tables = answers.map((table) => {
    const base64 = Buffer.from(table.bits).toString("base64");
    const lines = Array.from({ length: Math.ceil(base64.length / LINE) }, (_, line) => base64.slice(LINE * line, LINE * (line + 1)));
    return { ...table, asked: askedHash(tableOf(table.name)), bits: lines };
  });
  const recorded: Recorded = { kernel: { name, upstream, bhash2, orphanUidIsZero }, tables };
  return `${JSON.stringify(recorded, null, 1)}\n`;
}

/** @throws where the pairs have changed since */
export function readRecorded(text: string): { kernel: Kernel; answers: TableAnswers[] } {
  const { kernel, tables } = JSON.parse(text) as Recorded;
  const { name, upstream, bhash2, orphanUidIsZero } = kernel;
  const answers = tables.map(({ asked, bits, ...table }) => {
    if (asked !== askedHash(tableOf(table.name))) throw new Error(`${table.name} of ${name} answers other pairs: record it again`);
    return { ...table, bits: Buffer.from(bits.join(""), "base64") };
  });
  return { kernel: { name, upstream, traits: { bhash2, orphanUidIsZero }, faults: certainFaults(upstream.version.join(".")) }, answers };
}

function tableOf(name: string): Table {
  const table = TABLES.find((each) => each.name === name);
  if (!table) throw new Error(`there is no table ${name}`);
  return table;
}

/** Of the lines for one pair of each owner and one of each binder: the other pairs have no others. */
function askedHash(table: Table): string {
  const width = table.binders.length;
  const indexes = Array.from({ length: pairCount(table) }, (_, index) => index).filter((index) => index < width || index % width === 0);
  const lines = indexes.flatMap((index) => pairScript(pairAt(table, index), 1024));
  return createHash("sha256")
    .update([...networkScript(table), ...lines].join("\n"))
    .digest("hex")
    .slice(0, 16);
}
