import type { RefusalItem } from "../model.ts";
import type { Actions } from "./actions.ts";
import { chartKey } from "./chart-keys.ts";
import { el, some } from "./dom.ts";
import { type Hit, hitAt, hitLines } from "./hits.ts";
import { fullHeight, type Layout, layoutOf, trackY } from "./layout.ts";
import { type Canvas, paintChart } from "./paint.ts";
import { paintNames } from "./paint-names.ts";
import { followPointers } from "./pointer.ts";
import type { Scene } from "./scene.ts";
import type { PortData } from "./store.ts";
import type { Tooltip } from "./tooltip.ts";

/** A chart is not taller than this part of the window: its tracks scroll. */
const MOST = 0.7;

/** The chart of one port. Only what is seen is drawn, and only while it is seen. */
export class PortChart {
  readonly element: HTMLElement;
  readonly #scene: Scene;
  readonly #port: PortData;
  readonly #actions: Actions;
  readonly #tooltip: Tooltip;
  readonly #canvas = el("canvas", { "aria-hidden": "true" });
  readonly #room = el("div", { class: "room" });
  readonly #box: HTMLElement;
  #visible = false;

  constructor(scene: Scene, port: PortData, actions: Actions, tooltip: Tooltip) {
    this.#scene = scene;
    this.#port = port;
    this.#actions = actions;
    this.#tooltip = tooltip;
    const title = `port-${port.index}`;
    this.#room.append(this.#canvas);
    this.#box = el(
      "div",
      {
        ...{ class: "chart", tabindex: 0, role: "application", "aria-roledescription": "timeline" },
        ...{ "aria-labelledby": title, "aria-describedby": "keys" },
      },
      this.#room,
    );
    const counts = [
      some(port.refusals.length, "refusal"),
      some(
        port.tracks.reduce((sum, { lanes }) => sum + lanes.length, 0),
        "socket",
      ),
      some(port.events.length, "event"),
    ].join(" · ");
    const groups = port.item.groups.map(([label, text]) => el("p", { class: "group" }, el("b", {}, label), ` ${text}`));
    this.element = el(
      "section",
      { class: "port card" },
      el("header", {}, el("h2", { id: title }, port.item.name), el("p", { class: "counts" }, counts)),
      this.#box,
      ...groups,
    );
    this.#listen();
  }

  paint(): void {
    if (!this.#visible) return;
    const { layout } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [Math.round(layout.width * scale), Math.round(layout.height * scale)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#canvas.style.width = `${layout.width}px`;
    this.#canvas.style.height = `${layout.height}px`;
    const canvas = this.#drawing(layout);
    if (!canvas) return;
    canvas.context.setTransform(scale, 0, 0, scale, 0, 0);
    paintNames(canvas, paintChart(canvas));
  }

  get layout(): Layout {
    return layoutOf(this.#port, this.#box.clientWidth, this.#box.clientHeight, this.#box.scrollTop);
  }

  /** Scrolls to the lane of an event and says what it is. */
  show(event: number): void {
    const [port, t = 0, , lane = -1, , , text = ""] = this.#scene.store.event(event) ?? [];
    if (port !== this.#port.index) return;
    this.#scrollTo(lane);
    const { layout } = this;
    const box = this.#box.getBoundingClientRect();
    const track = this.#scene.store.contents.lanes[lane]?.[1];
    const y = track === undefined ? layout.refusals.top + layout.refusals.height : trackY(layout, track);
    this.#tooltip.show([text], box.left + layout.plot + this.#scene.window.x(t, layout.plotWidth), box.top + y);
  }

  focus(): void {
    this.#box.focus();
  }

  /** Drawn whether it is seen or not: for paper. */
  paintAll(): void {
    this.#visible = true;
    this.#fit();
    this.paint();
  }

  #drawing(layout: Layout): Canvas | null {
    const context = this.#canvas.getContext("2d");
    return context && { context, layout, port: this.#port, scene: this.#scene };
  }

  #scrollTo(lane: number): void {
    const track = this.#scene.store.contents.lanes[lane]?.[1];
    if (track === undefined) return;
    const { layout } = this;
    const y = trackY(layout, track);
    if (y < layout.tracks + layout.track || y > layout.height - layout.track)
      this.#box.scrollTop += y - (layout.tracks + layout.height) / 2;
  }

  /** Gives the chart its height, and the canvas back where it is not seen: many of them need much memory. */
  #fit(): void {
    const full = fullHeight(this.#port);
    this.#room.style.height = `${full}px`;
    this.#box.style.height = `${Math.min(full, Math.max(220, Math.round(innerHeight * MOST)))}px`;
  }

  #listen(): void {
    this.#fit();
    new ResizeObserver(() => {
      this.#fit();
      this.paint();
    }).observe(this.#box);
    new IntersectionObserver((entries) => {
      this.#visible = entries.some(({ isIntersecting }) => isIntersecting);
      if (this.#visible) this.paint();
      else Object.assign(this.#canvas, { width: 0, height: 0 });
    }).observe(this.#box);
    this.#scene.onChange(() => this.paint());
    this.#box.addEventListener("scroll", () => this.paint(), { passive: true });
    this.#box.addEventListener("blur", () => this.#tooltip.hide());
    this.#box.addEventListener("keydown", (event) => {
      if (!chartKey(event, this.#scene, this.#port, this.#actions)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    followPointers(this.#canvas, {
      window: this.#scene.window,
      plot: () => ({ left: this.layout.plot, width: this.layout.plotWidth }),
      hasFocus: () => document.activeElement === this.#box,
      hover: (x, y) => this.#hover(x, y),
      leave: () => this.#tooltip.hide(),
      click: (x, y, finger) => this.#click(x, y, finger),
    });
  }

  #hit(x: number, y: number, finger: boolean): { canvas: Canvas; hit: Hit } | null {
    const canvas = this.#drawing(this.layout);
    const hit = canvas && hitAt(canvas, x, y, finger);
    return canvas && hit ? { canvas, hit } : null;
  }

  #hover(x: number, y: number, finger = false): void {
    const found = this.#hit(x, y, finger);
    this.#canvas.style.cursor = found && (found.hit.kind === "refusals" || found.hit.kind === "event") ? "pointer" : "";
    if (!found) {
      this.#tooltip.hide();
      return;
    }
    const box = this.#canvas.getBoundingClientRect();
    this.#tooltip.show(hitLines(found.canvas, found.hit), box.left + x, box.top + y);
  }

  #click(x: number, y: number, finger: boolean): void {
    this.#box.focus({ preventScroll: true });
    this.#hover(x, y, finger);
    const hit = this.#hit(x, y, finger)?.hit;
    if (hit?.kind === "event") this.#actions.point(hit.index);
    if (hit?.kind === "refusals") this.#openFirst(hit.refusals);
  }

  /** Several that stand for one mark are taken apart, as far as time can be. */
  #openFirst(refusals: readonly RefusalItem[]): void {
    const [, from = 0] = refusals[0] ?? [];
    const [, to = from] = refusals.at(-1) ?? [];
    if (to > from && this.#scene.window.span > (to - from) * 8) this.#scene.goTo(from - (to - from), to + (to - from));
    const first = refusals.find(([, , failure]) => failure !== -1);
    if (first) this.#actions.open(first[2]);
  }
}
