import { jsonLine } from "../base/json-line.ts";
import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { chartOf } from "../core/chart.ts";
import type { EventOf, Header } from "../core/event.ts";
import type { OutputRecord } from "../core/record.ts";
import type { PortTimeline } from "../core/timeline.ts";
import { type Moment, type PortPicture, pictureMoments } from "./perfetto-tracks.ts";
import type { Report } from "./text-report.ts";
import { portText } from "./timeline.ts";
import { ToldFailures } from "./told-failures.ts";

/**
 * The report as a Chrome JSON trace, for ui.perfetto.dev. Sources: "Trace Event Format" (the document of Chromium's trace viewer) and
 * Perfetto's importer (src/trace_processor/importers/json).
 */
export class PerfettoReport implements Report {
  readonly #failures = new ToldFailures();
  #lost = 0;

  write(record: OutputRecord): string {
    this.#failures.take(record);
    if (record.type === "summary") this.#lost = record.lost;
    return "";
  }

  *end(header: Header, timelines: readonly PortTimeline[], end?: EventOf<"end">): Iterable<string> {
    const anchor = parseIsoTime(header.clock.wall) ?? 0n;
    const sinceArmed = (iso: string): Nanos => Number((parseIsoTime(iso) ?? anchor) - anchor);
    const pictures: PortPicture[] = timelines.map((timeline, index) => ({ pid: index + 1, chart: chartOf(timeline), rows: timeline.rows }));
    const last = pictures.reduce((latest, { chart }) => Math.max(latest, chart.to), end?.t ?? 0);
    const moments = pictureMoments(pictures, last, this.#failures, sinceArmed);
    moments.sort((a, b) => a.t - b.t);
    const zero = moments[0]?.t ?? 0;
    // The first key, and no other unit of time: older versions of Perfetto ignore what follows an unknown key, and take "ns" for the unit of ts.
    yield '{"traceEvents":[\n';
    let separator = "";
    for (const line of lines(pictures, moments, zero)) {
      yield `${separator}${jsonLine(line).trimEnd()}`;
      separator = ",\n";
    }
    yield `\n],\n"otherData":${jsonLine(this.#about(header, isoTime(anchor, zero)))}}\n`;
  }

  /** `zero`: wall time of ts 0. */
  #about({ host, kernel, hooks, attach, bpftrace, clock }: Header, zero: string) {
    const what = { host, kernel: kernel.release, hooks, attach, bpftrace };
    return { producer: "bindtrace", ...what, armedAt: clock.wall, zone: clock.zone, zero, lost: this.#lost };
  }
}

/** There may be millions: each is made when its turn has come. */
function* lines(pictures: readonly PortPicture[], moments: readonly Moment[], zero: Nanos): Iterable<object> {
  yield* pictures.flatMap(names);
  for (const moment of moments) yield eventOf(moment, zero);
}

/** A port is shown as a process. */
function names({ pid, chart }: PortPicture): object[] {
  const metadata = (what: string, args: object) => ({ ph: "M", name: what, pid, tid: pid, args });
  return [
    metadata("process_name", { name: portText(chart) }),
    metadata("process_sort_index", { sort_index: pid }),
    metadata("thread_name", { name: "process exits" }),
  ];
}

/** Times are microseconds with the nanoseconds behind the point: exact, since the numbers are small. */
function eventOf({ t, pid, track, ...event }: Moment, zero: Nanos): object {
  return { ...event, pid, tid: pid, ts: (t - zero) / 1000, ...(track !== undefined && { id2: { local: track } }) };
}
