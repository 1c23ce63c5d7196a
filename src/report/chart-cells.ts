import type { SpanKind } from "../core/chart.ts";
import type { Socket } from "../core/socket.ts";
import type { Column } from "./chart-columns.ts";
import { changeGlyph, type Glyphs } from "./chart-glyphs.ts";
import type { PickedLines, RefusedLine, SocketLine } from "./chart-lanes.ts";
import type { Run } from "./chart-runs.ts";
import { countText, type Style, type TextOptions, textWidth } from "./text.ts";

/** What stands in the lines of a chart. */

/** One line beside the labels: blank where there is no cell. */
export type Cells = { glyph: string; style?: Style }[];

/** A column, and the refused calls in it. */
export interface Slot extends Column {
  refused: Set<RefusedLine>;
  blockers: Set<Socket>;
}

/** What the lines of one chart share. */
export interface Drawing {
  slots: readonly Slot[];
  runs: readonly Run[];
  /** Cells beside the labels. */
  width: number;
  glyphs: Glyphs;
  options: TextOptions;
}

/** The columns with the refused calls that are drawn in each; those inside of a run are in none. */
export function slotsOf(columns: readonly Column[], lines: PickedLines["lines"]): Slot[] {
  const slots = columns.map((column): Slot => ({ ...column, refused: new Set(), blockers: new Set() }));
  for (const line of lines) {
    let index = 0;
    for (const { t, blockers } of line.refusals ?? []) {
      while (index < slots.length - 1 && (slots[index]?.to ?? t) < t) index++;
      const slot = slots[index];
      if (!slot || !line.refusals || t < slot.from) continue;
      slot.refused.add(line);
      for (const socket of blockers) slot.blockers.add(socket);
    }
  }
  return slots;
}

/** The bars of one lane, and where they were in the way. */
export function barCells({ spans, sockets }: SocketLine, { slots, glyphs, width }: Drawing): Cells {
  const cells: Cells = [];
  const changes = spans.flatMap(({ kind, from, to, beginSeen, endSeen }, index) => [
    { t: from, now: kind, seen: beginSeen },
    ...(to === null || spans[index + 1]?.from === to ? [] : [{ t: to, now: null, seen: endSeen }]),
  ]);
  let now: SpanKind | null = null;
  let next = 0;
  slots.forEach(({ to, x, blockers }, index) => {
    const [before, first] = [now, next];
    while (next < changes.length && (changes[next]?.t ?? to) <= to) next++;
    const last = next > first ? changes[next - 1] : undefined;
    now = last ? last.now : now;
    const bar = now === null ? [] : Array<string>((slots[index + 1]?.x ?? width) - x).fill(glyphs.bar[now]);
    bar.forEach((glyph, offset) => {
      cells[x + offset] = { glyph };
    });
    // Nothing happens to a socket at the moment at which it was last seen.
    const change = now === "maybe" ? changes.slice(first, next - 1).at(-1) : last;
    if (change) cells[x] = { glyph: changeGlyph(before, change.now, change.seen, glyphs) };
    else if (last && before) cells[x] = { glyph: glyphs.bar[before] };
    if (!meets(sockets, blockers)) return;
    if (cells[x]?.glyph === glyphs.unseen && before === null && x > 0) cells[x - 1] ??= { glyph: glyphs.unseen };
    cells[x] = { glyph: glyphs.blocked, style: "bad" };
  });
  return cells;
}

function meets(a: ReadonlySet<Socket>, b: ReadonlySet<Socket>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const socket of few) if (many.has(socket)) return true;
  return false;
}

/** What stands between the first and the last refusal of a run. */
export const moreText = ({ more }: Run) => `${countText(more)} more`;

/** The refused calls of one line. */
export function markCells(line: RefusedLine, { slots, runs, glyphs }: Drawing): Cells {
  const cells: Cells = [];
  const own = new Map(runs.filter((run) => run.line === line).map((run) => [run.from, run]));
  slots.forEach(({ x, to, refused }, index) => {
    if (!refused.has(line)) return;
    cells[x] = { glyph: glyphs.refused, style: "bad" };
    const [run, next] = [own.get(to), slots[index + 1]];
    if (run && next?.from === run.to) write(cells, x + 1, next.x, moreText(run));
  });
  return cells;
}

/** Draws the lines from the refused calls to their blockers. */
export function connect(drawn: readonly { line: SocketLine | RefusedLine; cells: Cells }[], { slots, glyphs }: Drawing): void {
  for (const { x, refused, blockers } of slots) {
    if (blockers.size === 0) continue;
    const isEnd = ({ line }: (typeof drawn)[number]) => (line.refusals ? refused.has(line) : meets(line.sockets, blockers));
    const last = drawn.findLastIndex((row) => isEnd(row) && row.cells[x] !== undefined);
    for (const { cells } of drawn.slice(drawn.findIndex(isEnd), last)) cells[x] ??= { glyph: glyphs.line, style: "bad" };
  }
}

/** Puts text into the middle between two cells, if there is room for it. */
export function write(cells: Cells, from: number, to: number, text: string, style?: Style): void {
  const room = to - from - textWidth(text);
  if (room < 0) return;
  const start = from + Math.floor(room / 2);
  [...text].forEach((glyph, index) => {
    cells[start + index] = style ? { glyph, style } : { glyph };
  });
}
