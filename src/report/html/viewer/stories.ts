import type { StoryItem } from "../model.ts";
import { byId, countText, el } from "./dom.ts";
import type { Scene } from "./scene.ts";

/** Stories that are there at once, and that each push of the button adds. */
const AT_ONCE = 8;

const MARKS: Readonly<Record<StoryItem["kind"], string>> = { good: "✓", bad: "✗", warning: "!", restart: "↻" };

/** Retries, restarts and warnings, in the order in which they were told. */
export function showStories(scene: Scene): void {
  const { stories } = scene.store.contents;
  const list = byId("story-list", HTMLElement);
  const more = byId("story-more", HTMLButtonElement);
  byId("stories", HTMLElement).hidden = stories.length === 0;
  const add = () => {
    const shown = list.childElementCount;
    list.append(...stories.slice(shown, shown + AT_ONCE).map((story) => storyElement(scene, story)));
    const left = stories.length - list.childElementCount;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, AT_ONCE)} more of ${countText(left)}`;
  };
  more.addEventListener("click", add);
  add();
}

function storyElement(scene: Scene, story: StoryItem): HTMLElement {
  const reach = Math.max(story.to - story.from, 1_000_000) * 0.05;
  const button = el("button", { type: "button", class: "small" }, "Show");
  button.setAttribute("aria-label", `Show ${story.text} in the charts`);
  button.addEventListener("click", () => scene.goTo(story.from - reach, story.to + reach));
  const steps = story.steps.map(([at, took, text, slowest]) =>
    el(
      "li",
      { class: slowest ? "slowest" : undefined },
      ...[el("span", { class: "at" }, at), el("span", { class: "took" }, took), el("span", {}, text)],
      ...(slowest ? [el("em", {}, "slowest")] : []),
    ),
  );
  return el(
    "article",
    { class: `story ${story.kind}` },
    el(
      "header",
      {},
      el("span", { class: "mark" }, MARKS[story.kind]),
      el("span", { class: "at" }, story.at),
      el("p", {}, story.text),
      button,
    ),
    ...(steps.length > 0 ? [el("ol", {}, ...steps)] : []),
  );
}
