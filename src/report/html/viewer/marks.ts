import type { Canvas } from "./paint.ts";
import { firstFrom } from "./store.ts";

/** Refused calls nearer to each other than this are one mark with their number beside it, in CSS pixels. */
const CLOSE = 12;
/** With more marks than this part of those that would fit, only their number is drawn. */
const CROWDED = 0.4;

/** Refused calls that one mark stands for. */
export interface Mark {
  x: number;
  first: number;
  count: number;
}

export interface Marks {
  all: Mark[];
  /** Refused calls in view. */
  count: number;
  /** Too many to be drawn one by one. */
  crowded: boolean;
}

/** The refused calls of the stretch that is shown, near ones together. */
export function marksOf({ port, scene, layout }: Canvas): Marks {
  const { window } = scene;
  const timeOf = (position: number) => port.refusals[position]?.[1] ?? 0;
  const room = (CLOSE / layout.plotWidth) * window.span;
  const [start, end] = [window.from - room, window.to + room].map((t) => firstFrom(port.refusals.length, timeOf, t)) as [number, number];
  const all: Mark[] = [];
  for (let position = start; position < end; ) {
    const next = Math.min(end, firstFrom(port.refusals.length, timeOf, timeOf(position) + room));
    const count = Math.max(1, next - position);
    all.push({ x: layout.plot + window.x(timeOf(position), layout.plotWidth), first: position, count });
    position += count;
  }
  return { all, count: end - start, crowded: all.length > (layout.plotWidth / CLOSE) * CROWDED };
}
