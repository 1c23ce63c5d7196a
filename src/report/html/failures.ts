import { type Nanos, parseIsoTime } from "../../base/nanoseconds.ts";
import type { FailureRecord, HoldersRecord, ReleaseRecord } from "../../core/record.ts";
import { type Field, processText } from "../block.ts";
import { failureFields, failureText, holdersText, releaseText } from "../failure.ts";
import { EVIDENCE_SENTENCES } from "../sentences.ts";
import { clockTime, escapeText, type TextOptions } from "../text.ts";
import type { FailureItem, Section } from "./model.ts";
import type { Processes, Texts } from "./tables.ts";

/** Most blockers whose options are set beside those of the new socket. */
const MAX_COLUMNS = 6;

/** The refused calls, each with all that its panel shows. */
export class FailureItems {
  readonly items: FailureItem[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #texts: Texts;
  readonly #processes: Processes;
  readonly #options: TextOptions;
  readonly #anchor: bigint;

  /** `anchor`: wall time of instant 0 in ns since 1970. */
  constructor(texts: Texts, processes: Processes, options: TextOptions, anchor: bigint) {
    this.#texts = texts;
    this.#processes = processes;
    this.#options = options;
    this.#anchor = anchor;
  }

  /** -1 where it was not reported. */
  indexOf(id: string): number {
    return this.#indexes.get(id) ?? -1;
  }

  add(record: FailureRecord): void {
    const { binder, blockers } = record;
    const others = blockers.flatMap(({ holders, opener }) => [...holders, ...(opener ? [opener] : [])]);
    const t: Nanos = Number((parseIsoTime(record.at) ?? this.#anchor) - this.#anchor);
    const index = this.items.push({
      ...{ id: record.id, t, port: -1, confidence: record.confidence, rule: record.rule, repeated: record.repeats > 0 },
      ports: [...new Set([record.port, record.requestedPort])],
      processes: [...new Set([binder, ...others].map((process) => this.#processes.of(process)))],
      sockets: [binder.socket, ...blockers.map(({ socket }) => socket)],
      at: clockTime(record.at, this.#options),
      head: escapeText(failureText(record, this.#options)),
      sections: this.#sections([...failureFields(record, this.#options), ...certainty(record), ...this.#binder(record)]),
      options: optionCells(record).map((cells) => cells.map((cell) => this.#texts.of(cell))),
    });
    this.#indexes.set(record.id, index - 1);
  }

  /** What came to be known of a failure after it had been told. */
  follow(record: HoldersRecord | ReleaseRecord): void {
    const [label, text] =
      record.type === "release"
        ? (["released", releaseText(record, this.#options)] as const)
        : (["holders", holdersText(record, this.#options)] as const);
    const item = this.items[this.indexOf(record.failure)];
    if (!item) return;
    const known = item.sections.find(([name]) => name === this.#texts.of(label));
    if (known) known[1].push(this.#texts.of(text));
    else item.sections.push([this.#texts.of(label), [this.#texts.of(text)]]);
    if (record.type === "holders") {
      const processes = record.holders.map((holder) => this.#processes.of(holder));
      item.processes = [...new Set([...item.processes, ...processes])];
    }
  }

  #sections(fields: readonly Field[]): Section[] {
    const sections: Section[] = [];
    for (const [label, text] of fields) {
      const last = sections.at(-1);
      const goesOn = label === "" || (label === "note" && last?.[0] === this.#texts.of(label));
      if (goesOn && last) last[1].push(this.#texts.of(text));
      else sections.push([this.#texts.of(label), [this.#texts.of(text)]]);
    }
    return sections;
  }

  /** The refused process: who it is, and who started it. */
  #binder({ binder }: FailureRecord): Field[] {
    const { process, pid, tid, nsPid, processUid, fd } = binder;
    const who = [
      processText(binder, this.#options),
      ...(tid === pid ? [] : [`thread ${tid}`]),
      ...(nsPid === pid ? [] : [`pid ${nsPid} in its namespace`]),
      `uid ${processUid}`,
      ...(fd === null ? [] : [`fd ${fd}`]),
    ].join(", ");
    const parents = process.parents.map((parent) => processText(parent, this.#options));
    return [
      ["refused", who],
      ...(process.command === null ? [] : [["", process.command] as const]),
      ...(parents.length === 0 ? [] : [["parents", parents.join(" ← ")] as const]),
    ];
  }
}

/** What the verdict rests on; how sure it is, where the fields do not say so. */
function certainty({ confidence, evidence, ownersCounted, walkComplete }: FailureRecord): Field[] {
  const owners = `${ownersCounted} ${ownersCounted === 1 ? "owner" : "owners"} counted${walkComplete ? "" : ", not all of them looked at"}`;
  const counted = ownersCounted === 0 ? "" : `; ${owners}`;
  return [...(confidence === "exact" ? [["certainty", "exact"] as const] : []), ["evidence", `${EVIDENCE_SENTENCES[evidence]}${counted}`]];
}

type Side = FailureRecord["binder"] | FailureRecord["blockers"][number];

const ROWS: readonly [name: string, cell: (side: Side) => string, always: boolean][] = [
  ["SO_REUSEADDR", ({ reuseAddr }) => (reuseAddr ? "yes" : "no"), true],
  ["SO_REUSEPORT", ({ reusePort }) => (reusePort ? "yes" : "no"), true],
  ["IPV6_V6ONLY", ({ ipv6Only }) => (ipv6Only ? "yes" : "no"), false],
  ["uid", ({ socketUid }) => orDash(socketUid), true],
  ["inode", ({ inode }) => orDash(inode), true],
  ["device", ({ device }) => orDash(device), false],
  ["group", ({ group }) => (group ? `${group.id} (${group.size})` : "–"), false],
  ["references", (side) => ("references" in side ? orDash(side.references) : "–"), false],
];

const orDash = (value: number | null) => (value === null ? "–" : `${value}`);

/** The options of both sides beside each other; rows that say nothing of anybody are left out. */
function optionCells({ binder, blockers }: FailureRecord): string[][] {
  const sides: Side[] = [binder, ...blockers.slice(0, MAX_COLUMNS)];
  const rows = ROWS.map(([name, cell, always]) => ({ cells: [name, ...sides.map(cell)], always }));
  const said = rows.filter(({ cells, always }) => always || cells.slice(1).some((cell) => cell !== "–" && cell !== "no"));
  return [["", `${binder.socket} (refused)`, ...sides.slice(1).map(({ socket }) => socket)], ...said.map(({ cells }) => cells)];
}
