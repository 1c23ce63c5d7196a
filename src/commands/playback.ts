import type { TraceEvent } from "../core/event.ts";
import type { StoryOptions } from "../core/story.ts";
import { CUT_SENTENCE, earlyEnd } from "../report/sentences.ts";
import { escapeText } from "../report/text.ts";
import type { Report } from "../report/text-report.ts";
import type { TraceLine } from "../trace/codec.ts";
import { type OpenTrace, openTrace } from "../trace/reader.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";
import type { Output } from "./output.ts";
import { exitCode, runSession } from "./session.ts";

/** A recorded trace, ready to be read; a Failure where it cannot be. */
export async function openRecording(path: string): Promise<OpenTrace> {
  const trace = await openTrace(path);
  if (!trace.ok) throw new Failure(trace.error.kind === "missing" ? EXIT.usage : EXIT.incomplete, trace.error.message);
  return trace.value;
}

/** Writes the report of a recorded trace, and on stderr what is wrong with the recording. */
export async function play(trace: OpenTrace, story: StoryOptions, report: Report, output: Output): Promise<ExitCode> {
  const { header, lines, problem } = trace;
  const damage = new Damage();
  const end = await runSession({ header, events: damage.events(lines), report, output, story });
  await output.close();
  const cut = end.end === undefined && problem() === null;
  for (const note of [...damage.notes(), ...(problem() ? [`the trace is damaged: ${problem()}; what came before is above`] : [])]) {
    process.stderr.write(`bindtrace: ${note}\n`);
  }
  if (cut) process.stderr.write(`bindtrace: ${CUT_SENTENCE}\n`);
  if (end.end?.died) process.stderr.write(`bindtrace: ${earlyEnd(escapeText(end.end.reason))}\n`);
  return exitCode(end, damage.lines > 0 || problem() !== null);
}

/** Takes the events out of a trace and counts what was none. */
class Damage {
  lines = 0;
  readonly #unknown = new Map<string, number>();

  async *events(source: AsyncIterable<readonly TraceLine[]>): AsyncIterable<readonly TraceEvent[]> {
    let torn = false;
    for await (const lines of source) {
      const events: TraceEvent[] = [];
      for (const line of lines) {
        // Only the last line of a cut trace may be torn; one in the middle is damage.
        if (torn) this.lines++;
        torn = line.kind === "damaged";
        if (line.kind === "event") events.push(line.event);
        if (line.kind === "unknown") this.#unknown.set(line.type, (this.#unknown.get(line.type) ?? 0) + 1);
      }
      yield events;
    }
  }

  notes(): string[] {
    const unknown = [...this.#unknown].map(
      ([type, count]) =>
        `${some(count, "event")} of type '${escapeText(type)}' ${count === 1 ? "is" : "are"} unknown to this version and ${were(count)} left out`,
    );
    return this.lines > 0
      ? [...unknown, `${some(this.lines, "line")} of the trace ${this.lines === 1 ? "is" : "are"} damaged and ${were(this.lines)} left out`]
      : unknown;
  }
}

const some = (count: number, thing: string) => `${count} ${thing}${count === 1 ? "" : "s"}`;
const were = (count: number) => (count === 1 ? "was" : "were");
