import { isoTime, type Nanos, parseIsoTime } from "../../base/nanoseconds.ts";
import type { EventOf, Header } from "../../core/event.ts";
import { rangeTexts } from "../../core/port-ranges.ts";
import type { AbsenceRecord, OutputRecord, PortRecord, SummaryRecord } from "../../core/record.ts";
import type { NotKept, PortTimeline } from "../../core/timeline.ts";
import { groupFields } from "../groups.ts";
import { CUT_SENTENCE, earlyEnd } from "../sentences.ts";
import { escapeText, type TextOptions } from "../text.ts";
import { type Report, summaryText, TextReport, withoutText } from "../text-report.ts";
import { notKeptText } from "../timeline.ts";
import { FailureItems } from "./failures.ts";
import type { HeadItem, StoryItem } from "./model.ts";
import { type PageCode, page } from "./page.ts";
import { Charts } from "./ports.ts";
import { storyItem } from "./stories.ts";
import { Processes, Texts } from "./tables.ts";

/** Most characters of the text report that stand in the page for those who let no script run. */
const MAX_PLAIN = 100_000;

/** The report as one HTML file: everything is written at the end. */
export class HtmlReport implements Report {
  readonly #code: PageCode;
  readonly #header: Header;
  readonly #options: TextOptions;
  readonly #anchor: bigint;
  readonly #texts = new Texts();
  readonly #processes = new Processes();
  readonly #failures: FailureItems;
  readonly #stories: StoryItem[] = [];
  readonly #text: TextReport;
  #plain = "";
  #missing: string[] = [];
  #absence: AbsenceRecord | undefined;
  #summary: SummaryRecord = { type: "summary", failures: 0, explained: 0, lost: 0, ports: [] };

  constructor(header: Header, code: PageCode) {
    this.#code = code;
    this.#header = header;
    this.#options = { color: false, width: Number.POSITIVE_INFINITY, ascii: false, offsetMinutes: header.clock.offsetMinutes, whole: true };
    this.#anchor = parseIsoTime(header.clock.wall) ?? 0n;
    this.#failures = new FailureItems(this.#texts, this.#processes, this.#options, this.#anchor);
    this.#text = new TextReport({ ...this.#options, width: 80, whole: false });
  }

  write(record: OutputRecord): string {
    const { length } = this.#plain;
    if (length < MAX_PLAIN) this.#plain += this.#text.write(record);
    switch (record.type) {
      case "session":
        this.#missing = record.missingProbes;
        break;
      case "failure":
        this.#failures.add(record);
        break;
      case "holders":
      case "release":
        this.#failures.follow(record);
        break;
      case "attempts":
      case "restart":
      case "warning":
        this.#stories.push(storyItem(record, this.#options, this.#anchor));
        break;
      case "absence":
        this.#absence = record;
        break;
      case "summary":
        this.#summary = record;
        break;
    }
    return "";
  }

  end(_: Header, timelines: readonly PortTimeline[], end?: EventOf<"end">): string {
    const charts = new Charts(this.#failures, this.#processes, this.#options);
    for (const timeline of timelines) charts.add(timeline, this.#groups(timeline));
    charts.finish();
    const head = this.#head(
      charts,
      end,
      timelines.flatMap(({ notKept }) => notKept ?? []),
    );
    const { ports, lanes, bars, gaps, refusals, events } = charts;
    const contents = {
      ...{ head: [head], processes: this.#processes.items, texts: this.#texts.items },
      ...{ ports, lanes, bars, gaps, failures: this.#failures.items, refusals, events, stories: this.#stories },
    };
    const rest = this.#plain.length < MAX_PLAIN ? "" : "... and more: bindtrace replay shows all of it\n";
    const plain = [...head.facts.map(([label, text]) => `${label}: ${text}`), "", this.#plain, rest, head.summary].join("\n");
    return page(contents, this.#code, `bindtrace: ${head.summary}`, plain);
  }

  #groups({ netns, protocol, port }: PortTimeline): [string, string][] {
    const isIt = (one: PortRecord) => one.netns === netns && one.protocol === protocol && one.port === port;
    const record = this.#summary.ports.find(isIt);
    return record ? groupFields(record, this.#options).map(([label, text]) => [label, escapeText(text)]) : [];
  }

  #head(charts: Charts, end: EventOf<"end"> | undefined, notKept: readonly NotKept[]): HeadItem {
    const empty = charts.ports.length === 0;
    const [from, to] = empty ? [0, end?.t ?? 0] : [charts.from, charts.to];
    const { failures, explained, lost } = this.#summary;
    return {
      summary: escapeText(this.#absence?.message ?? summaryText(this.#summary)),
      ...{ refused: failures, explained, lost },
      facts: this.#facts(end).map(([label, text]) => [label, escapeText(text)]),
      cautions: [
        ...this.#missing.map(withoutText),
        ...(end === undefined ? [CUT_SENTENCE] : end.died ? [earlyEnd(end.reason)] : []),
        ...(lost > 0 ? [`${lost} events were lost`] : []),
        ...(notKept.length > 0 ? [`from the middle of long histories ${notKeptText(sumOf(notKept))}; --history keeps more`] : []),
      ].map((text) => escapeText(text)),
      ...{ from, to, midnight: this.#midnight() },
    };
  }

  #facts(end: EventOf<"end"> | undefined): [string, string][] {
    const { kernel, hooks, attach, bpftrace, filters, host, command, redacted } = this.#header;
    const ports = rangeTexts(filters.ports).join(", ");
    return [
      ["kernel", kernel.release],
      ["hook set", hooks === attach ? hooks : `${hooks} by ${attach}`],
      ["bpftrace", bpftrace],
      ["ports", ports === "" ? "all" : ports],
      ["host", host],
      ...(command === null ? [] : [["command", command.join(" ")] as [string, string]]),
      ["armed", this.#dateTime(0)],
      ...(end === undefined ? [] : [["ended", `${this.#dateTime(end.t)}, ${end.reason}`] as [string, string]]),
      ...(redacted ? [["names", "redacted"] as [string, string]] : []),
    ];
  }

  /** `2026-11-22 15:03:00.000 Europe/Berlin`. */
  #dateTime(t: Nanos): string {
    const { offsetMinutes, zone } = this.#header.clock;
    const local = isoTime(this.#anchor, t + offsetMinutes * 60_000_000_000);
    return `${local.slice(0, 10)} ${local.slice(11, 23)} ${zone}`;
  }

  #midnight(): Nanos {
    const day = 86_400_000_000_000n;
    const local = this.#anchor + BigInt(this.#header.clock.offsetMinutes) * 60_000_000_000n;
    return Number(((local % day) + day) % day);
  }
}

/** What was dropped of all ports together. */
const sumOf = (all: readonly NotKept[]): Pick<NotKept, "events"> => ({ events: all.reduce((sum, { events }) => sum + events, 0) });
