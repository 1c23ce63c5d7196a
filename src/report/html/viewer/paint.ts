import { BAR_KINDS, BEGIN_SEEN, END_SEEN } from "../model.ts";
import { type Layout, tracksSeen, trackY } from "./layout.ts";
import { type Marks, marksOf } from "./marks.ts";
import { paintBar, paintOpenEdge, paintUnseenEdge } from "./paint-bars.ts";
import { paintExits, paintTicks } from "./paint-events.ts";
import { paintGaps } from "./paint-gaps.ts";
import { paintRefusals } from "./paint-refusals.ts";
import type { Scene } from "./scene.ts";
import { firstFrom, type PortData, type Track } from "./store.ts";
import { ticks } from "./ticks.ts";

/** Room of a label of eight characters on the axis. */
const LABEL = 88;

/** What painting one chart needs. */
export interface Canvas {
  context: CanvasRenderingContext2D;
  port: PortData;
  layout: Layout;
  scene: Scene;
}

/** Paints the chart; gives back the marks that it has. */
export function paintChart(canvas: Canvas): Marks {
  const { context, layout, scene } = canvas;
  context.clearRect(0, 0, layout.width, layout.height);
  context.fillStyle = scene.palette.surface;
  context.fillRect(0, 0, layout.width, layout.height);
  const marks = marksOf(canvas);
  clipped(canvas, 0, layout.tracks, () => paintStripes(canvas));
  clipped(canvas, layout.plot, 0, () => {
    paintAxis(canvas);
    paintGaps(canvas);
  });
  clipped(canvas, layout.plot, layout.tracks, () => paintTracks(canvas));
  clipped(canvas, layout.plot, layout.refusals.top, () => {
    paintExits(canvas);
    paintRefusals(canvas, marks);
  });
  return marks;
}

function clipped({ context, layout }: Canvas, left: number, top: number, paint: () => void): void {
  context.save();
  context.beginPath();
  context.rect(left, top, layout.width - left, layout.height - top);
  context.clip();
  paint();
  context.restore();
}

const xOf = ({ layout, scene }: Canvas, t: number) => layout.plot + scene.window.x(t, layout.plotWidth);

function paintStripes(canvas: Canvas): void {
  const { context, layout, port, scene } = canvas;
  const [first, last] = tracksSeen(layout, port);
  for (let track = first; track <= last; track++) {
    if (track % 2 === 0) continue;
    context.fillStyle = scene.palette.stripe;
    context.fillRect(0, trackY(layout, track) - layout.track / 2, layout.width, layout.track);
  }
}

function paintAxis(canvas: Canvas): void {
  const { context, layout, scene } = canvas;
  const { palette, window, store } = scene;
  context.font = `11px ${palette.mono}`;
  context.textAlign = "center";
  for (const { t, label } of ticks(window.from, window.to, (LABEL / layout.plotWidth) * window.span, store.head.midnight)) {
    const x = Math.round(xOf(canvas, t)) + 0.5;
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, 20);
    context.lineTo(x, layout.height);
    context.stroke();
    const half = context.measureText(label).width / 2;
    if (x - half < layout.plot || x + half > layout.width) continue;
    context.fillStyle = palette.dim;
    context.fillText(label, x, 14);
  }
  context.textAlign = "left";
}

function paintTracks(canvas: Canvas): void {
  const [first, last] = tracksSeen(canvas.layout, canvas.port);
  for (let track = first; track <= last; track++) {
    const data = canvas.port.tracks[track];
    if (!data) continue;
    paintTrack(canvas, data, trackY(canvas.layout, track));
    paintTicks(canvas, data.events, trackY(canvas.layout, track));
  }
}

function paintTrack(canvas: Canvas, { bars }: Track, y: number): void {
  const { context, layout, port, scene } = canvas;
  const { palette, window, store, found } = scene;
  const shared = port.item.labels.length > 0;
  const [leftmost, rightmost] = [layout.plot - 12, layout.width + 12];
  let painted = Number.NEGATIVE_INFINITY;
  const first = firstFrom(bars.length, (position) => bars[position]?.[3] ?? Number.POSITIVE_INFINITY, window.from);
  for (const [lane, kindIndex, from, to, seen] of bars.slice(first)) {
    const kind = BAR_KINDS[kindIndex];
    if (!kind || from > window.to) break;
    const left = Math.max(leftmost, xOf(canvas, from));
    const right = to === null ? rightmost : Math.min(rightmost, xOf(canvas, to));
    // Bars of less than a pixel that follow each other closely look like one.
    if (right - painted < 0.5) continue;
    painted = Math.max(right, left + 1);
    context.globalAlpha = found && !found.lanes[lane] ? 0.25 : 1;
    paintBar(context, kind, left, right, y, palette);
    if (to === null) paintOpenEdge(context, layout.width - 7, y, palette[kind]);
    if (right - left > 16) {
      if (!(seen & BEGIN_SEEN)) paintUnseenEdge(context, left, y, palette);
      if (!(seen & END_SEEN)) paintUnseenEdge(context, right, y, palette);
    }
    if (shared && right - left > 44) {
      context.fillStyle = kind === "listening" ? palette.onListening : palette.ink;
      context.font = `11px ${palette.mono}`;
      const [, , id = ""] = store.contents.lanes[lane] ?? [];
      if (kind === "listening") context.fillText(id, Math.max(left, layout.plot) + 6, y + 4);
    }
  }
  context.globalAlpha = 1;
}
