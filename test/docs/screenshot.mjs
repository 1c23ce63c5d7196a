// Makes docs/screenshot.png: the page of a sample with a failure opened, as in a browser window that is 1280 pixels wide.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const folder = mkdtempSync(join(tmpdir(), "bindtrace-screenshot-"));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const report = join(folder, "report.html");
  execFileSync(process.execPath, ["dist/cli.js", "export", "samples/cluster-restart/trace.jsonl", "--html", "-o", report]);
  const page = await browser.newPage({ viewport: { width: 1280, height: 940 }, colorScheme: "light" });
  await page.goto(pathToFileURL(report).href);
  await page.getByRole("tabpanel").getByText("could not bind").first().click();
  await page.getByRole("dialog").waitFor();
  await page.screenshot({ path: "docs/screenshot.png" });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
