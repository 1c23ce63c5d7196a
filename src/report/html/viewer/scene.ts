import type { Palette } from "./palette.ts";
import { readPalette } from "./palette.ts";
import type { Store } from "./store.ts";
import { TimeWindow } from "./window.ts";

/** What a search has found; null where nothing is looked for. */
export interface Found {
  /** 1 for each failure, event and lane that was found. */
  failures: Uint8Array;
  events: Uint8Array;
  lanes: Uint8Array;
}

/** What all parts of the page show together, and how they learn that it has changed. */
export class Scene {
  readonly store: Store;
  readonly window: TimeWindow;
  palette: Palette = readPalette();
  found: Found | null = null;
  /** The failure that is chosen, and the event that the keyboard is on; -1 for none. */
  failure = -1;
  event = -1;
  readonly #listeners: (() => void)[] = [];
  #asked = false;
  #moving = 0;

  constructor(store: Store) {
    this.store = store;
    this.window = new TimeWindow(store.head.from, store.head.to, () => this.changed());
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells everybody before the next frame, once. */
  changed(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow(): void {
    this.#asked = false;
    for (const listener of this.#listeners) listener();
  }

  recolour(): void {
    this.palette = readPalette();
    this.changed();
  }

  /** Goes to that stretch of time, in a few steps unless the reader wants no motion. */
  goTo(from: number, to: number): void {
    cancelAnimationFrame(this.#moving);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.window.show(from, to);
      return;
    }
    const start = { from: this.window.from, to: this.window.to };
    const began = performance.now();
    const step = (now: number) => {
      const part = Math.min(1, Math.max(0, (now - began) / 220));
      const eased = 1 - (1 - part) ** 3;
      this.window.show(start.from + (from - start.from) * eased, start.to + (to - start.to) * eased);
      if (part < 1) this.#moving = requestAnimationFrame(step);
    };
    this.#moving = requestAnimationFrame(step);
  }

  /** Brings an instant into view, where it is not. */
  reveal(t: number): void {
    const { from, to, span } = this.window;
    if (t < from + span * 0.02 || t > to - span * 0.02) this.goTo(t - span / 2, t + span / 2);
  }
}
