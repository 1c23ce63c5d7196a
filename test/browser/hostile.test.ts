import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { browserProblem } from "../helpers/browser.ts";
import { bind, exit, facts, header, holders, listen, MS, refused, told } from "../helpers/events.ts";
import { pageOf, useBrowser } from "./chromium.ts";

/** What processes may call themselves, and put into their command lines. */
const NAMES = [
  "</script><script>alert(1)</script>",
  "<!--<script>alert(2)",
  "]]></noscript><img src=x onerror=alert(3)>",
  "\"'><svg/onload=alert(4)>",
  "javascript:alert(5)//",
  "\u0000\u001b[2J\u009b31m\r\n",
  "\u202egnp.exe\u2066\u200f",
  "\u2028\u2029\ufeff\ud800",
  "&lt;b&gt;&#60;",
  "{{7*7}}`;alert(6)//",
];

/** Every name as the holder, the refused process, its command line and parent, the host, the command and a control group. */
function* hostileTrace(): Generator<TraceEvent> {
  for (const [index, comm] of NAMES.entries()) {
    const [pid, port, t] = [100 + 2 * index, 8000 + index, (100 + 10 * index) * MS];
    const [sk, inode] = [10 + 2 * index, 1000 + 2 * index];
    const owner = facts({ sk, inode, port });
    const socket = facts({ sk: sk + 1, inode: inode + 1, port, state: "BOUND" });
    const ancestors = [{ pid: 5, comm, program: comm, command: comm }];
    yield bind({ t, pid, comm, socket: { ...owner, state: "BOUND" } });
    yield listen({ t: t + 1, pid, comm, socket: owner });
    yield told(pid, { t: t + 2, comm, command: comm, program: comm, ancestors, cgroup: `/system.slice/${comm}.service` });
    yield told(pid + 1, { t: t + 3, comm, command: comm, program: comm, ancestors });
    const refusal = refused([owner], { t: t + 4, pid: pid + 1, comm, socket });
    if (refusal.walk) refusal.walk.port = port;
    yield refusal;
    yield holders(t + 5, refusal, { sockets: [{ inode, holders: [{ pid, fd: 3, comm, command: comm, parent: 5, startedAt: null }] }] });
    yield exit(t + 6, { pid, comm });
  }
}

describe.skipIf(browserProblem !== null)("names that processes chose", () => {
  const browser = useBrowser();
  const hostile = header({ host: NAMES.join(""), command: NAMES, filters: { ports: [] } });

  it("are text and nothing else, wherever they are shown", async () => {
    const html = pageOf(hostile, hostileTrace());
    const page = await browser.show(html);
    const counted = () =>
      page.evaluate(() =>
        ["script:not([type])", "img, iframe, object, embed, b.x", "svg [onload]"].map((one) => document.querySelectorAll(one).length),
      );
    expect(await counted()).toEqual([1, 0, 0]);
    expect(await page.textContent("#failures-count")).toBe(`${NAMES.length}`);
    for (const index of NAMES.keys()) await page.click(`#failure-list-${index}`).then(() => page.keyboard.press("Escape"));
    await page.click("#failure-list-0");
    expect(await page.textContent("#panel-title")).toBe(`${NAMES[0]}[101] could not bind 0.0.0.0:8000  (EADDRINUSE)`);
    await page.click("#panel-close");
    await page.click("#events-tab");
    expect(await page.textContent("#event-list-0 .head")).toContain(`${NAMES[0]}[100] bound `);
    await page.focus(".chart");
    await page.keyboard.press("ArrowDown");
    expect(await page.textContent("#tooltip p")).toContain(`${NAMES[0]}[100] bound `);
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
    expect(["\u0000", "\u001b", "\u009b", "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"].filter((one) => text.includes(one))).toEqual(
      [],
    );
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
