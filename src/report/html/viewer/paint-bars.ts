import type { BAR_KINDS } from "../model.ts";
import type { Palette } from "./palette.ts";

/** A bar is never thinner than this, in CSS pixels: what was there can be seen. */
const THINNEST = 2;

export type BarKindName = (typeof BAR_KINDS)[number];

/** One bar, `y` its middle. The kinds differ in height and filling, so that they can be told apart without colour. */
export function paintBar(
  context: CanvasRenderingContext2D,
  kind: BarKindName,
  left: number,
  right: number,
  y: number,
  palette: Palette,
): void {
  const width = Math.max(THINNEST, right - left);
  switch (kind) {
    case "listening":
      context.fillStyle = palette.listening;
      context.fillRect(left, y - 8, width, 16);
      return;
    case "bound":
      context.fillStyle = palette.surface;
      context.strokeStyle = palette.bound;
      context.lineWidth = 2;
      if (width < 5) {
        context.fillStyle = palette.bound;
        context.fillRect(left, y - 6, width, 12);
        return;
      }
      context.fillRect(left + 1, y - 5, width - 2, 10);
      context.strokeRect(left + 1, y - 5, width - 2, 10);
      return;
    case "connected":
      context.fillStyle = palette.connected;
      dashes(context, left, width, y);
      return;
    case "lingering":
      hatched(context, left, width, y, palette.lingering);
      return;
    case "maybe":
      context.fillStyle = palette.maybe;
      dots(context, left, width, y);
      return;
  }
}

/** A dashed line that is 4 pixels tall. */
function dashes(context: CanvasRenderingContext2D, left: number, width: number, y: number): void {
  if (width < 12) {
    context.fillRect(left, y - 2, width, 4);
    return;
  }
  for (let x = 0; x < width; x += 10) context.fillRect(left + x, y - 2, Math.min(7, width - x), 4);
}

/** A dotted line that is 3 pixels tall. */
function dots(context: CanvasRenderingContext2D, left: number, width: number, y: number): void {
  for (let x = 0; x < width; x += 8) context.fillRect(left + x, y - 1.5, Math.min(3, width - x), 3);
}

/** A frame with diagonal lines. */
function hatched(context: CanvasRenderingContext2D, left: number, width: number, y: number, color: string): void {
  context.strokeStyle = color;
  context.fillStyle = color;
  if (width < 8) {
    context.fillRect(left, y - 5, width, 2);
    context.fillRect(left, y + 3, width, 2);
    return;
  }
  context.save();
  context.beginPath();
  context.rect(left, y - 6, width, 12);
  context.clip();
  context.lineWidth = 1.5;
  context.beginPath();
  for (let x = left - 12 - (left % 7); x < left + width; x += 7) {
    context.moveTo(x, y + 6);
    context.lineTo(x + 12, y - 6);
  }
  context.stroke();
  context.restore();
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, y - 5.5, width - 1, 11);
}

/** An edge that is not the end: it goes on. */
export function paintOpenEdge(context: CanvasRenderingContext2D, x: number, y: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.moveTo(x, y - 8);
  context.lineTo(x + 6, y);
  context.lineTo(x, y + 8);
  context.fill();
}

/** A beginning or an end that was not seen itself. */
export function paintUnseenEdge(context: CanvasRenderingContext2D, x: number, y: number, palette: Palette): void {
  context.fillStyle = palette.surface;
  context.fillRect(x - 5, y - 8, 10, 16);
  context.fillStyle = palette.ink;
  context.font = `600 12px ${palette.sans}`;
  context.textAlign = "center";
  context.fillText("?", x, y + 4);
  context.textAlign = "left";
}

export function paintCross(context: CanvasRenderingContext2D, x: number, y: number, size: number, color: string, width: number): void {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size);
  context.lineTo(x - size, y + size);
  context.stroke();
  context.lineCap = "butt";
}

export function paintDiamond(context: CanvasRenderingContext2D, x: number, y: number, size: number, palette: Palette): void {
  context.fillStyle = palette.bad;
  context.strokeStyle = palette.surface;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fill();
  context.stroke();
}
