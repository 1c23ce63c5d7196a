import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Header, TraceEvent } from "../../src/core/event.ts";
import { Story } from "../../src/core/story.ts";
import { HtmlReport } from "../../src/report/html/html-report.ts";
import { joinModules } from "../../src/report/html/join.ts";
import type { PageCode } from "../../src/report/html/page.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { browserProblem, CHROMIUM } from "../helpers/browser.ts";
import { ROOT, scratch } from "../helpers/cli.ts";

/** The viewer as it was built. */
export const CODE: PageCode = {
  script: joinModules("report/html/viewer/main.js", (path) => readFileSync(join(ROOT, "dist", path), "utf8")),
  sha256: (text) => createHash("sha256").update(text).digest("base64"),
};

/** The page of these events. */
export function pageOf(header: Header, events: Iterable<TraceEvent>): string {
  const report = new HtmlReport(header, CODE);
  const story = new Story(header, { reports: () => true });
  let last: TraceEvent | undefined;
  for (const record of story.begin()) report.write(record);
  for (const event of events) {
    last = event;
    for (const record of story.apply(event)) report.write(record);
  }
  for (const record of story.finish()) report.write(record);
  return report.end(header, story.timelines(), last?.type === "end" ? last : undefined);
}

export function pageOfSample(name: string): string {
  const [first = "", ...lines] = readFileSync(join(ROOT, "samples", name, "trace.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const header = decodeHeader(first);
  if (!header.ok) throw new Error(header.error);
  const events = lines.map((line) => decodeEvent(line)).flatMap((line) => (line.kind === "event" ? [line.event] : []));
  return pageOf(header.value, events);
}

export interface Opened {
  page: Page;
  /** What the page asked for besides itself, wrote to the console, or threw. */
  problems: string[];
}

/** A browser for the tests of one file, and a folder for their pages. A page with problems fails its test. */
export function useBrowser() {
  let browser: Browser | undefined;
  let folder: ReturnType<typeof scratch> | undefined;
  let opened: Opened[] = [];
  let count = 0;
  let forgiven: RegExp | undefined;
  beforeAll(async () => {
    if (browserProblem !== null) return;
    folder = scratch();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterEach(async () => {
    const problems = opened.flatMap((one) => one.problems).filter((problem) => !forgiven?.test(problem));
    for (const { page } of opened) await page.context().close();
    opened = [];
    forgiven = undefined;
    expect(problems).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    folder?.remove();
  });

  const save = (html: string): string => {
    const path = join(folder?.path ?? "", `${++count}.html`);
    writeFileSync(path, html);
    return path;
  };
  /** `before`: a script that runs before those of the page. */
  const open = async (path: string, options: BrowserContextOptions = {}, before?: string): Promise<Opened> => {
    if (!browser) throw new Error("no browser");
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const one: Opened = { page, problems: [] };
    opened.push(one);
    page.on("request", (request) => {
      if (!request.isNavigationRequest()) one.problems.push(`request: ${request.url()}`);
    });
    page.on("console", (message) => one.problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => one.problems.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      one.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    if (before) await page.addInitScript(before);
    await page.goto(pathToFileURL(path).href);
    return one;
  };
  return {
    /** Where a file with this content is. */
    save,
    /** The page of a file, as soon as it begins. */
    open,
    /** Problems of this test that are what it wants to see. */
    forgive(pattern: RegExp): void {
      forgiven = pattern;
    },
    /** The page with this content, ready. */
    async show(html: string, options: BrowserContextOptions = {}, before?: string): Promise<Page> {
      const { page } = await open(save(html), options, before);
      await page.waitForSelector("body:not([aria-busy])");
      return page;
    },
  };
}
