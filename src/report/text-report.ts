import { unreachable } from "../base/unreachable.ts";
import type { EventOf, Header } from "../core/event.ts";
import { keepLast } from "../core/many.ts";
import { isOptionalProbe, WITHOUT_PROBE } from "../core/probes.ts";
import type { AbsenceRecord, BlockerRecord, OutputRecord, SessionRecord, SummaryRecord } from "../core/record.ts";
import type { PortTimeline } from "../core/timeline.ts";
import { failureBlock, holdersLine, releaseLine } from "./failure.ts";
import { groupLines } from "./groups.ts";
import { absenceLine, attemptsLine, restartBlock } from "./outcome.ts";
import { Overview } from "./overview.ts";
import { portsText } from "./status.ts";
import { clockTime, escapeText, some, type TextOptions, wrap } from "./text.ts";
import { timelineText } from "./timeline.ts";
import { warningLines } from "./warning.ts";

/** Blockers that are remembered, the latest: those of a trace that runs for days have no end. */
const MOST_REMEMBERED = 16_384;

/** A report: turns records into output, and adds what belongs at the end. */
export interface Report {
  write(record: OutputRecord): string;
  /** In pieces where it may be longer than one string can be. `end`: the last event, undefined where the trace has none. */
  end(header: Header, timelines: readonly PortTimeline[], end?: EventOf<"end">): string | Iterable<string>;
}

/** The report for people. */
export class TextReport implements Report {
  readonly #options: TextOptions;
  /** Sockets whose release has been told: retries would tell it again and again. */
  readonly #released = new Set<string>();
  /** Who was found to have a socket, for the chart. */
  readonly #holders = new Map<string, { pid: number; comm: string }[]>();
  readonly #overview: Overview;
  #summary: SummaryRecord | undefined;
  #absence: AbsenceRecord | undefined;

  constructor(options: TextOptions) {
    this.#options = options;
    this.#overview = new Overview(options);
  }

  write(record: OutputRecord): string {
    switch (record.type) {
      case "session":
        return sessionLines(record, this.#options);
      case "failure":
        for (const blocker of record.blockers) this.#hold(blocker);
        this.#overview.take(record);
        return failureBlock(record, this.#options);
      case "holders":
        this.#hold(record);
        return holdersLine(record, this.#options);
      case "release":
        if (this.#released.has(record.socket)) return "";
        this.#released.add(record.socket);
        keepLast(this.#released, MOST_REMEMBERED);
        return releaseLine(record, this.#options);
      case "warning":
        return warningLines(record, this.#options);
      case "attempts":
        return attemptsLine(record, this.#options);
      case "restart":
        return restartBlock(record, this.#options);
      case "absence":
        this.#absence = record;
        return "";
      case "summary":
        this.#summary = record;
        return "";
      default:
        return unreachable(record);
    }
  }

  end(header: Header, timelines: readonly PortTimeline[]): string {
    const ports = timelines
      .map((timeline) => `\n${timelineText(timeline, this.#holders, header, this.#options)}${this.#groups(timeline)}`)
      .join("");
    const losses = lossLines(this.#summary, this.#options);
    if (this.#absence) return `${ports}${absenceLine(this.#absence, this.#options)}${losses}`;
    return this.#summary ? `${ports}${this.#overview.text(this.#summary.ports)}${summaryLine(this.#summary)}${losses}` : ports;
  }

  #hold({ socket, holders }: Pick<BlockerRecord, "socket" | "holders">): void {
    if (holders.length === 0) return;
    this.#holders.delete(socket);
    this.#holders.set(
      socket,
      holders.map(({ pid, comm }) => ({ pid, comm })),
    );
    keepLast(this.#holders, MOST_REMEMBERED);
  }

  #groups({ netns, protocol, port }: PortTimeline): string {
    const record = this.#summary?.ports.find((one) => one.netns === netns && one.protocol === protocol && one.port === port);
    return record ? groupLines(record, this.#options) : "";
  }
}

function sessionLines({ ports, kernel, hooks, attach, bpftrace, missingProbes, redacted }: SessionRecord, options: TextOptions): string {
  const [major, minor] = [kernel.split("."), bpftrace.split(".")].map((parts) => parts.slice(0, 2).join("."));
  const set = hooks === attach ? hooks : `${hooks} by ${attach}`;
  const armed = `bindtrace: armed on ${portsText(ports)} (kernel ${major}, hook set ${set}, bpftrace ${minor}${redacted ? "; names taken out" : ""})`;
  const less = missingProbes.map((name) => `bindtrace: ${withoutText(name)}`);
  return [armed, ...less].flatMap((line) => wrap(escapeText(line, options.ascii), options.width).map((part) => `${part}\n`)).join("");
}

/** What is missing without that probe. */
export const withoutText = (name: string) => `without ${name}: ${isOptionalProbe(name) ? WITHOUT_PROBE[name] : "its evidence is missing"}`;

const summaryLine = (record: SummaryRecord) => `\nbindtrace: ${summaryText(record)}\n`;

/** Of which CPU events are missing, and from when on. */
const lossLines = (summary: SummaryRecord | undefined, options: TextOptions) =>
  (summary?.losses ?? [])
    .map(({ cpu, count, first, last }) => {
      const [from, to] = [first, last].map((iso) => clockTime(iso, options));
      return `bindtrace: lost of CPU ${cpu}: ${some(count, "event")}, ${from === to ? `at ${from}` : `from ${from} to ${to}`}\n`;
    })
    .join("");

/** What it comes to in one line. */
export function summaryText({ failures, explained, lost }: SummaryRecord): string {
  const refused = failures === 0 ? "no bind was refused" : `${failures} refused, ${explained} explained`;
  const losses = lost > 0 ? `; ${lost} events were lost` : "";
  return `${refused}${losses}`;
}
