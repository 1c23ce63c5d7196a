import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import type { PortChart } from "../core/chart.ts";
import type { Header } from "../core/event.ts";
import { type Cells, type Drawing, write } from "./chart-cells.ts";
import { clockTime, durationText, textWidth } from "./text.ts";

/** The lines of a chart that are about time itself. */

/** Most lines with gaps. */
const MAX_GAP_LINES = 3;

/** When the chart begins and ends, and when what is refused was refused, as far as there is room. */
export function clockCells({ slots, width, options }: Drawing, header: Header): Cells {
  const anchor = parseIsoTime(header.clock.wall) ?? 0n;
  const cells: Cells = [];
  const written = new Set<string>();
  const ends = [slots[0], slots.at(-1)];
  const between = [...slots.filter(({ refused }) => refused.size > 0), ...slots];
  for (const slot of [...ends, ...between]) {
    if (!slot) continue;
    const text = clockTime(isoTime(anchor, slot === slots.at(-1) ? slot.to : slot.from), options);
    const start = slot === slots.at(-1) ? Math.max(0, Math.min(slot.x, width - text.length)) : slot.x;
    const free = Array.from({ length: text.length + 4 }, (_, index) => cells[start - 2 + index]).every((cell) => cell === undefined);
    if (free && start + text.length <= width && !written.has(text)) write(cells, start, start + text.length, text);
    written.add(text);
  }
  return cells;
}

/** The columns, and the pauses between them with their length, where there is room for it. */
export function axisCells({ slots, glyphs, options }: Drawing): Cells {
  const cells: Cells = [];
  slots.forEach(({ x, from, to }, index) => {
    cells[x] = { glyph: from === to ? glyphs.instant : glyphs.several, style: "dim" };
    const next = slots[index + 1];
    if (!next) return;
    for (let at = x + 1; at < next.x; at++) cells[at] = { glyph: glyphs.pause, style: "dim" };
    write(cells, x + 1, next.x, durationText(next.from - to, options));
  });
  return cells;
}

/** The gaps, each with its length: first those between columns, then the longest. */
export function gapRows(gaps: PortChart["gaps"], drawing: Drawing): { rows: Cells[]; left: number } {
  const { slots, width } = drawing;
  const rows: Cells[] = [];
  let left = 0;
  const placed = gaps.map(({ from, to }) => ({
    length: to - from,
    begin: slots.findLast((slot) => slot.from <= from)?.x ?? 0,
    end: slots.find((slot) => slot.to >= to)?.x ?? width - 1,
  }));
  const isWithin = ({ begin, end }: (typeof placed)[number]) => Number(begin === end);
  for (const gap of placed.sort((a, b) => isWithin(a) - isWithin(b) || b.length - a.length)) {
    const { start, text } = gapText(gap, drawing);
    const isFree = (cells: Cells) => cells.slice(Math.max(0, start - 1), start + textWidth(text) + 1).every((cell) => cell === undefined);
    const row = rows.find(isFree);
    if (row) write(row, start, start + textWidth(text), text, "bad");
    else if (rows.length < (isWithin(gap) ? 1 : MAX_GAP_LINES)) {
      const cells: Cells = [];
      write(cells, start, start + textWidth(text), text, "bad");
      rows.push(cells);
    } else left++;
  }
  return { rows, left };
}

/** A gap with its length inside, else beside it; where there is no room, its length alone. */
function gapText({ length, begin, end }: { length: Nanos; begin: number; end: number }, { width, glyphs, options }: Drawing) {
  const label = durationText(length, options);
  const room = textWidth(label);
  const [first, middle, last] = glyphs.gap;
  const between = end - begin - 1;
  if (between >= room) {
    const before = Math.floor((between - room) / 2);
    return { start: begin, text: `${first}${middle.repeat(before)}${label}${middle.repeat(between - room - before)}${last}` };
  }
  const bar = begin === end ? glyphs.both : `${first}${middle.repeat(between)}${last}`;
  if (end + 2 + room <= width) return { start: begin, text: `${bar} ${label}` };
  if (begin - 1 - room >= 0) return { start: begin - 1 - room, text: `${label} ${bar}` };
  return { start: Math.max(0, Math.min(begin, width - room)), text: label };
}
