import type { Part } from "../model.ts";
import { byId, Slices } from "./dom.ts";
import { Store } from "./store.ts";

/** Reads what the page carries, each script tag once, in slices between which the browser can paint and answer. */
export async function load(): Promise<Store> {
  const tags = [...document.querySelectorAll('script[type="application/json"]')];
  const bar = byId("progress", HTMLProgressElement);
  const text = byId("progress-text", HTMLElement);
  const store = new Store();
  const slices = new Slices();
  for (const [index, tag] of tags.entries()) {
    store.add(JSON.parse(tag.textContent ?? "") as Part);
    bar.value = (index + 1) / tags.length;
    text.textContent = `Reading the trace: ${Math.round(bar.value * 100)} %`;
    await slices.rest();
  }
  return store;
}
