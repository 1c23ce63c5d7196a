import type { Canvas } from "./paint.ts";

/** A gap that is narrower than this has no shade, in CSS pixels. */
const NARROW = 2.5;
/** With more gaps in view, only those are labelled in which the label fits. */
const MANY = 20;

/** Stretches without a server, with their length. */
export function paintGaps(canvas: Canvas): void {
  const { context, layout, port, scene } = canvas;
  const x = (t: number) => layout.plot + scene.window.x(t, layout.plotWidth);
  const inView = port.gaps.filter(([, from, to]) => to >= scene.window.from && from <= scene.window.to);
  let labelled = layout.plot;
  let painted = Number.NEGATIVE_INFINITY;
  for (const [, from, to, text, length] of inView) {
    const [left, right] = [Math.max(layout.plot, x(from)), Math.min(layout.width, x(to))];
    if (right - painted < 1) continue;
    painted = right;
    paintGap(canvas, left, right);
    context.font = `11px ${scene.palette.sans}`;
    const inside = [text, length].find((one) => context.measureText(one).width + 20 < right - left);
    if (!inside && inView.length > MANY) continue;
    const width = context.measureText(inside ?? length).width;
    // What does not fit between its ends stands before them, where there is room.
    const start = inside ? (left + right - width) / 2 : left - width - 8;
    if (start < labelled + 8) continue;
    labelled = inside ? right : left;
    context.fillStyle = scene.palette.surface;
    if (inside) context.fillRect(start - 5, layout.gaps.top + 3, width + 10, layout.gaps.height - 6);
    context.fillStyle = inside ? scene.palette.ink : scene.palette.gap;
    context.fillText(inside ?? length, start, layout.gaps.top + layout.gaps.height / 2 + 4);
  }
}

/** Two ends, a line between them, and a shade over the lanes. */
function paintGap({ context, layout, scene }: Canvas, left: number, right: number): void {
  const { top, height } = layout.gaps;
  const middle = top + height / 2;
  context.fillStyle = scene.palette.gap;
  if (right - left < NARROW) {
    context.fillRect(left, middle - 4, 1, 8);
    return;
  }
  context.globalAlpha = 0.14;
  context.fillRect(left, top, right - left, layout.height - top);
  context.globalAlpha = 1;
  context.strokeStyle = scene.palette.gap;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const x of [left, right]) {
    context.moveTo(x, top + 4);
    context.lineTo(x, top + height - 4);
  }
  context.moveTo(left, middle);
  context.lineTo(right, middle);
  context.stroke();
}
