import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { failureFields, failureText } from "../../src/report/failure.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { browserProblem } from "../helpers/browser.ts";
import { bindtrace, failuresIn, ROOT } from "../helpers/cli.ts";
import { header, kernelHeader, restart } from "../helpers/events.ts";
import { pageOf, pageOfSample, useBrowser } from "./chromium.ts";
import { smallTrace } from "./small-trace.ts";

const WHOLE: TextOptions = { color: false, width: Number.POSITIVE_INFINITY, ascii: false, offsetMinutes: 0, whole: true };
const SAMPLES = readdirSync(join(ROOT, "samples"), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** Label and lines of each section of the panel. */
const sections = (page: Page) =>
  page.$$eval("#panel .field", (fields) =>
    fields.map((field): [string, string[]] => [
      field.querySelector("dt")?.textContent ?? "",
      [...field.querySelectorAll("dd p")].map((line) => line.textContent ?? ""),
    ]),
  );
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id ?? "");

describe.skipIf(browserProblem !== null)("a page", () => {
  const browser = useBrowser();

  it.each(["ungraceful-restart", "cluster-restart", "udp-many-on-the-slot"])(
    "of %s, exported, says what the text report says",
    async (name) => {
      const path = browser.save("");
      const run = await bindtrace(["export", join("samples", name, "trace.jsonl"), "--html", "-o", path]);
      expect(run).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
      const { page } = await browser.open(path);
      await page.waitForSelector("body:not([aria-busy])");
      const failures = failuresIn(join(ROOT, "samples", name, "report.jsonl"));
      expect(await page.textContent("#failures-count")).toBe(`${failures.length}`);
      for (const [index, failure] of failures.entries()) {
        await page.click(`#failure-list-${index}`);
        expect(await page.textContent("#panel-title")).toBe(failureText(failure, WHOLE));
        const said = await sections(page);
        const lines = said.flatMap(([, some]) => some);
        for (const [label, text] of failureFields(failure, WHOLE)) {
          expect(lines).toContain(text);
          if (label !== "") expect(said.map(([one]) => one)).toContain(label);
        }
        expect(said.find(([label]) => label === "evidence")?.[1][0]).toContain("a look at the owners of the port; ");
        await page.click("#panel-close");
      }
    },
  );

  it("of every sample has all of its failures, and asks for nothing", { timeout: 300_000 }, async () => {
    const shown: [string, string | null][] = [];
    const page = await browser.show(pageOfSample(SAMPLES[0] ?? ""));
    for (const name of SAMPLES) {
      await page.goto(pathToFileURL(browser.save(pageOfSample(name))).href);
      await page.waitForSelector("body:not([aria-busy])");
      shown.push([name, await page.textContent("#failures-count")]);
    }
    expect(shown).toEqual(SAMPLES.map((name) => [name, `${failuresIn(join(ROOT, "samples", name, "report.jsonl")).length}`]));
  });

  it("begins with what was recorded, and with what is missing of it", async () => {
    const page = await browser.show(pageOf(kernelHeader(["inet_put_port"]), restart().slice(0, -1)));
    expect(await page.title()).toBe("bindtrace: 2 refused, 2 explained; 3 events were lost");
    expect(await page.textContent("h1")).toBe("2 refused, 2 explained; 3 events were lost");
    expect(await page.$$eval("#cautions p", (all) => all.map((one) => one.textContent))).toEqual([
      "! without inet_put_port: the release of a TCP port is taken to be the end of its socket",
      "! the trace was cut: its recording ended without a last line",
      "! 3 events were lost",
    ]);
    expect(await page.$$eval("#facts div", (all) => all.map((one) => one.textContent))).toEqual([
      ...["kernel6.18.44", "hook setkernel by fentry", "bpftrace0.17.0", "ports8080", "hostserver"],
      "armed2026-11-22 15:03:00.000 Europe/Berlin",
    ]);
  });

  it("tells of retries and restarts, and shows when they were", async () => {
    const page = await browser.show(pageOf(header(), smallTrace()), { reducedMotion: "reduce" });
    expect(await page.$$eval(".story > header p", (all) => all.map((one) => one.textContent))).toEqual([
      "node[20] bound 0.0.0.0:8080 at the 4th attempt: 3 refused over 310 ms, all blocked by s1",
      "restart of 0.0.0.0:8080: nobody listened for 10 ms",
    ]);
    expect(await page.$$eval(".story li", (all) => all.map((one) => one.textContent))).toHaveLength(7);
    expect(await page.textContent(".story li.slowest")).toBe("15:03:00.481+ 301 mss2, the last known connection, was goneslowest");
    const before = await page.textContent("#range");
    await page.click(".story.restart button");
    await expect.poll(() => page.textContent("#range")).not.toBe(before);
  });

  it("opens a failure with the focus on its head, goes on to the next, and gives the focus back", async () => {
    const page = await browser.show(pageOf(header(), smallTrace()));
    await page.focus("#failure-list");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("panel-title");
    expect(await page.textContent("#panel-place")).toBe("f1 · 1 of 3");
    await page.keyboard.press("ArrowRight");
    expect(await page.textContent("#panel-place")).toBe("f2 · 2 of 3");
    expect(await page.textContent("#panel-title")).toBe("node[20] could not bind 0.0.0.0:8080  (2nd time, still s1)");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    expect(await page.textContent("#panel-place")).toBe("f1 · 1 of 3");
    await page.keyboard.press("Escape");
    expect(await page.isVisible("#panel")).toBe(false);
    expect(await focused(page)).toBe("failure-list");
    expect(await page.getAttribute("#failure-list", "aria-activedescendant")).toBe("failure-list-0");
  });

  it("has the options of both sides beside each other", async () => {
    const page = await browser.show(pageOf(header(), smallTrace()));
    await page.click("#failure-list-0");
    const rows = await page.$$eval("#panel tr", (all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
    expect(rows.slice(0, 3)).toEqual([
      ["", "s3 (refused)", "s1"],
      ["SO_REUSEADDR", "yes", "yes"],
      ["SO_REUSEPORT", "no", "no"],
    ]);
  });

  it.each([
    ["20", 3, 5],
    ["pid:20", 3, 5],
    ["comm:NODE", 3, 10],
    ["port:8080", 3, 14],
    ["pid:8080", 0, 0],
    ["s4", 0, 2],
    ["f2", 1, 1],
    ["node s2", 0, 1],
    ["nothing-like-it", 0, 0],
  ])("finds %s", async (query, failures, events) => {
    const page = await browser.show(pageOf(header(), smallTrace()));
    await page.fill("#search", query);
    const text = `${failures} failure${failures === 1 ? "" : "s"}, ${events} event${events === 1 ? "" : "s"}`;
    await expect.poll(() => page.textContent("#found")).toBe(text);
    expect(await page.locator("#failure-list .row").count()).toBe(failures);
    expect(await page.isVisible("#failures-none")).toBe(failures === 0);
    await page.click("#events-tab");
    expect(await page.locator("#event-list .row").count()).toBe(events);
    await page.focus("#search");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.textContent("#found")).toBe("");
    expect(await page.textContent("#events-count")).toBe("14");
  });

  it("shows the text report where no script runs", async () => {
    const { page } = await browser.open(browser.save(pageOf(header({ command: ["node", "server.js"] }), smallTrace())), {
      javaScriptEnabled: false,
    });
    const text = await page.innerText("noscript");
    expect(text).toContain("command: node server.js\n");
    expect(text).toContain("✗ 15:03:00.200  node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)\n");
    expect(text).toContain("\n3 refused, 3 explained");
  });

  it("has every failure in full on paper, and none of it afterwards", async () => {
    const page = await browser.show(pageOf(header(), smallTrace()), { colorScheme: "dark" });
    await page.evaluate(() => {
      addEventListener("beforeprint", () => {
        document.body.dataset.paper = [...document.querySelectorAll("#paper h2, #paper > p")].map((one) => one.textContent).join("\n");
      });
    });
    expect((await page.pdf()).subarray(0, 5).toString()).toBe("%PDF-");
    expect(await page.getAttribute("body", "data-paper")).toBe(
      ["✗ f1  node[20] could not bind 0.0.0.0:8080  (EADDRINUSE)", "The page itself shows 2 failures more."].join("\n"),
    );
    expect(await page.locator("#paper > *").count()).toBe(0);
  });

  it.each([390, 768, 1280])("fits %i px, with and without a panel", async (width) => {
    const page = await browser.show(pageOf(header(), smallTrace()), { viewport: { width, height: 844 } });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await wide()).toBe(width);
    await page.click("#failure-list-0");
    expect(await wide()).toBe(width);
    const box = await page.locator("#panel").boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= width).toBe(true);
  });
});
