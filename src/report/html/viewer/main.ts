import { formatDuration, SECOND } from "../../../base/nanoseconds.ts";
import type { Actions } from "./actions.ts";
import { PortChart } from "./chart.ts";
import { byId, pause } from "./dom.ts";
import { Finder } from "./finder.ts";
import { Lists } from "./lists.ts";
import { load } from "./load.ts";
import { Overview } from "./overview.ts";
import { FailurePanel } from "./panel.ts";
import { printWell } from "./paper.ts";
import { Scene } from "./scene.ts";
import { showStories } from "./stories.ts";
import { showSummary } from "./summary.ts";
import { followTheme } from "./theme.ts";
import { clockText } from "./ticks.ts";
import { announce, Tooltip } from "./tooltip.ts";

async function start(): Promise<void> {
  let scene: Scene | undefined;
  followTheme(() => scene?.recolour());
  const store = await load();
  showSummary(store);
  byId("main", HTMLElement).hidden = false;
  scene = new Scene(store);
  await pause();
  const shown = show(scene);
  for (const port of store.ports) {
    await pause();
    shown.add(port.index);
  }
  await pause();
  showStories(scene);
  byId("loading", HTMLElement).hidden = true;
  document.body.removeAttribute("aria-busy");
}

/** Joins the parts of the page. */
function show(scene: Scene): { add(port: number): void } {
  const { store } = scene;
  const tooltip = new Tooltip();
  const charts: PortChart[] = [];
  const actions: Actions = {
    choose: (failure) => {
      const item = store.failure(failure);
      scene.failure = item ? failure : -1;
      scene.changed();
      lists.mark("failures", scene.failure);
      if (!item) return;
      if (item.port !== -1) scene.reveal(item.t);
      announce(`${item.id}: ${item.head}`);
    },
    open: (failure) => {
      if (!store.failure(failure)) return;
      actions.choose(failure);
      tooltip.hide();
      panel.open(failure);
    },
    close: () => {
      tooltip.hide();
      panel.close();
    },
    point: (event) => {
      const [port = -1, t = 0, , , , , text = ""] = store.event(event) ?? [];
      scene.event = event;
      lists.mark("events", event);
      scene.reveal(t);
      scene.changed();
      charts[port]?.show(event);
      announce(text);
    },
  };
  const lists = new Lists(scene, actions);
  const panel = new FailurePanel(scene, actions);
  new Finder(scene, () => lists.update());
  new Overview(scene);
  printWell(scene, charts);
  followButtons(scene);
  scene.onChange(() => showRange(scene));
  showRange(scene);
  return {
    add: (index) => {
      const port = store.ports[index];
      if (!port) return;
      const chart = new PortChart(scene, port, actions, tooltip);
      charts.push(chart);
      byId("charts", HTMLElement).append(chart.element);
    },
  };
}

function followButtons({ window }: Scene): void {
  const does: Readonly<Record<string, () => void>> = {
    "zoom-in": () => window.zoom(0.6),
    "zoom-out": () => window.zoom(1 / 0.6),
    "pan-left": () => window.pan(-0.3),
    "pan-right": () => window.pan(0.3),
    "zoom-all": () => window.all(),
  };
  for (const [id, action] of Object.entries(does)) byId(id, HTMLElement).addEventListener("click", action);
}

/** From when to when the charts show, and how long that is. */
function showRange({ window: { from, to, span }, store }: Scene): void {
  const { midnight } = store.head;
  const decimals = span > 100 * SECOND ? 0 : span > SECOND / 10 ? 3 : 6;
  const text = `${clockText(from, midnight, decimals)} – ${clockText(to, midnight, decimals)}\n${formatDuration(span)}`;
  byId("range", HTMLElement).textContent = text;
}

void start();
