/** Elements are made here and nowhere else: text becomes text nodes, never markup. */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** An element with these attributes and children; `undefined` and `false` leave an attribute out. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : `${value}`);
  }
  element.append(...children);
  return element;
}

/** The element of the page with that id, of that kind. */
export function byId<T extends HTMLElement>(id: string, kind: abstract new (...args: never[]) => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

/** Lets the browser paint and answer before what follows. */
export const pause = () => new Promise<void>((done) => setTimeout(done));

/** How long the page may be busy without a pause, in ms. */
const BUSY = 12;

/** Long work in slices: `rest` pauses when a slice has lasted long enough, and says whether it did. */
export class Slices {
  #began = performance.now();

  async rest(): Promise<boolean> {
    if (performance.now() - this.#began < BUSY) return false;
    await pause();
    this.#began = performance.now();
    return true;
  }
}

/** `41,203`. */
export const countText = (count: number) => count.toLocaleString("en-US");

/** `1 event`, `41,203 events`. */
export const some = (count: number, thing: string) => `${countText(count)} ${thing}${count === 1 ? "" : "s"}`;
