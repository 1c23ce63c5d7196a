import Table from "cli-table3";
import { type PlaceKey, placeKey } from "../core/party.ts";
import type { FailureRecord, PortRecord } from "../core/record.ts";
import { processText } from "./block.ts";
import { countText, durationText, paint, type TextOptions, textWidth, truncate } from "./text.ts";

/** Names that are kept of one port, and shown. */
const MOST_KEPT = 16;
const MOST_NAMED = 3;

interface Tally {
  refused: number;
  blockers: Set<string>;
}

/** Counts the refusals of each port, for the end of a report in which there are many: a table of them, a line a port. */
export class Overview {
  readonly #options: TextOptions;
  readonly #ports = new Map<PlaceKey, Tally>();

  constructor(options: TextOptions) {
    this.#options = options;
  }

  take(failure: FailureRecord): void {
    const tally = this.#ports.get(placeKey(failure)) ?? { refused: 0, blockers: new Set() };
    tally.refused++;
    for (const name of blockerNames(failure, this.#options)) if (tally.blockers.size < MOST_KEPT) tally.blockers.add(name);
    this.#ports.set(placeKey(failure), tally);
  }

  /** Empty where refusals were of one port alone. */
  text(ports: readonly PortRecord[]): string {
    const rows = ports.flatMap((port) => {
      const tally = this.#ports.get(placeKey(port));
      return tally ? [{ port, ...tally }] : [];
    });
    if (rows.length < 2) return "";
    const namespaces = new Set(rows.map(({ port }) => port.netns)).size;
    const head = ["port", ...(namespaces > 1 ? ["namespace"] : []), "refused", "unavailable", "blocked by"];
    const cells = rows.map(({ port, refused, blockers }) => [
      `${port.port === 0 ? "any free port" : port.port}/${port.protocol}`,
      ...(namespaces > 1 ? [`${port.netns}`] : []),
      countText(refused),
      durationText(port.unavailableNs, this.#options),
      namesText([...blockers]),
    ]);
    return `\n${this.#table(head, cells)}\n`;
  }

  /** The last column takes what the others leave. */
  #table(head: readonly string[], rows: readonly string[][]): string {
    const all = [[...head], ...rows];
    const widths = head.map((_, column) => Math.max(...all.map((row) => textWidth(row[column] ?? ""))) + 2);
    const room = this.#options.width - widths.slice(0, -1).reduce((sum, width) => sum + width, 0);
    const table = new Table({
      head: head.map((text) => paint("strong", text, this.#options)),
      colAligns: head.map((text) => (["refused", "unavailable"].includes(text) ? "right" : "left")),
      chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
      style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    });
    table.push(...rows.map((row) => [...row.slice(0, -1), truncate(row.at(-1) ?? "", Math.max(10, room), this.#options)]));
    const lines = table.toString().split("\n");
    return lines.map((line) => line.trimEnd()).join("\n");
  }
}

/** Who has the decisive blocker, else who bound it, else what it is. */
function blockerNames({ blockers, rule }: FailureRecord, options: TextOptions): string[] {
  const [blocker] = blockers;
  if (!blocker) return [`(${rule})`];
  const { holders, opener, state } = blocker;
  const processes = holders.length > 0 || !opener || state === "TIME_WAIT" ? holders : [opener];
  return processes.length > 0 ? processes.map((process) => processText(process, options)) : [state];
}

function namesText(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const shown = names.slice(0, MOST_NAMED).join(", ");
  if (names.length === MOST_KEPT) return `${shown} and many more`;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

const BORDERS = ["top", "bottom", "left", "right"]
  .flatMap((side) => [side, `${side}-mid`])
  .concat(["top-left", "top-right", "bottom-left", "bottom-right", "mid", "mid-mid", "middle"]);
