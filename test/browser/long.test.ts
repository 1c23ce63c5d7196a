import { describe, expect, it } from "vitest";
import { browserProblem } from "../helpers/browser.ts";
import { longHeader, longTrace } from "../helpers/long-trace.ts";
import { pageOf, useBrowser } from "./chromium.ts";

/** Counts how often other work had its turn while the page was reading, and what it said meanwhile. */
const WATCH = `
  globalThis.turns = 0;
  globalThis.said = new Set();
  const turn = () => {
    const text = document.getElementById("progress-text")?.textContent;
    if (document.body?.hasAttribute("aria-busy") && text?.includes("%")) {
      turns++;
      said.add(text);
    }
    setTimeout(turn);
  };
  turn();
`;

describe.skipIf(browserProblem !== null)("a trace of 100,000 events", () => {
  const browser = useBrowser();

  it("is read in slices, can be used, and keeps only what is seen", { timeout: 300_000 }, async () => {
    const html = pageOf(longHeader(), longTrace(100_000));
    const { page } = await browser.open(browser.save(html), {}, WATCH);
    await page.waitForSelector("body:not([aria-busy])", { timeout: 60_000 });
    const [turns, said] = (await page.evaluate("[turns, said.size]")) as [number, number];
    expect(turns).toBeGreaterThan(3);
    expect(said).toBeGreaterThan(3);
    expect(await page.isVisible("#loading")).toBe(false);
    const events = Number((await page.textContent("#events-count"))?.replaceAll(",", ""));
    expect(events).toBeGreaterThan(95_000);
    const failures = Number((await page.textContent("#failures-count"))?.replaceAll(",", ""));
    expect(failures).toBeGreaterThan(900);
    expect(await page.locator("*").count()).toBeLessThan(1_500);

    await page.click("#events-tab");
    await page.focus("#event-list");
    await page.keyboard.press("End");
    expect(await page.locator(`#event-list-${events - 1}`).getAttribute("aria-posinset")).toBe(`${events}`);
    expect(await page.locator("#event-list .row").count()).toBeLessThan(60);

    await page.click("#failures-tab");
    await page.focus("#failure-list");
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    expect(await page.textContent("#panel-place")).toBe(`f${failures} · ${failures} of ${failures}`);
    await page.click("#panel-zoom");
    await expect.poll(() => page.textContent("#range")).toMatch(/\n\d\.\d\d s$/);
    await page.keyboard.press("Escape");

    await page.fill("#search", "pid:1010");
    await expect.poll(() => page.textContent("#found")).toMatch(/^4 failures, 1\d\d events$/);
    await page.click("#zoom-all");
    await expect.poll(() => page.textContent("#range")).toMatch(/\n1 h \d\d min$/);
  });
});
