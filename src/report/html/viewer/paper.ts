import type { PortChart } from "./chart.ts";
import { byId, el, some } from "./dom.ts";
import { failureContent } from "./panel.ts";
import type { Scene } from "./scene.ts";

/** Most failures that are printed in full; a failure that came again is not. */
const MOST = 60;

/** On paper the charts are light, and each failure has its panel below them. */
export function printWell(scene: Scene, charts: readonly PortChart[]): void {
  const sheet = byId("paper", HTMLElement);
  addEventListener("beforeprint", () => {
    scene.recolour();
    scene.drawNow();
    for (const chart of charts) chart.paintAll();
    const { failures } = scene.store.contents;
    const first = failures.filter(({ repeated }) => !repeated);
    const rest = failures.length - Math.min(first.length, MOST);
    sheet.replaceChildren(
      ...first
        .slice(0, MOST)
        .map((failure) => el("article", {}, el("h2", {}, `✗ ${failure.id}  ${failure.head}`), ...failureContent(scene, failure))),
      ...(rest > 0 ? [el("p", {}, `The page itself shows ${some(rest, "failure")} more.`)] : []),
    );
  });
  addEventListener("afterprint", () => {
    sheet.replaceChildren();
    scene.recolour();
  });
}
