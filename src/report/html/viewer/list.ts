import { el } from "./dom.ts";

/** Rows beyond what is seen that are there already. */
const MORE = 6;

/** What a list is of. */
export interface Rows {
  /** Name for screen readers. */
  label: string;
  /** Height of each row, in CSS pixels. */
  height: number;
  /** Content of the row of an item. */
  fill(row: HTMLElement, item: number): void;
  /** The reader has moved to it, or wants it opened. */
  choose(item: number): void;
  open(item: number): void;
}

/** A list of any length, of which only the rows that are seen exist (WAI-ARIA listbox, active descendant). */
export class VirtualList {
  readonly element: HTMLElement;
  readonly #rows: Rows;
  readonly #id: string;
  readonly #space = el("div", { class: "space", role: "presentation" });
  #items: ArrayLike<number> = [];
  #chosen = -1;

  constructor(id: string, rows: Rows) {
    this.#id = id;
    this.#rows = rows;
    this.element = el("div", { class: "list", id, role: "listbox", tabindex: 0, "aria-label": rows.label }, this.#space);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#space.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("[data-item]") : null;
      if (row instanceof HTMLElement) this.#rows.open(Number(row.dataset.item));
    });
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** These items from now on. */
  set(items: ArrayLike<number>): void {
    this.#items = items;
    this.element.scrollTop = 0;
    this.draw();
  }

  /** Marks an item, and scrolls to it where it is not seen. */
  mark(item: number): void {
    this.#chosen = item;
    const position = this.#position(item);
    if (position !== -1) {
      const { height } = this.#rows;
      const { scrollTop, clientHeight } = this.element;
      const top = position * height;
      if (top < scrollTop || top + height > scrollTop + clientHeight) this.element.scrollTop = top - clientHeight / 2;
    }
    this.draw();
  }

  draw(): void {
    const { height, fill } = this.#rows;
    const { scrollTop, clientHeight } = this.element;
    this.#space.style.height = `${this.#items.length * height}px`;
    const first = Math.max(0, Math.floor(scrollTop / height) - MORE);
    const last = Math.min(this.#items.length, Math.ceil((scrollTop + clientHeight) / height) + MORE);
    const rows: HTMLElement[] = [];
    for (let position = first; position < last; position++) {
      const item = this.#items[position] ?? -1;
      const chosen = item === this.#chosen;
      const row = el("div", {
        ...{ class: "row", role: "option", id: this.#rowId(item), "data-item": item, "aria-selected": `${chosen}` },
        ...{ "aria-setsize": this.#items.length, "aria-posinset": position + 1 },
      });
      row.style.transform = `translateY(${position * height}px)`;
      row.style.height = `${height}px`;
      fill(row, item);
      rows.push(row);
    }
    this.#space.replaceChildren(...rows);
    if (this.#position(this.#chosen) === -1) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", this.#rowId(this.#chosen));
  }

  #rowId(item: number): string {
    return `${this.#id}-${item}`;
  }

  /** Items rise. */
  #position(item: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle] ?? 0) < item) low = middle + 1;
      else high = middle;
    }
    return this.#items[low] === item ? low : -1;
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#rows.height) - 1);
    const steps: Readonly<Record<string, number>> = {
      ...{ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page },
      ...{ Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY },
    };
    const step = steps[event.key];
    if (event.key === "Enter" || event.key === " ") this.#rows.open(this.#chosen);
    else if (step === undefined) return;
    else {
      const position = this.#position(this.#chosen);
      const wanted = position === -1 && Math.abs(step) <= page ? 0 : position + step;
      const item = this.#items[Math.min(this.#items.length - 1, Math.max(0, wanted))];
      if (item !== undefined) this.#rows.choose(item);
    }
    event.preventDefault();
  }
}
