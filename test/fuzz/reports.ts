import { createHash } from "node:crypto";
import type { Header } from "../../src/core/event.ts";
import { HtmlReport } from "../../src/report/html/html-report.ts";
import { JsonReport } from "../../src/report/json.ts";
import { NdjsonReport } from "../../src/report/ndjson.ts";
import { PerfettoReport } from "../../src/report/perfetto.ts";
import { type Report, TextReport } from "../../src/report/text-report.ts";
import { expectSafe } from "./safe.ts";

const page = { script: "", sha256: (text: string) => createHash("sha256").update(text).digest("base64") };

/** What can be made of a trace, and what has to hold of it. */
export const REPORTS = {
  text: {
    make: ({ clock }) => new TextReport({ color: false, width: 80, ascii: false, offsetMinutes: clock.offsetMinutes }),
    check: expectSafe,
  },
  ascii: {
    make: ({ clock }) => new TextReport({ color: false, width: 40, ascii: true, offsetMinutes: clock.offsetMinutes }),
    check: (text) => {
      const other = /.{0,40}[^\x20-\x7e\n]/.exec(text);
      if (other) throw new Error(`not ASCII: ${other[0]}`);
    },
  },
  colour: {
    make: () => new TextReport({ color: true, width: 200, ascii: false, offsetMinutes: 0 }),
    check: (text) => expectSafe(text, true),
  },
  json: { make: () => new JsonReport(), check: expectJsonLines },
  ndjson: { make: () => new NdjsonReport(), check: expectJsonLines },
  perfetto: { make: () => new PerfettoReport(), check: (text) => void JSON.parse(text) },
  html: {
    make: (header) => new HtmlReport(header, page),
    check: (text) => {
      if (text.includes("<script>alert") || /\p{Cc}/u.test(text.replaceAll("\n", ""))) throw new Error("unsafe in a page");
    },
  },
} as const satisfies Record<string, { make(header: Header): Report; check(text: string): void }>;

export type Format = keyof typeof REPORTS;
export const FORMATS = Object.keys(REPORTS) as Format[];

function expectJsonLines(text: string): void {
  expectSafe(text);
  for (const line of text.split("\n").slice(0, -1)) JSON.parse(line);
}
