import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runSession } from "../../src/commands/session.ts";
import type { Header, TraceEvent } from "../../src/core/event.ts";
import type { Report } from "../../src/report/text-report.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { ROOT } from "./cli.ts";
import { keptOutput } from "./kept-output.ts";

export const SAMPLES = readdirSync(join(ROOT, "samples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

/** The lines of a sample's file. */
export const linesOf = (name: string, file: "trace.jsonl" | "report.jsonl"): string[] =>
  readFileSync(join(ROOT, "samples", name, file), "utf8")
    .trimEnd()
    .split("\n");

/** The events of a sample. */
export const eventsOf = (name: string): TraceEvent[] =>
  linesOf(name, "trace.jsonl")
    .slice(1)
    .map((line) => decodeEvent(line))
    .map((line) => (line.kind === "event" ? line.event : unreadable(name)));

/** The header of a sample. */
export function headerOf(name: string): Header {
  const header = decodeHeader(linesOf(name, "trace.jsonl")[0] ?? "");
  if (!header.ok) throw new Error(header.error);
  return header.value;
}

/** What this report makes of a sample: of all of its ports. */
export const exportSample = (name: string, report: Report): Promise<string> => exported(headerOf(name), eventsOf(name), report);

/** What this report makes of these events. */
export async function exported(header: Header, events: readonly TraceEvent[], report: Report): Promise<string> {
  const { output, text } = keptOutput();
  await runSession({ header, events: stream(events), report, output, story: { reports: () => true } });
  return text();
}

async function* stream(events: readonly TraceEvent[]): AsyncIterable<TraceEvent> {
  yield* events;
}

function unreadable(name: string): never {
  throw new Error(`${name} has a line that is no event`);
}
