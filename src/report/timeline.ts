import Table from "cli-table3";
import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import type { Header } from "../core/event.ts";
import type { Socket } from "../core/socket.ts";
import { type LaneCell, laneCells, type PortTimeline, type Row } from "../core/timeline.ts";
import { clockTime, escapeText, paint, type TextOptions, wrap } from "./text.ts";

const TIME_WIDTH = 14;
const MIN_LANE_WIDTH = 5;
const TEXT_WIDTH = 30;
const MIN_TEXT_WIDTH = 16;

interface Glyphs {
  empty: string;
  bound: string;
  listening: string;
  connected: string;
  lingering: string;
  begin: string;
  end: string;
  change: string;
  blocks: string;
}
const UNICODE: Glyphs = {
  empty: " ",
  bound: "│",
  listening: "┃",
  connected: "╎",
  lingering: "┊",
  begin: "┬",
  end: "┴",
  change: "┼",
  blocks: "◀",
};
const ASCII: Glyphs = {
  empty: " ",
  bound: "|",
  listening: "#",
  connected: ":",
  lingering: ".",
  begin: "+",
  end: "+",
  change: "+",
  blocks: "<",
};

/** One table a port: a row an event, a lane a socket. */
export function timelineTable(timeline: PortTimeline, header: Header, options: TextOptions): string {
  // Names of sockets grow with their number: s1001.
  const laneWidth = Math.max(MIN_LANE_WIDTH, ...timeline.lanes.map(({ id }) => id.length + 2));
  const maxLanes = Math.max(1, Math.floor((options.width - TIME_WIDTH - TEXT_WIDTH) / laneWidth));
  const lanes = timeline.lanes.slice(0, maxLanes);
  const sorted: PortTimeline = { ...timeline, lanes, rows: [...timeline.rows].sort((a, b) => a.t - b.t) };
  const glyphs = options.ascii ? ASCII : UNICODE;
  const textWidth = Math.max(MIN_TEXT_WIDTH, options.width - TIME_WIDTH - laneWidth * lanes.length);
  const table = new Table({
    head: ["time", ...lanes.map(({ id }) => id), "event"],
    colWidths: [TIME_WIDTH, ...lanes.map(() => laneWidth)],
    chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 1 },
  });
  const anchor = parseIsoTime(header.clock.wall) ?? 0n;
  const cells = laneCells(sorted);
  sorted.rows.forEach((row, index) => {
    const marks = (cells[index] ?? []).map((cell) => glyph(cell, glyphs));
    // Wrapped here rather than by the table, which cuts long words off.
    const text = wrap(escapeText(rowText(row, options), options.ascii), textWidth - 1, true).map((line) => tinted(row, line, options));
    table.push([time(row.t, anchor, options), ...marks, text.join("\n")]);
  });
  const hidden = timeline.lanes.length - lanes.length;
  const body = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  const note = hidden > 0 ? wrap(`(${hidden} more sockets have no lane at this width)`, options.width - 2) : [];
  return [
    ...wrap(
      `${timeline.port === 0 ? "any free port" : timeline.port}/${timeline.protocol} in network namespace ${timeline.netns}`,
      options.width,
    ).map((line) => paint("strong", line, options)),
    ...body,
    ...[...wrap(legend(glyphs), options.width - 2), ...note].map((line) => `  ${line}`),
    "",
  ].join("\n");
}

const BORDERS = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
];

const time = (t: Nanos, anchor: bigint, options: TextOptions) => clockTime(isoTime(anchor, t), options);

function legend(glyphs: Glyphs): string {
  const bars = (["listening", "bound", "connected"] as const).map((name) => `${glyphs[name]} ${name}`);
  return [...bars, `${glyphs.lingering} TIME_WAIT`, `${glyphs.blocks} blocked the refused call`].join("   ");
}

function glyph(cell: LaneCell, glyphs: Glyphs): string {
  if (cell.mark === "blocks") return glyphs.blocks;
  if (cell.mark === null || cell.before === cell.after) return glyphs[cell.after];
  if (cell.before === "empty") return glyphs.begin;
  return cell.after === "empty" ? glyphs.end : glyphs.change;
}

function tinted(row: Row, line: string, options: TextOptions): string {
  if (row.kind === "refused") return paint("bad", line, options);
  return row.kind === "released" ? paint("good", line, options) : line;
}

function rowText(row: Row, options: TextOptions): string {
  const who = row.process ? `${escapeText(row.process.comm, options.ascii) || "?"}[${row.process.pid}]` : "";
  const socket = row.socket ? ` ${place(row.socket)}` : "";
  const id = row.socket?.id ?? "";
  switch (row.kind) {
    case "there":
      return `${id}${socket} was there: ${row.state}${row.detail && `, in ${row.detail}`}`;
    case "bound":
      return `${who} bound${socket}`;
    case "listening":
      return `${who} listens on${socket}`;
    case "joined":
      return `${id} joined ${row.detail}`;
    case "member":
      return `${id} is in ${row.detail}`;
    case "left":
      return `${id} left ${row.detail}`;
    case "refused":
      return `${options.ascii ? "x" : "✗"} ${who} refused (${row.detail})`;
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
    case "released":
      return `${id} let the port go`;
    case "exited":
      return `${who} exited (${row.detail})`;
  }
}

function place({ facts }: Socket): string {
  return facts.peer
    ? `${endpoint(facts.address, facts.port)} to ${endpoint(facts.peer.address, facts.peer.port)}`
    : endpoint(facts.address, facts.port);
}
