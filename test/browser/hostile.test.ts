import { describe, expect, it } from "vitest";
import { browserProblem } from "../helpers/browser.ts";
import { HARMFUL, HOSTILE, hostileHeader, hostileTrace } from "../helpers/hostile.ts";
import { pageOf, useBrowser } from "./chromium.ts";

describe.skipIf(browserProblem !== null)("names that processes chose", () => {
  const browser = useBrowser();
  const hostile = hostileHeader();

  it("are text and nothing else, wherever they are shown", async () => {
    const html = pageOf(hostile, hostileTrace());
    const page = await browser.show(html);
    const counted = () =>
      page.evaluate(() =>
        ["script:not([type])", "img, iframe, object, embed, b.x", "svg [onload]"].map((one) => document.querySelectorAll(one).length),
      );
    expect(await counted()).toEqual([1, 0, 0]);
    expect(await page.textContent("#failures-count")).toBe(`${HOSTILE.length}`);
    for (const index of HOSTILE.keys()) await page.click(`#failure-list-${index}`).then(() => page.keyboard.press("Escape"));
    await page.evaluate(() => document.getElementById("failure-list")?.scrollTo(0, 0));
    await page.click("#failure-list-0");
    expect(await page.textContent("#panel-title")).toBe(`${HOSTILE[0]}[101] could not bind 0.0.0.0:8000  (EADDRINUSE)`);
    await page.click("#panel-close");
    await page.click("#events-tab");
    expect(await page.textContent("#event-list-0 .head")).toContain(`${HOSTILE[0]}[100] bound `);
    await page.focus(".chart");
    await page.keyboard.press("ArrowDown");
    expect(await page.textContent("#tooltip p")).toContain(`${HOSTILE[0]}[100] bound `);
    await page.fill("#search", "comm:</script>");
    await expect.poll(() => page.textContent("#found")).toBe("1 failure, 4 events");
    expect(await counted()).toEqual([1, 0, 0]);
  });

  it("cannot turn text round, hide it, or end a line", async () => {
    const page = await browser.show(pageOf(hostile, hostileTrace()));
    await page.click("#failure-list-6");
    expect(await page.textContent("#panel-title")).toBe(
      "\\u{202e}gnp.exe\\u{2066}\\u{200f}[113] could not bind 0.0.0.0:8006  (EADDRINUSE)",
    );
    await page.click("#panel-previous");
    expect(await page.textContent("#panel-title")).toBe("\\x00\\x1b[2J\\x9b31m\\x0d\\x0a[111] could not bind 0.0.0.0:8005  (EADDRINUSE)");
    const text = await page.evaluate(() => document.documentElement.textContent ?? "");
    expect(HARMFUL.exec(text)?.[0]).toBeUndefined();
  });

  it("are text where no script runs", async () => {
    const { page } = await browser.open(browser.save(pageOf(hostile, hostileTrace())), { javaScriptEnabled: false });
    expect(await page.locator("img, iframe, svg [onload]").count()).toBe(0);
    expect(await page.innerText("noscript")).toContain("✗ 15:03:00.100  </script><script>alert(1)</script>[101] could not bind\n");
  });

  it("could do nothing even as markup", async () => {
    const page = await browser.show(pageOf(hostile, hostileTrace()));
    // Chromium tells of each on its console, too.
    browser.forgive(/Content Security Policy|TrustedHTML|^request: https:\/\/192\.0\.2\.1\//);
    await page.evaluate(() => {
      const blocked = (what: string) => {
        document.body.dataset.blocked = [...(document.body.dataset.blocked ?? "").split(" "), what].sort().join(" ").trim();
      };
      addEventListener("securitypolicyviolation", ({ effectiveDirective }) => blocked(effectiveDirective));
      try {
        document.body.insertAdjacentHTML("beforeend", "<p>");
      } catch (error) {
        blocked((error as Error).name);
      }
      document.body.append(Object.assign(document.createElement("img"), { src: "https://192.0.2.1/x.png" }));
      fetch("https://192.0.2.1/").catch((error) => blocked(error.message));
    });
    await expect
      .poll(() => page.getAttribute("body", "data-blocked"))
      .toBe(["Failed to fetch", "TypeError", "connect-src", "img-src", "require-trusted-types-for"].join(" ").split(" ").sort().join(" "));
  });
});
