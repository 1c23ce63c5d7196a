import type { TimeWindow } from "./window.ts";

/** A pointer that moved less than this has clicked, in CSS pixels. */
const CLICK = 5;

/** What moving and turning over a chart does. `x` and `y` are from the left and top of the element. */
export interface Moves {
  window: TimeWindow;
  /** Left end and width of the time axis. */
  plot(): { left: number; width: number };
  hasFocus(): boolean;
  hover(x: number, y: number): void;
  leave(): void;
  click(x: number, y: number, finger: boolean): void;
}

/**
 * Drag moves, two fingers and the wheel zoom. The wheel scrolls the page as ever, unless the chart has the focus or Ctrl is held
 * (which is what the pinch of a touch pad looks like).
 */
export function followPointers(element: HTMLElement, moves: Moves): void {
  const down = new Map<number, { x: number; y: number }>();
  let moved = 0;
  const place = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const timeAt = (x: number) => {
    const { left, width } = moves.plot();
    return moves.window.at(x - left, width);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    down.set(event.pointerId, place(event));
    if (down.size === 1) moved = 0;
    moves.leave();
  });
  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = down.get(event.pointerId);
    if (!before) {
      moves.hover(now.x, now.y);
      return;
    }
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (moved >= CLICK && !element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(before.x, now.x, other.x);
    else moves.window.pan((before.x - now.x) / moves.plot().width);
    down.set(event.pointerId, now);
  });
  /** Two fingers keep the instants that they are on. */
  const pinch = (before: number, now: number, other: number) => {
    const apart = Math.max(20, Math.abs(now - other));
    moves.window.zoom(Math.max(20, Math.abs(before - other)) / apart, timeAt(other));
  };
  const up = (event: PointerEvent) => {
    const was = down.delete(event.pointerId);
    if (was && event.type === "pointerup" && moved < CLICK) moves.click(place(event).x, place(event).y, event.pointerType === "touch");
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  // A finger leaves as soon as it is lifted: what it was on is to be read then.
  element.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") moves.leave();
  });
  element.addEventListener("dblclick", (event) => moves.window.zoom(0.4, timeAt(place(event).x)));
  element.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.shiftKey ? event.deltaX : event.deltaY)) {
        event.preventDefault();
        moves.window.pan(pixels(event, sideways) / moves.plot().width);
      } else if (event.ctrlKey || event.metaKey || moves.hasFocus()) {
        event.preventDefault();
        moves.window.zoom(
          1.0016 ** Math.max(-600, Math.min(600, pixels(event, event.deltaY) * (event.ctrlKey ? 3 : 1))),
          timeAt(place(event).x),
        );
      }
    },
    { passive: false },
  );
}

/** Wheels count in pixels, lines or pages. */
const pixels = ({ deltaMode }: WheelEvent, delta: number) => delta * ([1, 18, 400][deltaMode] ?? 1);
