import { jsonLine } from "../base/json-line.ts";
import type { OutputRecord } from "../core/record.ts";
import type { Report } from "./text-report.ts";

/** The report for scripts: one JSON object a line. */
export class JsonReport implements Report {
  write(record: OutputRecord): string {
    return jsonLine(record);
  }

  end(): string {
    return "";
  }
}
