import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import { chartOf } from "../core/chart.ts";
import type { Header } from "../core/event.ts";
import type { Socket } from "../core/socket.ts";
import type { NotKept, PortTimeline, Row } from "../core/timeline.ts";
import { processText } from "./block.ts";
import { drawChart } from "./chart.ts";
import type { KnownHolders, PickedLines } from "./chart-lanes.ts";
import { MAX_EQUAL } from "./chart-runs.ts";
import { type EventRun, eventRuns } from "./event-runs.ts";
import { clockTime, countText, durationText, escapeText, paint, some, type TextOptions, wrap } from "./text.ts";

/** Time of day and two spaces. */
const TIME_WIDTH = 14;
/** Most events that are told, from the beginning and from the end. */
const MAX_FIRST = 50;
const MAX_LAST = 150;
/** Most events of connections without a lane that are told one by one where they follow each other. */
const MAX_PASSING = 3;
/** Most blockers named in one line. */
const MAX_NAMED = 4;

/** What happened on one port: the chart, and below it every event in words. */
export function timelineText(timeline: PortTimeline, holders: KnownHolders, header: Header, options: TextOptions): string {
  const { picked, text } = drawChart(chartOf(timeline), holders, header, options);
  const head = wrap(portText(timeline), options.width);
  return [
    ...head.map((line) => paint("strong", line, options)),
    ...(text.length > 0 ? [...text, ""] : []),
    ...eventLines(timeline, picked, header, options),
    "",
  ].join("\n");
}

/** `8080/tcp in network namespace 4026531840`. */
export const portText = ({ port, protocol, netns }: Pick<PortTimeline, "port" | "protocol" | "netns">) =>
  `${port === 0 ? "any free port" : port}/${protocol} in network namespace ${netns}`;

/** One or several events that are told in one line. */
interface Told {
  t: Nanos;
  text: string;
  style: "bad" | "good" | null;
}

function eventLines({ rows, notKept }: PortTimeline, picked: PickedLines, header: Header, options: TextOptions): string[] {
  const sorted = [...rows].sort((a, b) => a.t - b.t);
  const told = eventRuns(sorted, picked).flatMap((run) => collapsed(run, options));
  const hidden = told.length - MAX_FIRST - MAX_LAST;
  const anchor = parseIsoTime(header.clock.wall) ?? 0n;
  const lines = told.map(({ t, text, style }, index) => {
    if (hidden > 0 && index >= MAX_FIRST && index < MAX_FIRST + hidden) return [];
    const [first = "", ...more] = wrap(escapeText(text, options.ascii), options.width - TIME_WIDTH, true);
    const painted = (line: string) => (style ? paint(style, line, options) : line);
    return [
      `${clockTime(isoTime(anchor, t), options)}  ${painted(first)}`,
      ...more.map((line) => `${" ".repeat(TIME_WIDTH)}${painted(line)}`),
    ];
  });
  const dropped = notKept ? [`${dots(options)} ${notKeptText(notKept)}`] : [];
  if (hidden > 0) lines[MAX_FIRST] = [`${dots(options)} ${some(hidden, "line")} left out`, ...dropped];
  else lines.splice(notKept ? told.filter(({ t }) => t < notKept.until).length : 0, 0, dropped);
  return lines.flat();
}

/** `41,203 more events not kept`. */
export const notKeptText = ({ events }: Pick<NotKept, "events">) =>
  `${countText(events)} more ${events === 1 ? "event" : "events"} not kept`;

const dots = ({ ascii }: TextOptions) => (ascii ? "..." : "…");

/** A long run is told by its first and its last row, and what is between in one line; passing connections by that line alone. */
function collapsed({ of, rows }: EventRun, options: TextOptions): Told[] {
  const counted = of === "refusals" ? rows.filter(({ kind }) => kind === "refused") : rows;
  const [first, second] = counted;
  const [last, secondLast] = [counted.at(-1), counted.at(-2)];
  const most = of === "passing" ? MAX_PASSING : MAX_EQUAL;
  if (!first || !second || !last || !secondLast || counted.length <= most) return rows.map((row) => tell(row, options));
  const line = (t: Nanos, text: string, style: Told["style"]): Told => ({ t, text: `${dots(options)} ${text}`, style });
  if (of === "passing") {
    const sockets = new Set(rows.map(({ socket }) => socket)).size;
    const lasted = durationText(last.t - first.t, options);
    return [line(first.t, `${some(sockets, "more connection")} (${some(rows.length, "event")} over ${lasted})`, null)];
  }
  const end = rows.lastIndexOf(last);
  const exits = end + 1 - counted.length;
  const lasted = durationText(secondLast.t - second.t, options);
  const text =
    of === "refusals"
      ? `${some(counted.length - 2, "more refusal")} over ${lasted}${exits > 0 ? `, and ${some(exits, "exit")} of the processes` : ""}`
      : `${countText(counted.length - 2)} more like this over ${lasted}`;
  return [
    tell(first, options),
    line(second.t, text, of === "refusals" ? "bad" : null),
    ...rows.slice(end).map((row) => tell(row, options)),
  ];
}

const tell = (row: Row, options: TextOptions): Told => ({
  t: row.t,
  text: rowText(row, options),
  style: row.kind === "refused" ? "bad" : row.kind === "released" ? "good" : null,
});

/** What happened, in one sentence. */
export function rowText(row: Row, options: TextOptions): string {
  const who = row.process ? processText(row.process, options) : "";
  const id = row.socket?.id ?? "";
  const place = row.socket ? placeText(row.socket) : "";
  switch (row.kind) {
    case "there":
      return `${id} ${place} was there: ${row.state}${row.detail && `, in ${row.detail}`}`;
    case "bound":
      return `${who} bound ${id} to ${place}`;
    case "listening":
      return `${who} listens on ${id}`;
    case "joined":
      return `${id} joined ${row.detail}`;
    case "member":
      return `${id} is in ${row.detail}`;
    case "left":
      return `${id} left ${row.detail}`;
    case "refused":
      return `${options.ascii ? "x" : "✗"} ${who} refused (${row.detail})${blockersText(row)}`;
    case "copy-closed":
      return row.detail === "0" ? `${who} closed ${id}` : `${who} closed a copy of ${id} (${row.detail} left)`;
    case "stopped-listening":
      return `${id} stopped listening`;
    case "option":
      return `${who} set ${row.detail} on ${id}`;
    case "state":
      return `${id} is in ${row.state}`;
    case "gone":
      return `${id} ended (${who})`;
    case "missing":
      return `${id} was not there any more`;
    case "released":
      return `${id} let the port go`;
    case "exited":
      return `${who} exited (${row.detail})`;
  }
}

function blockersText({ blockers }: Row): string {
  if (blockers.length === 0) return "";
  const more = blockers.length > MAX_NAMED ? [`${countText(blockers.length - MAX_NAMED)} more`] : [];
  return `, blocked by ${[...blockers.slice(0, MAX_NAMED).map(({ id }) => id), ...more].join(", ")}`;
}

/** `0.0.0.0:8080`; of a connection with its other end. */
export function placeText({ facts }: Socket): string {
  return facts.peer
    ? `${endpoint(facts.address, facts.port)} to ${endpoint(facts.peer.address, facts.peer.port)}`
    : endpoint(facts.address, facts.port);
}
