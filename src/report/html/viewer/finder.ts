import { byId, Slices, some } from "./dom.ts";
import type { Found, Scene } from "./scene.ts";
import { eventFits, failureFits, type Term, termsOf } from "./search.ts";

/** Items that are looked at before the clock is. */
const SOME = 200;

/** The search field: what it finds is marked in the charts, and the lists show nothing else. */
export class Finder {
  readonly #scene: Scene;
  readonly #onFound: () => void;
  readonly #field = byId("search", HTMLInputElement);
  #run = 0;

  constructor(scene: Scene, onFound: () => void) {
    this.#scene = scene;
    this.#onFound = onFound;
    this.#field.addEventListener("input", () => void this.#search());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#field.value = "";
      void this.#search();
    });
  }

  async #search(): Promise<void> {
    const run = ++this.#run;
    const terms = termsOf(this.#field.value);
    const found = terms.length === 0 ? null : await this.#find(terms, () => run === this.#run);
    if (run !== this.#run) return;
    this.#scene.found = found;
    const count = (marked: Uint8Array) => marked.reduce((total, one) => total + one, 0);
    byId("found", HTMLElement).textContent = found
      ? `${some(count(found.failures), "failure")}, ${some(count(found.events), "event")}`
      : "";
    this.#onFound();
    this.#scene.changed();
  }

  /** What fits; ends early when `goesOn` says no. */
  async #find(terms: readonly Term[], goesOn: () => boolean): Promise<Found> {
    const { store } = this.#scene;
    const { failures, events, lanes } = store.contents;
    const found: Found = {
      failures: new Uint8Array(failures.length),
      events: new Uint8Array(events.length),
      lanes: new Uint8Array(lanes.length),
    };
    const slices = new Slices();
    for (const [index, failure] of failures.entries()) {
      if (index % SOME === 0 && (await slices.rest()) && !goesOn()) return found;
      const processes = failure.processes.flatMap((process) => store.contents.processes.slice(process, process + 1));
      if (failureFits(terms, failure, processes)) found.failures[index] = 1;
    }
    for (const [index, event] of events.entries()) {
      if (index % SOME === 0 && (await slices.rest()) && !goesOn()) return found;
      const [port, , , lane, process] = event;
      const socket = lanes[lane]?.[2] ?? "";
      if (!eventFits(terms, event, store.ports[port]?.item.port ?? 0, store.process(process), socket)) continue;
      found.events[index] = 1;
      if (lane !== -1) found.lanes[lane] = 1;
    }
    return found;
  }
}
