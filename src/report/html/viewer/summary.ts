import { formatDuration } from "../../../base/nanoseconds.ts";
import { byId, countText, el } from "./dom.ts";
import type { Store } from "./store.ts";

/** What it comes to: numbers, what was recorded, and what is missing of it. */
export function showSummary({ head, contents }: Store): void {
  byId("summary", HTMLElement).textContent = head.summary;
  const tile = (value: string, name: string, kind?: string) =>
    el("div", { class: `tile${kind ? ` ${kind}` : ""}` }, el("dd", {}, value), el("dt", {}, name));
  byId("tiles", HTMLElement).append(
    tile(countText(head.refused), "refused", head.refused > 0 ? "bad" : undefined),
    tile(countText(head.explained), "explained", head.explained < head.refused ? "warn" : undefined),
    tile(countText(contents.ports.length), contents.ports.length === 1 ? "port" : "ports"),
    tile(countText(contents.events.length), "events"),
    tile(countText(head.lost), "lost", head.lost > 0 ? "warn" : undefined),
    tile(formatDuration(head.to - head.from), "first to last"),
  );
  byId("facts", HTMLElement).append(...head.facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
  byId("cautions", HTMLElement).append(...head.cautions.map((text) => el("p", { class: "caution" }, `! ${text}`)));
}
