import type { Header, TraceEvent } from "../core/event.ts";
import type { OutputRecord } from "../core/record.ts";
import { Story, type StoryOptions } from "../core/story.ts";
import type { Report } from "../report/text-report.ts";
import { EXIT, type ExitCode } from "./failure.ts";
import { keepHeapSmall } from "./garbage.ts";
import type { Output } from "./output.ts";

export interface SessionOptions {
  header: Header;
  /** One by one as they happen, or as many at once as were read at once. */
  events: AsyncIterable<TraceEvent | readonly TraceEvent[]>;
  report: Report;
  output: Output;
  story: StoryOptions;
  /** Sees each event before it is explained. */
  onEvent?(event: TraceEvent): void;
  onRecord?(record: OutputRecord): void;
}

export interface SessionEnd {
  failures: number;
  explained: number;
  lost: number;
  /** The `end` event, undefined when the trace has none: it was cut. */
  end: Extract<TraceEvent, { type: "end" }> | undefined;
}

/** Carries events through the story into the report. Live and replay are this same loop over another source. */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  keepHeapSmall();
  const story = new Story(options.header, options.story);
  const result: SessionEnd = { failures: 0, explained: 0, lost: 0, end: undefined };
  const say = (records: readonly OutputRecord[]) => {
    for (const record of records) {
      if (record.type === "summary") Object.assign(result, { failures: record.failures, explained: record.explained, lost: record.lost });
      options.output.write(options.report.write(record));
      options.onRecord?.(record);
    }
  };
  say(story.begin());
  const take = (event: TraceEvent) => {
    options.onEvent?.(event);
    if (event.type === "end") result.end = event;
    say(story.apply(event));
  };
  for await (const events of options.events) {
    if ("type" in events) take(events);
    else for (const event of events) take(event);
  }
  say(story.finish());
  const end = options.report.end(options.header, story.timelines(), result.end);
  for (const piece of typeof end === "string" ? [end] : end) options.output.write(piece);
  return result;
}

/** The exit code that a session's content calls for. `damaged`: part of the trace could not be read. */
export function exitCode({ failures, explained, lost, end }: SessionEnd, damaged: boolean): ExitCode {
  if (lost > 0 || damaged || end?.died) return EXIT.incomplete;
  if (explained < failures) return EXIT.undetermined;
  return failures > 0 ? EXIT.failuresExplained : EXIT.clean;
}
