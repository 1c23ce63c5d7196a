import type { Nanos } from "../base/nanoseconds.ts";
import type { Lane, PortChart } from "../core/chart.ts";
import type { Header } from "../core/event.ts";
import { axisCells, clockCells, gapRows } from "./chart-axis.ts";
import { barCells, type Cells, connect, type Drawing, markCells, moreText, slotsOf } from "./chart-cells.ts";
import { columnsOf, windowOf } from "./chart-columns.ts";
import { ASCII, legendItems, UNICODE } from "./chart-glyphs.ts";
import { type KnownHolders, type PickedLines, pickLines, roleOf, type Window } from "./chart-lanes.ts";
import { instantsOf, runsOf } from "./chart-runs.ts";
import { durationText, pad, paint, type Style, some, type TextOptions, textWidth, wrap } from "./text.ts";

/** Least room for the words beside a lane, and the greatest share of the width that they and the names have. */
const MIN_WORDS = 12;
const LABEL_SHARE = 0.38;
/** Cells after the last column, for what stayed until the trace ended. */
const MARGIN = 2;

/** One port as lanes over time, and which lines it has. */
export interface DrawnChart {
  picked: PickedLines;
  text: string[];
}

/**
 * A bar for what each socket was, a mark at each refused call, and from there a line to the bars that blocked it, which runs behind
 * those that it only passes. No line is wider than the options say.
 */
export function drawChart(chart: PortChart, holders: KnownHolders, header: Header, options: TextOptions): DrawnChart {
  const whole = pickLines(chart, null, holders, options);
  const last = chart.refusals.at(-1)?.t ?? chart.to;
  const window = windowOf(instantsOf(whole.lines, chart.gaps, runsOf(whole.lines, chart.gaps)), options.width * (1 - LABEL_SHARE), last);
  const picked = window ? pickLines(chart, window, holders, options) : whole;
  return { picked, text: chart.lanes.length > 0 ? chartLines(chart, picked, window, header, options) : [] };
}

function chartLines(chart: PortChart, { lines, left }: PickedLines, window: Window | null, header: Header, options: TextOptions): string[] {
  const runs = runsOf(lines, chart.gaps);
  const beside = labelsOf(lines, chart, options);
  const width = options.width - beside.width - 1;
  const room = new Map(runs.map((run) => [run.from, moreText(run).length]));
  const wanted = (from: Nanos, to: Nanos) => Math.max(textWidth(durationText(to - from, options)), room.get(from) ?? 0);
  const stays = lines.some(({ spans }) => spans?.some(({ to }) => to === null));
  const columns = columnsOf(instantsOf(lines, chart.gaps, runs), stays ? width - MARGIN : width, window, wanted);
  const drawing: Drawing = { slots: slotsOf(columns, lines), runs, width, glyphs: options.ascii ? ASCII : UNICODE, options };
  const rows = lines.map((line) => (line.spans ? barCells(line, drawing) : markCells(line, drawing)));
  const drawn = lines.flatMap((line, index) =>
    (beside.lines[index] ?? []).map((label, height) => ({ label, line, cells: height === 0 ? (rows[index] ?? []) : [] })),
  );
  connect(drawn, drawing);
  const gaps = gapRows(chart.gaps, drawing);
  const body = [
    ...[clockCells(drawing, header), axisCells(drawing)].map((cells) => ({ label: "", cells })),
    ...drawn,
    ...gaps.rows.map((cells, index) => ({ label: index === 0 ? beside.gap : "", cells })),
  ];
  const notes = [...(gaps.left > 0 ? [`${some(gaps.left, "more gap")}`] : []), ...leftText(left)];
  return [
    ...body.map(({ label, cells }) => `${pad(label, beside.width)} ${painted(cells, options)}`.trimEnd()),
    ...legendLines(lines, rows, drawing).map((line) => `  ${line}`),
    ...notes.flatMap((note) => wrap(`${options.ascii ? "..." : "…"} ${note}`, options.width - 2)).map((line) => `  ${line}`),
  ];
}

/** What stands beside the lanes, wrapped where it is too long, the names in a column of their own. */
function labelsOf(lines: PickedLines["lines"], { gaps, protocol }: PortChart, options: TextOptions) {
  const nameWidth = Math.max(0, ...lines.map(({ name }) => textWidth(name)));
  const words = Math.max(MIN_WORDS, Math.floor(options.width * LABEL_SHARE) - nameWidth - 1);
  const gap = gaps.length === 0 ? "" : protocol === "udp" ? "nobody bound" : "nobody listens";
  const wrapped = lines.map(({ name, label }) =>
    wrap(label, words, true).map((part, index) => `${pad(index === 0 ? name : "", nameWidth)} ${part}`),
  );
  return { lines: wrapped, gap, width: Math.max(...[...wrapped.flat(), gap].map(textWidth)) };
}

function painted(cells: Cells, options: TextOptions): string {
  let text = "";
  let run = "";
  let style: Style | undefined;
  const flush = () => {
    text += style && run !== "" ? paint(style, run, options) : run;
    run = "";
  };
  for (const cell of Array.from(cells)) {
    if (cell?.style !== style) flush();
    style = cell?.style;
    run += cell?.glyph ?? " ";
  }
  flush();
  return text;
}

function legendLines(lines: PickedLines["lines"], rows: readonly Cells[], { slots, glyphs, options }: Drawing): string[] {
  const longest = Math.max(...slots.map(({ from, to }) => to - from));
  const bars = lines.flatMap(({ spans }) => (spans ?? []).map(({ kind }) => glyphs.bar[kind]));
  const used = new Set([...rows.flat().map(({ glyph }) => glyph), ...bars]);
  const legend = [""];
  for (const item of legendItems(glyphs, used, longest > 0 ? durationText(longest, options) : null)) {
    const last = legend.at(-1) ?? "";
    const longer = last === "" ? item : `${last}   ${item}`;
    if (last === "" || textWidth(longer) <= options.width - 2) legend[legend.length - 1] = longer;
    else legend.push(item);
  }
  return legend.flatMap((line) => wrap(line, options.width - 2));
}

/** What has no lane. */
function leftText(left: readonly Lane[]): string[] {
  const counts = (["connection", "bound socket"] as const).flatMap((role) => {
    const count = left.filter((lane) => roleOf(lane) === role).length;
    return count === 0 ? [] : [some(count, `more ${role}`)];
  });
  return counts.length === 0 ? [] : [`${counts.join(" and ")} that blocked nothing`];
}
