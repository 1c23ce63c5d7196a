import { byId } from "./dom.ts";
import type { Scene } from "./scene.ts";

/** Width of the columns that count refused calls, in CSS pixels. */
const COLUMN = 3;

/** The whole trace as one strip: who was bound or listened, where calls were refused, and which part of it the charts show. */
export class Overview {
  readonly #scene: Scene;
  readonly #canvas = byId("overview", HTMLCanvasElement);

  constructor(scene: Scene) {
    this.#scene = scene;
    scene.onChange(() => this.#paint());
    new ResizeObserver(() => this.#paint()).observe(this.#canvas);
    this.#canvas.addEventListener("pointerdown", (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      this.#centre(event);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) this.#centre(event);
    });
  }

  /** What is shown moves so that its middle is under the pointer. */
  #centre({ offsetX }: PointerEvent): void {
    const { window } = this.#scene;
    const { from, to } = window.bounds;
    const t = from + (offsetX / this.#canvas.clientWidth) * (to - from);
    window.show(t - window.span / 2, t + window.span / 2);
  }

  #paint(): void {
    const { store, window, palette } = this.#scene;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    Object.assign(this.#canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.scale(scale, scale);
    const x = (t: number) => ((t - window.bounds.from) / (window.bounds.to - window.bounds.from)) * width;
    context.globalAlpha = 0.55;
    let painted = Number.NEGATIVE_INFINITY;
    for (const [, kind, from, to] of store.contents.bars) {
      const [left, right] = [x(from), to === null ? width : x(to)];
      if (kind > 1 || (left >= painted - 0.5 && right <= painted + 0.5)) continue;
      painted = right;
      context.fillStyle = kind === 0 ? palette.listening : palette.bound;
      context.fillRect(left, height - 9, Math.max(1, right - left), 5);
    }
    context.globalAlpha = 1;
    this.#paintRefusals(context, x, width, height);
    this.#paintWindow(context, x(window.from), x(window.to), height);
  }

  /** Columns as tall as there are refused calls. */
  #paintRefusals(context: CanvasRenderingContext2D, x: (t: number) => number, width: number, height: number): void {
    const { store, palette } = this.#scene;
    const counts = new Uint32Array(Math.ceil(width / COLUMN) + 1);
    for (const { refusals } of store.ports) {
      for (const [, t] of refusals) {
        const column = Math.floor(x(t) / COLUMN);
        counts[column] = (counts[column] ?? 0) + 1;
      }
    }
    const most = counts.reduce((highest, count) => Math.max(highest, count), 1);
    context.fillStyle = palette.bad;
    counts.forEach((count, column) => {
      const tall = (height - 16) * (0.25 + (0.75 * count) / most);
      if (count > 0) context.fillRect(column * COLUMN, height - 12 - tall, COLUMN - 1, tall);
    });
  }

  #paintWindow(context: CanvasRenderingContext2D, left: number, right: number, height: number): void {
    const { palette, window } = this.#scene;
    if (window.isWhole) return;
    const width = Math.max(4, right - left);
    context.globalAlpha = 0.15;
    context.fillStyle = palette.accent;
    context.fillRect(left, 0, width, height);
    context.globalAlpha = 1;
    context.strokeStyle = palette.accent;
    context.lineWidth = 2;
    context.strokeRect(left, 1, width, height - 2);
  }
}
