import { byId, el } from "./dom.ts";

/** Distance from the pointer, in CSS pixels. */
const AWAY = 14;

/** The box beside the pointer, or beside what the keyboard is on. */
export class Tooltip {
  readonly #box = byId("tooltip", HTMLElement);

  /** `x`, `y`: where it points, in the window. */
  show(lines: readonly string[], x: number, y: number): void {
    this.#box.replaceChildren(...lines.map((line) => el("p", {}, line)));
    this.#box.hidden = false;
    const { offsetWidth, offsetHeight } = this.#box;
    const { clientWidth, clientHeight } = document.documentElement;
    const left = Math.max(4, Math.min(x + AWAY, clientWidth - offsetWidth - 4));
    const below = y + AWAY + offsetHeight < clientHeight;
    this.#box.style.transform = `translate(${Math.round(left)}px, ${Math.round(below ? y + AWAY : Math.max(4, y - AWAY - offsetHeight))}px)`;
  }

  hide(): void {
    this.#box.hidden = true;
  }
}

/** Tells a screen reader what has just been chosen. */
export function announce(text: string): void {
  byId("status", HTMLElement).textContent = text;
}
