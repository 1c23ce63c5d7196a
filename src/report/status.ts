import { type PortRanges, rangeTexts } from "../core/port-ranges.ts";
import { countText, some, type TextOptions, textWidth, truncate } from "./text.ts";

/** What a live trace can say of itself while it waits. */
export interface Watching {
  /** None: all ports. */
  ports: PortRanges;
  seconds: number;
  events: number;
  refused: number;
  lost: number;
}

/** One line that fits into the width. */
export function statusText({ ports, seconds, events, refused, lost }: Watching, options: Pick<TextOptions, "width" | "ascii">): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const lasted = `${hours}:${`${minutes}`.padStart(2, "0")}:${`${rest}`.padStart(2, "0")}`;
  const counts = `${some(events, "event")}, ${countText(refused)} refused, ${countText(lost)} lost`;
  const text = `bindtrace: armed on ${portsText(ports)}, ${lasted}, ${counts}`;
  const hint = `${text}; Ctrl-C ends it`;
  return textWidth(hint) <= options.width ? hint : truncate(text, options.width, options);
}

/** `8080,9000-9010`. */
export function portsText(ports: Watching["ports"]): string {
  return ports.length === 0 ? "all ports" : rangeTexts(ports).join(",");
}
