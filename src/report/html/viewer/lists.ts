import type { Actions } from "./actions.ts";
import { byId, countText, el } from "./dom.ts";
import { VirtualList } from "./list.ts";
import type { Scene } from "./scene.ts";
import { clockText } from "./ticks.ts";

type Tab = "failures" | "events";

/** The lists of failures and of events, one of which is seen. */
export class Lists {
  readonly #scene: Scene;
  readonly #lists: Readonly<Record<Tab, VirtualList>>;

  constructor(scene: Scene, actions: Actions) {
    this.#scene = scene;
    const { store } = scene;
    const failures = new VirtualList("failure-list", {
      label: "Failures",
      height: 64,
      fill: (row, item) => {
        const failure = store.failure(item);
        if (!failure) return;
        row.classList.toggle("repeated", failure.repeated);
        row.append(
          el(
            "span",
            { class: "line" },
            el("b", {}, `✗ ${failure.id}`),
            el("span", { class: "at" }, failure.at),
            el("code", {}, failure.rule),
          ),
          el("span", { class: "head" }, failure.head),
        );
      },
      choose: (item) => actions.choose(item),
      open: (item) => actions.open(item),
    });
    const events = new VirtualList("event-list", {
      label: "Events",
      height: 48,
      fill: (row, item) => {
        const [port = -1, t = 0, mark, , , , text = ""] = store.event(item) ?? [];
        row.classList.add(mark ?? "lane");
        const time = clockText(t, store.head.midnight, 6);
        const where = store.ports.length > 1 ? `${store.ports[port]?.item.port ?? ""}` : "";
        row.append(
          el("span", { class: "line" }, el("span", { class: "at" }, time), el("span", {}, where)),
          el("span", { class: "head" }, text),
        );
      },
      choose: (item) => actions.point(item),
      open: (item) => {
        const failure = store.event(item)?.[5] ?? -1;
        if (failure === -1) actions.point(item);
        else actions.open(failure);
      },
    });
    this.#lists = { failures, events };
    for (const tab of ["failures", "events"] as const) {
      byId(`${tab}-view`, HTMLElement).append(this.#lists[tab].element);
      const button = byId(`${tab}-tab`, HTMLElement);
      button.addEventListener("click", () => this.#show(tab));
      button.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        const other = tab === "failures" ? "events" : "failures";
        this.#show(other);
        byId(`${other}-tab`, HTMLElement).focus();
      });
    }
    this.update();
    this.#show(store.contents.failures.length > 0 ? "failures" : "events");
  }

  /** Shows what has been found, or everything. */
  update(): void {
    const { failures, events } = this.#scene.store.contents;
    const { found } = this.#scene;
    this.#fill("failures", chosen(failures.length, found?.failures));
    this.#fill("events", chosen(events.length, found?.events));
  }

  mark(tab: Tab, item: number): void {
    this.#lists[tab].mark(item);
  }

  #fill(tab: Tab, items: Int32Array): void {
    this.#lists[tab].set(items);
    byId(`${tab}-count`, HTMLElement).textContent = countText(items.length);
    byId(`${tab}-none`, HTMLElement).hidden = items.length > 0;
  }

  #show(tab: Tab): void {
    for (const one of ["failures", "events"] as const) {
      const button = byId(`${one}-tab`, HTMLElement);
      button.setAttribute("aria-selected", `${one === tab}`);
      button.tabIndex = one === tab ? 0 : -1;
      byId(`${one}-view`, HTMLElement).hidden = one !== tab;
    }
    this.#lists[tab].draw();
  }
}

/** The numbers below `length`, or those of them that are marked by 1. */
function chosen(length: number, marked: Uint8Array | undefined): Int32Array {
  const all = new Int32Array(length);
  let count = 0;
  for (let index = 0; index < length; index++) {
    if (!marked || marked[index] === 1) all[count++] = index;
  }
  return all.subarray(0, count);
}
