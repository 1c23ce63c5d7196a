import type { Layout } from "./layout.ts";
import type { Canvas } from "./paint.ts";
import { firstFrom } from "./store.ts";

/** More events than this on each pixel are drawn so that they do not hide what matters. */
const CROWDED = 0.25;

/**
 * Calls `paint` for the events in view: of those on one pixel for the first, and for the first that a search has found. `ring` is
 * called for the one that the keyboard is on.
 */
function eachInView(
  canvas: Canvas,
  events: readonly number[],
  paint: (x: number, wanted: boolean) => void,
  ring: (x: number) => void,
): void {
  const { context, layout, scene } = canvas;
  const { store, window, found } = scene;
  const timeOf = (position: number) => store.event(events[position] ?? -1)?.[1] ?? 0;
  const xOf = (position: number) => layout.plot + window.x(timeOf(position), layout.plotWidth);
  const [first, end] = [window.from, window.to].map((t) => firstFrom(events.length, timeOf, t)) as [number, number];
  const pixel = window.span / layout.plotWidth;
  context.globalAlpha = end - first > layout.plotWidth * CROWDED ? 0.3 : 1;
  for (let position = first; position < end; position = firstFrom(events.length, timeOf, timeOf(position) + pixel)) {
    paint(xOf(position), false);
  }
  context.globalAlpha = 1;
  let painted = Number.NEGATIVE_INFINITY;
  for (let position = first; found && position < end; position++) {
    if (found.events[events[position] ?? -1] !== 1 || xOf(position) - painted < 1) continue;
    painted = xOf(position);
    paint(painted, true);
  }
  const current = firstFrom(events.length, (position) => events[position] ?? 0, scene.event);
  if (events[current] === scene.event) ring(xOf(current));
}

/** A small tick at each event of a lane, below its bar. */
export function paintTicks(canvas: Canvas, events: readonly number[], y: number): void {
  const { context, scene } = canvas;
  const { palette } = scene;
  const tick = (x: number, wanted: boolean) => {
    context.fillStyle = wanted ? palette.accent : palette.ink;
    context.fillRect(Math.round(x) - (wanted ? 1.5 : 0.5), y + 8, wanted ? 3 : 1, wanted ? 6 : 4);
  };
  eachInView(canvas, events, tick, (x) => paintRing(context, x, y, palette.accent));
}

/** A ring where a process ended. */
export function paintExits(canvas: Canvas): void {
  const { context, layout, port, scene } = canvas;
  const { palette } = scene;
  const y = exitsY(layout);
  const circle = (x: number, wanted: boolean) => {
    context.strokeStyle = wanted ? palette.accent : palette.dim;
    context.lineWidth = 1.6;
    context.beginPath();
    context.arc(x, y, 3.5, 0, 2 * Math.PI);
    context.stroke();
  };
  eachInView(canvas, port.exits, circle, (x) => paintRing(context, x, y, palette.accent));
}

/** Ends of processes share the strip of the refused calls. */
const exitsY = (layout: Layout) => layout.refusals.top + layout.refusals.height - 6;

export function paintRing(context: CanvasRenderingContext2D, x: number, y: number, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 2.5;
  context.beginPath();
  context.arc(x, y, 11, 0, 2 * Math.PI);
  context.stroke();
}
