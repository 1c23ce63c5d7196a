import type { FailureItem } from "../model.ts";
import type { Actions } from "./actions.ts";
import { byId, el } from "./dom.ts";
import type { Scene } from "./scene.ts";
import { firstFrom } from "./store.ts";

/** Events on either side that count as near. */
const NEIGHBOURS = 12;

/** Everything that is known of one failure. */
export class FailurePanel {
  readonly #scene: Scene;
  readonly #element = byId("panel", HTMLElement);
  readonly #title = byId("panel-title", HTMLElement);
  readonly #body = byId("panel-body", HTMLElement);
  #shown = -1;
  #before: Element | null = null;

  constructor(scene: Scene, actions: Actions) {
    this.#scene = scene;
    byId("panel-close", HTMLElement).addEventListener("click", () => actions.close());
    byId("panel-previous", HTMLElement).addEventListener("click", () => this.#step(actions, -1));
    byId("panel-next", HTMLElement).addEventListener("click", () => this.#step(actions, 1));
    byId("panel-zoom", HTMLElement).addEventListener("click", () => this.#zoom());
    this.#element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") actions.close();
      else if (event.key === "ArrowLeft") this.#step(actions, -1);
      else if (event.key === "ArrowRight") this.#step(actions, 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  get isOpen(): boolean {
    return !this.#element.hidden;
  }

  /** Shows a failure; the focus goes to its head. */
  open(index: number): void {
    const failure = this.#scene.store.failure(index);
    if (!failure) return;
    if (!this.isOpen) this.#before = document.activeElement;
    this.#shown = index;
    this.#title.textContent = failure.head;
    this.#body.replaceChildren(...failureContent(this.#scene, failure));
    const count = this.#scene.store.contents.failures.length;
    byId("panel-place", HTMLElement).textContent = `${failure.id} · ${index + 1} of ${count}`;
    byId("panel-previous", HTMLButtonElement).disabled = index === 0;
    byId("panel-next", HTMLButtonElement).disabled = index === count - 1;
    byId("panel-zoom", HTMLButtonElement).disabled = failure.port === -1;
    this.#element.hidden = false;
    document.body.classList.add("with-panel");
    byId("panel-scroll", HTMLElement).scrollTop = 0;
    this.#title.focus({ preventScroll: true });
  }

  /** The focus goes back to where it was. */
  close(): void {
    if (!this.isOpen) return;
    this.#element.hidden = true;
    document.body.classList.remove("with-panel");
    if (this.#before instanceof HTMLElement) this.#before.focus({ preventScroll: true });
    this.#before = null;
  }

  #step(actions: Actions, step: -1 | 1): void {
    if (this.#scene.store.failure(this.#shown + step)) actions.open(this.#shown + step);
  }

  /** A stretch of time that shows the nearest other events, too. */
  #zoom(): void {
    const { store } = this.#scene;
    const failure = store.failure(this.#shown);
    const port = store.ports[failure?.port ?? -1];
    if (!failure || !port) return;
    const timeOf = (position: number) => store.event(port.events[position] ?? -1)?.[1] ?? failure.t;
    const at = firstFrom(port.events.length, timeOf, failure.t);
    const near = Array.from({ length: 2 * NEIGHBOURS }, (_, index) => Math.abs(timeOf(at - NEIGHBOURS + index) - failure.t));
    const [reach = 0] = near
      .filter((distance) => distance > 0)
      .sort((a, b) => a - b)
      .slice(2);
    this.#scene.goTo(failure.t - (reach || 1_000_000) * 1.5, failure.t + (reach || 1_000_000) * 1.5);
  }
}

/** How sure the verdict is, with a sign besides the colour. */
const CERTAINTIES: Readonly<Record<FailureItem["confidence"], string>> = { exact: "● exact", inferred: "◐ inferred", unknown: "○ unknown" };

/** The content of a panel, on the screen and on paper. */
export function failureContent({ store }: Scene, failure: FailureItem): HTMLElement[] {
  const verdict = el(
    "p",
    { class: "verdict" },
    el("span", { class: `badge ${failure.confidence}` }, CERTAINTIES[failure.confidence]),
    el("code", {}, failure.rule),
    el("span", { class: "at" }, failure.at),
  );
  const fields = failure.sections.map(([label, lines]) => {
    const [name = ""] = store.texts([label]);
    const texts = store.texts(lines).map((line) => el("p", {}, line));
    return el("div", { class: `field ${name.replaceAll(" ", "-")}` }, el("dt", {}, name), el("dd", {}, ...texts));
  });
  return [verdict, el("dl", {}, ...fields), optionTable(failure.options.map((row) => store.texts(row)))];
}

function optionTable([head = [], ...rows]: string[][]): HTMLElement {
  return el(
    "div",
    { class: "options" },
    el(
      "table",
      {},
      el("caption", {}, "Both sides"),
      el("thead", {}, el("tr", {}, ...head.map((cell) => (cell === "" ? el("td") : el("th", { scope: "col" }, cell))))),
      el(
        "tbody",
        {},
        ...rows.map(([name = "", ...cells]) => el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((cell) => el("td", {}, cell)))),
      ),
    ),
  );
}
