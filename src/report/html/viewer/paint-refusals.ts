import type { RefusalItem } from "../model.ts";
import { trackY } from "./layout.ts";
import type { Marks } from "./marks.ts";
import type { Canvas } from "./paint.ts";
import { paintCross, paintDiamond } from "./paint-bars.ts";
import { paintRing } from "./paint-events.ts";

/** Most lanes to which lines go from one mark. */
const MAX_LINKS = 24;
/** Least distance between the numbers beside marks, in CSS pixels. */
const NUMBER = 34;

export function paintRefusals(canvas: Canvas, marks: Marks): void {
  if (marks.crowded) paintCrowd(canvas, marks);
  else paintMarks(canvas, marks);
  canvas.context.globalAlpha = 1;
}

const middle = ({ layout }: Canvas) => layout.refusals.top + layout.refusals.height / 2;

/** How many there are where, as columns; only the chosen one has its cross. */
function paintCrowd(canvas: Canvas, marks: Marks): void {
  const { context, layout, port, scene } = canvas;
  const { palette, found } = scene;
  const most = marks.all.reduce((highest, { count }) => Math.max(highest, count), 1);
  const bottom = layout.refusals.top + layout.refusals.height - 1;
  marks.all.forEach(({ x, first, count }, index) => {
    const some = port.refusals.slice(first, first + count);
    context.globalAlpha = found && !some.some(([, , failure]) => found.failures[failure]) ? 0.25 : 1;
    context.fillStyle = palette.bad;
    const width = Math.min(12, (marks.all[index + 1]?.x ?? x + 12) - x) - 1;
    const height = 3 + ((layout.refusals.height - 6) * count) / most;
    context.fillRect(x, bottom - height, width, height);
  });
  context.globalAlpha = 1;
  const chosen = port.refusals.find(([, , failure]) => failure !== -1 && failure === scene.failure);
  if (chosen) paintMark(canvas, layout.plot + scene.window.x(chosen[1], layout.plotWidth), [chosen], true);
}

function paintMarks(canvas: Canvas, marks: Marks): void {
  const { context, port, scene } = canvas;
  const { palette, found } = scene;
  let numbered = Number.NEGATIVE_INFINITY;
  for (const { x, first, count } of marks.all) {
    const some = port.refusals.slice(first, first + count);
    const chosen = some.some(([, , failure]) => failure !== -1 && failure === scene.failure);
    context.globalAlpha = found && !some.some(([, , failure]) => found.failures[failure]) ? 0.25 : 1;
    paintMark(canvas, x, some, chosen);
    if (count === 1 || x - numbered < NUMBER) continue;
    numbered = x;
    context.font = `600 10px ${palette.sans}`;
    context.fillStyle = palette.bad;
    context.fillText(`×${count}`, x + 8, middle(canvas) - 4);
  }
}

function paintMark(canvas: Canvas, x: number, refusals: readonly RefusalItem[], chosen: boolean): void {
  const { context, scene } = canvas;
  const y = middle(canvas);
  paintLinks(canvas, x, y, refusals, chosen);
  paintCross(context, x, y, 5, scene.palette.bad, chosen ? 3.5 : 2.2);
  if (chosen) paintRing(context, x, y, scene.palette.bad);
}

/** A line from a refused call down to each bar that blocked it. */
function paintLinks(canvas: Canvas, x: number, y: number, refusals: readonly RefusalItem[], chosen: boolean): void {
  const { context, layout, scene } = canvas;
  const lanes = [...new Set(refusals.slice(0, MAX_LINKS).flatMap(([, , , some]) => some))].slice(0, MAX_LINKS);
  const heights = [...new Set(lanes.map((lane) => trackY(layout, scene.store.contents.lanes[lane]?.[1] ?? 0)))];
  if (heights.length === 0) return;
  context.strokeStyle = scene.palette.bad;
  context.lineWidth = chosen ? 2.5 : 1.2;
  context.beginPath();
  context.moveTo(x, y + 8);
  context.lineTo(x, Math.max(y + 8, ...heights));
  context.stroke();
  for (const height of heights) {
    if (height > layout.tracks) paintDiamond(context, x, height, chosen ? 7 : 5.5, scene.palette);
  }
}
