import type { Nanos } from "../../base/nanoseconds.ts";
import { chartOf, type Lane, type PortChart, type Span, spansOf } from "../../core/chart.ts";
import type { Socket } from "../../core/socket.ts";
import type { PortTimeline, Row } from "../../core/timeline.ts";
import { processText } from "../block.ts";
import { gapText } from "../outcome.ts";
import { durationText, escapeText, type TextOptions } from "../text.ts";
import { placeText, portText, rowText } from "../timeline.ts";
import type { FailureItems } from "./failures.ts";
import { BAR_KINDS, type BarItem, BEGIN_SEEN, type Contents, END_SEEN, type EventItem, type EventMark } from "./model.ts";
import type { Processes } from "./tables.ts";
import { tracksOf } from "./tracks.ts";

export type Charted = Pick<Contents, "ports" | "lanes" | "bars" | "gaps" | "refusals" | "events">;

/** The ports as charts. Tells each failure on which port it is. */
export class Charts implements Charted {
  readonly ports: Contents["ports"] = [];
  readonly lanes: Contents["lanes"] = [];
  readonly bars: Contents["bars"] = [];
  readonly gaps: Contents["gaps"] = [];
  readonly refusals: Contents["refusals"] = [];
  readonly events: Contents["events"] = [];
  readonly #failures: FailureItems;
  readonly #processes: Processes;
  readonly #options: TextOptions;

  constructor(failures: FailureItems, processes: Processes, options: TextOptions) {
    this.#failures = failures;
    this.#processes = processes;
    this.#options = options;
  }

  /** First and last instant of all charts. */
  from: Nanos = Number.POSITIVE_INFINITY;
  to: Nanos = Number.NEGATIVE_INFINITY;

  /** `groups`: the reuseport groups of the port, as labels and texts. */
  add(timeline: PortTimeline, groups: [string, string][]): void {
    const chart = chartOf(timeline);
    const port = this.ports.length;
    const tracks = tracksOf(chart.lanes);
    this.from = Math.min(this.from, chart.from);
    this.to = Math.max(this.to, chart.to);
    this.ports.push({ name: portText(chart), port: chart.port, tracks: tracks.count, labels: tracks.labels, groups });
    const indexes = this.#addLanes(port, chart.lanes, tracks.of);
    this.#addGaps(port, chart);
    this.#addRefusals(port, chart, indexes);
    this.#addEvents(port, timeline.rows, indexes);
  }

  /** Every port has been added. */
  finish(): void {
    this.events.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  }

  /** The index of the lane of each socket. */
  #addLanes(port: number, lanes: readonly Lane[], tracks: readonly number[]): Map<Socket, number> {
    const indexes = new Map<Socket, number>();
    const bars: { track: number; bar: BarItem }[] = [];
    lanes.forEach((lane, position) => {
      const { socket } = lane;
      const { opener } = socket;
      const [track = 0, who] = [tracks[position], opener ? processText({ comm: opener.comm, pid: opener.process.pid }, this.#options) : ""];
      const index = this.lanes.push([port, track, socket.id, placeText(socket), who]) - 1;
      indexes.set(socket, index);
      for (const span of spansOf(lane)) bars.push({ track, bar: barItem(index, span) });
    });
    bars.sort((a, b) => a.track - b.track || a.bar[2] - b.bar[2]);
    this.bars.push(...bars.map(({ bar }) => bar));
    return indexes;
  }

  #addGaps(port: number, { gaps, protocol }: PortChart): void {
    for (const { from, to } of gaps) {
      this.gaps.push([port, from, to, gapText(protocol, to - from, this.#options), durationText(to - from, this.#options)]);
    }
  }

  #addRefusals(port: number, { refusals }: PortChart, indexes: ReadonlyMap<Socket, number>): void {
    for (const { t, failure, blockers } of refusals) {
      const index = this.#failures.indexOf(failure);
      const item = this.#failures.items[index];
      if (item) item.port = port;
      this.refusals.push([port, t, index, blockers.flatMap((socket) => indexes.get(socket) ?? [])]);
    }
  }

  #addEvents(port: number, rows: readonly Row[], indexes: ReadonlyMap<Socket, number>): void {
    for (const row of rows) {
      const lane = row.kind === "refused" || !row.socket ? -1 : (indexes.get(row.socket) ?? -1);
      const process = row.process === null ? -1 : this.#processes.of(row.process);
      const failure = row.kind === "refused" ? this.#failures.indexOf(row.detail) : -1;
      const event: EventItem = [port, row.t, markOf(row), lane, process, failure, escapeText(rowText(row, this.#options))];
      this.events.push(event);
    }
  }
}

const barItem = (index: number, { kind, from, to, beginSeen, endSeen }: Span): BarItem => [
  index,
  BAR_KINDS.indexOf(kind),
  from,
  to,
  (beginSeen ? BEGIN_SEEN : 0) | (endSeen ? END_SEEN : 0),
];

function markOf({ kind }: Row): EventMark {
  return kind === "refused" || kind === "exited" ? kind : "lane";
}
