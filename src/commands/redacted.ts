import type { TraceEvent } from "../core/event.ts";
import { Redactor } from "../core/redact.ts";
import type { Report } from "../report/text-report.ts";
import type { TraceLine } from "../trace/codec.ts";
import type { OpenTrace } from "../trace/reader.ts";
import type { TraceWriter } from "../trace/writer.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";
import { streamOutput } from "./output.ts";
import { play } from "./playback.ts";
import { openWriter } from "./saving.ts";

/** A trace without names, command lines and addresses. */
export function redacted(trace: OpenTrace): OpenTrace {
  const redactor = new Redactor(trace.header);
  return { ...trace, header: redactor.header, lines: changed(trace.lines, (event) => redactor.event(event)) };
}

/** Writes the trace itself, and on stderr what is wrong with it. */
export async function copyTrace(trace: OpenTrace, path: string): Promise<ExitCode> {
  const writer = await openWriter(path, { replace: true, redact: false });
  writer.header(trace.header);
  const lines = changed(trace.lines, (event) => {
    writer.event(event);
    return event;
  });
  const code = await play({ ...trace, lines }, { reports: () => false }, SILENT, streamOutput(process.stdout));
  writer.close();
  checkWhole(writer);
  return code;
}

/** A reader that has had enough of stdout is no error. */
function checkWhole({ path, error }: TraceWriter): void {
  if (!error || (path === "-" && (error as NodeJS.ErrnoException).code === "EPIPE")) return;
  throw new Failure(EXIT.incomplete, `the trace in ${path} is not whole: ${error.message}`);
}

const SILENT: Report = { write: () => "", end: () => "" };

async function* changed(source: OpenTrace["lines"], change: (event: TraceEvent) => TraceEvent): OpenTrace["lines"] {
  for await (const lines of source) {
    yield lines.map((line): TraceLine => (line.kind === "event" ? { kind: "event", event: change(line.event) } : line));
  }
}
