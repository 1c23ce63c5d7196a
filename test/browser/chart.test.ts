import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Part } from "../../src/report/html/model.ts";
import { layoutOf, trackY } from "../../src/report/html/viewer/layout.ts";
import { Store } from "../../src/report/html/viewer/store.ts";
import { TimeWindow } from "../../src/report/html/viewer/window.ts";
import { browserProblem } from "../helpers/browser.ts";
import { header } from "../helpers/events.ts";
import { pageOf, useBrowser } from "./chromium.ts";
import { firstSentences, REFUSED, smallTrace } from "./small-trace.ts";

const range = (page: Page) => page.textContent("#range");
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.className);
/** The lines of the box beside the pointer, null where it is not there. */
const tooltip = (page: Page) =>
  page.$eval("#tooltip", (box) => ((box as HTMLElement).hidden ? null : [...box.children].map((line) => line.textContent)));
const status = (page: Page) => page.textContent("#status");

/** Where in the window the first chart has an instant on its strip of refused calls (track null), or on a track. */
async function placeOf(page: Page, t: number, track: number | null): Promise<[number, number]> {
  const store = new Store();
  for (const text of await page.$$eval('script[type="application/json"]', (tags) => tags.map((tag) => tag.textContent ?? ""))) {
    store.add(JSON.parse(text) as Part);
  }
  const box = await page.locator(".chart canvas").first().boundingBox();
  const [port] = store.ports;
  if (!box || !port) throw new Error("no chart");
  const layout = layoutOf(port, box.width, box.height, 0);
  const window = new TimeWindow(store.head.from, store.head.to, () => {});
  const y = track === null ? layout.refusals.top + layout.refusals.height / 2 : trackY(layout, track);
  return [box.x + layout.plot + window.x(t, layout.plotWidth), box.y + y];
}

const [BOUND, LISTENED] = firstSentences();

