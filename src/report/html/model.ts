import type { Nanos } from "../../base/nanoseconds.ts";
import type { SpanKind } from "../../core/chart.ts";

/**
 * What a page carries: written by the report, read by the viewer (viewer/), both type-checked against this. Sentences are made by the
 * report alone; foreign text is escaped in them (report/text.ts). References from one array to another are indexes, -1 for none.
 */

/** The bars, by the number that stands for them. */
export const BAR_KINDS = ["listening", "bound", "connected", "lingering", "maybe"] as const satisfies readonly SpanKind[];

/** An array for each kind of item, in the order in which the viewer gets them: what is referred to comes first. */
export interface Contents {
  head: HeadItem[];
  processes: ProcessItem[];
  texts: string[];
  ports: PortItem[];
  lanes: LaneItem[];
  bars: BarItem[];
  gaps: GapItem[];
  failures: FailureItem[];
  refusals: RefusalItem[];
  events: EventItem[];
  stories: StoryItem[];
}

/** Some items of one kind: what one script tag holds. */
export type Part = { [Kind in keyof Contents]: [kind: Kind, items: Contents[Kind]] }[keyof Contents];

/** There is exactly one. */
export interface HeadItem {
  /** `3 refused, 3 explained`. */
  summary: string;
  refused: number;
  explained: number;
  lost: number;
  /** What was recorded, where and when: label and text. */
  facts: [label: string, text: string][];
  /** What is missing, or wrong with the recording. */
  cautions: string[];
  /** First and last instant of all charts. */
  from: Nanos;
  to: Nanos;
  /** Time since midnight, in the zone of the trace, at instant 0. */
  midnight: Nanos;
}

export type ProcessItem = [pid: number, comm: string];

export interface PortItem {
  /** `8080/tcp in network namespace 4026531840`. */
  name: string;
  port: number;
  /** How many lines its lanes take, and what stands beside them where several lanes share one. */
  tracks: number;
  labels: [track: number, text: string, short: string][];
  /** Its reuseport groups. */
  groups: [label: string, text: string][];
}

/** A socket on a port. */
export type LaneItem = [port: number, track: number, id: string, place: string, opener: string];

/**
 * In the order of ports, tracks and time. `from`: where the beginning was not seen, when it was first seen to be so. `to` null: so until
 * the trace ended.
 */
export type BarItem = [lane: number, kind: number, from: Nanos, to: Nanos | null, seen: number];

/** Bits of {@link BarItem}: that its beginning, and its end, is an instant that was seen, or at least known. */
export const BEGIN_SEEN = 1;
export const END_SEEN = 2;

export type GapItem = [port: number, from: Nanos, to: Nanos, text: string, length: string];

export interface FailureItem {
  id: string;
  t: Nanos;
  port: number;
  /** What the search finds it by: ports, processes (the refused one first) and sockets. */
  ports: number[];
  processes: number[];
  sockets: string[];
  confidence: "exact" | "inferred" | "unknown";
  rule: string;
  /** Time of day, and the sentence. */
  at: string;
  head: string;
  /** The same failure came before. */
  repeated: boolean;
  sections: Section[];
  /** The options of both sides: rows of cells, the first row and the first column are heads. */
  options: number[][];
}

/** Indexes of texts. */
export type Section = [label: number, lines: number[]];

/** A refused call in the chart, and the lanes that were in its way. In time order on each port. */
export type RefusalItem = [port: number, t: Nanos, failure: number, lanes: number[]];

/** One row of a port's timeline, in time order over all ports. `failure`: of a refusal. */
export type EventItem = [port: number, t: Nanos, mark: EventMark, lane: number, process: number, failure: number, text: string];

/** What an event is in the chart: a mark on its lane, a refused call, or the end of a process. */
export type EventMark = "lane" | "refused" | "exited";

/** Retries, a restart, or trouble that gave no error. */
export interface StoryItem {
  kind: "good" | "bad" | "warning" | "restart";
  /** From when to when it lasted. */
  from: Nanos;
  to: Nanos;
  at: string;
  text: string;
  steps: [at: string, took: string, text: string, slowest: boolean][];
}