describe.skipIf(browserProblem !== null)("a chart", () => {
  const browser = useBrowser();
  const show = (options = {}) => browser.show(pageOf(header(), smallTrace()), { reducedMotion: "reduce", ...options });

  it("tells what is under the pointer", async () => {
    const page = await show();
    await page.mouse.move(...(await placeOf(page, REFUSED, null)));
    await expect.poll(() => tooltip(page)).toEqual(["15:03:00.200000  node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)"]);
    await page.mouse.move(...(await placeOf(page, REFUSED + 60_000_000, 0)));
    await expect
      .poll(() => tooltip(page))
      .toEqual(["s1  0.0.0.0:8080", "listening, from 15:03:00.102000, to 15:03:00.501000", "bound by node[10]"]);
    await page.mouse.move(5, 5);
    await expect.poll(() => tooltip(page)).toBeNull();
  });

  it("opens the failure that is clicked", async () => {
    const page = await show();
    await page.mouse.click(...(await placeOf(page, REFUSED, null)));
    expect(await page.textContent("#panel-place")).toBe("f1 · 1 of 3");
    await page.keyboard.press("Escape");
    expect(await focused(page)).toBe("chart");
  });

  it("opens the failure near which a finger taps, and says what else is there", async () => {
    const page = await show({ hasTouch: true, viewport: { width: 390, height: 844 } });
    const [x, y] = await placeOf(page, REFUSED, null);
    await page.touchscreen.tap(x + 14, y);
    await expect.poll(() => page.textContent("#panel-place")).toBe("f1 · 1 of 3");
    await page.click("#panel-close");
    await page.touchscreen.tap(...(await placeOf(page, REFUSED + 50_000_000, 0)));
    await expect
      .poll(() => tooltip(page))
      .toEqual(["s1  0.0.0.0:8080", "listening, from 15:03:00.102000, to 15:03:00.501000", "bound by node[10]"]);
  });

  it("is reached and read by the keyboard alone", async () => {
    const page = await show();
    const path: (string | undefined)[] = [];
    for (let step = 0; step < 11; step++) {
      await page.keyboard.press("Tab");
      path.push(await focused(page));
    }
    expect(path).toEqual(
      ["skip", "theme", "search", "pan-left", "zoom-out", "zoom-all", "zoom-in", "pan-right", "chart"].concat(["small", "small"]),
    );
    await page.focus(".chart");
    for (const [key, said] of [
      ["ArrowRight", "f1: node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)"],
      ["ArrowRight", "f2: node[20] could not bind 0.0.0.0:8080  (2nd time, still s1)"],
      ["End", "f3: node[20] could not bind 0.0.0.0:8080  (3rd time, still s1)"],
      ["ArrowRight", "f3: node[20] could not bind 0.0.0.0:8080  (3rd time, still s1)"],
      ["ArrowLeft", "f2: node[20] could not bind 0.0.0.0:8080  (2nd time, still s1)"],
      ["Home", "f1: node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)"],
      ["ArrowDown", BOUND],
      ["ArrowDown", LISTENED],
      ["ArrowUp", BOUND],
    ] as const) {
      await page.keyboard.press(key);
      expect([key, await status(page)]).toEqual([key, said]);
    }
    expect(await tooltip(page)).toEqual([BOUND]);
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("panel-title");
    await page.keyboard.press("Escape");
    expect([await focused(page), await page.isVisible("#panel")]).toEqual(["chart", false]);
  });

  it("shows the focus", async () => {
    const page = await show();
    await page.focus("#search");
    for (let step = 0; step < 6; step++) await page.keyboard.press("Tab");
    expect(await page.$eval(".chart", (chart) => [chart === document.activeElement, getComputedStyle(chart).outlineStyle])).toEqual([
      true,
      "solid",
    ]);
  });

  it.each<[string, (page: Page) => Promise<void>, RegExp]>([
    ["buttons", (page) => page.click("#zoom-in"), /\n262 ms$/],
    ["keys", (page) => page.focus(".chart").then(() => page.keyboard.press("+")), /\n262 ms$/],
    ["Ctrl and the wheel", (page) => wheel(page, ["Control"]), /\n1\d\d ms$/],
    ["the wheel on the chart that has the focus", (page) => page.focus(".chart").then(() => wheel(page, [])), /\n3\d\d ms$/],
    ["a double click", async (page) => page.mouse.dblclick(...(await placeOf(page, REFUSED + 50_000_000, 2))), /\n175 ms$/],
  ])("zooms by %s, and shows all again", async (_, zoom, shown) => {
    const page = await show();
    const whole = await range(page);
    expect(whole).toBe("15:03:00.087 – 15:03:00.524\n437 ms");
    await zoom(page);
    await expect.poll(() => range(page)).toMatch(shown);
    await page.click("#zoom-all");
    await expect.poll(() => range(page)).toBe(whole);
  });

  const wheel = async (page: Page, keys: string[]) => {
    await page.mouse.move(...(await placeOf(page, REFUSED, 0)));
    for (const key of keys) await page.keyboard.down(key);
    await page.mouse.wheel(0, -200);
    for (const key of keys) await page.keyboard.up(key);
  };

  it("leaves the wheel to the page otherwise", async () => {
    const page = await show({ viewport: { width: 1280, height: 500 } });
    await page.mouse.move(...(await placeOf(page, REFUSED, 0)));
    await page.mouse.wheel(0, 200);
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0);
    expect(await range(page)).toBe("15:03:00.087 – 15:03:00.524\n437 ms");
  });

  it.each<[string, (page: Page) => Promise<void>]>([
    ["drag", drag],
    ["keys", (page) => page.focus(".chart").then(() => page.keyboard.press("Shift+ArrowRight"))],
    ["button", (page) => page.click("#pan-right")],
    ["the wheel with Shift", (page) => wheel(page, ["Shift"]).then(() => undefined)],
    ["the strip above", (page) => page.click("#overview", { position: { x: 40, y: 10 } })],
  ])("moves in time by %s", async (_, move) => {
    const page = await show();
    await page.click("#zoom-in");
    await page.click("#zoom-in");
    await expect.poll(() => range(page)).toMatch(/157 ms$/);
    const before = await range(page);
    await move(page);
    await expect.poll(() => range(page)).not.toBe(before);
    expect((await range(page))?.split("\n")[1]).toBe(before?.split("\n")[1]);
  });

  it("goes to a failure that is out of view, and zooms to it", async () => {
    const page = await show();
    await page.click("#failure-list-2");
    await page.click("#panel-zoom");
    await expect.poll(() => range(page)).toMatch(/^15:03:00.278 – 15:03:00.521\n243 ms$/);
    await page.click("#panel-previous");
    await page.click("#panel-previous");
    await expect.poll(() => range(page)).toMatch(/^15:03:00.087 – 15:03:00.330\n243 ms$/);
  });

  it("is dark where the system is, and as the button says", async () => {
    const page = await show({ colorScheme: "dark" });
    const colours = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".chart canvas");
        const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        if (canvas) copy?.drawImage(canvas, 2 - canvas.width, -2);
        const [red = 0] = copy?.getImageData(0, 0, 1, 1).data ?? [];
        return [getComputedStyle(document.body).backgroundColor, red < 128 ? "dark chart" : "light chart"];
      });
    expect(await colours()).toEqual(["rgb(14, 18, 23)", "dark chart"]);
    await page.click("#theme");
    await expect.poll(colours).toEqual(["rgb(243, 245, 248)", "light chart"]);
    await page.emulateMedia({ colorScheme: "light" });
    await page.click("#theme");
    await expect.poll(colours).toEqual(["rgb(14, 18, 23)", "dark chart"]);
  });

  it("moves at once where no motion is wanted, and in steps elsewhere", async () => {
    const steps = async (reducedMotion: "reduce" | "no-preference") => {
      const page = await show({ reducedMotion });
      await page.evaluate(() => {
        new MutationObserver(() => {
          document.body.dataset.steps = `${Number(document.body.dataset.steps ?? 0) + 1}`;
        }).observe(document.getElementById("range") as Node, { childList: true });
      });
      await page.click("#failure-list-2");
      await page.click("#panel-zoom");
      await expect.poll(() => range(page)).toMatch(/243 ms$/);
      return page.getAttribute("body", "data-steps");
    };
    expect(await steps("reduce")).toBe("2");
    expect(Number(await steps("no-preference"))).toBeGreaterThan(2);
  });
});

async function drag(page: Page): Promise<void> {
  const [x, y] = await placeOf(page, REFUSED, 0);
  await page.mouse.move(x + 200, y);
  await page.mouse.down();
  await page.mouse.move(x + 100, y, { steps: 3 });
  await page.mouse.up();
}
