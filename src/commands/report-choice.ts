import { type CallEvent, type Header, portOf, requestedPort } from "../core/event.ts";
import type { Place } from "../core/party.ts";
import { inRanges } from "../core/port-ranges.ts";
import type { StoryOptions } from "../core/story.ts";
import type { PortTimeline } from "../core/timeline.ts";
import { JsonReport } from "../report/json.ts";
import { type Report, TextReport } from "../report/text-report.ts";
import { type FilterOptions, type ReportOptions, textOptions } from "./options.ts";

/** The report that these options ask for. `terminal`: the stream that it goes to, undefined when that is a file. */
export function makeReport(options: ReportOptions, header: Header, terminal: NodeJS.WriteStream | undefined): Report {
  if (options.json) return new JsonReport();
  return new TextReport(textOptions(options, header.clock.offsetMinutes, terminal));
}

/** Events that are kept of each port, where nothing else is asked for. */
const HISTORY = 5000;

/**
 * Which failures and ports these options ask for. Port 0 (and autobind) is asked for by no filter, or as part of the
 * command. The trace's own filter holds where none is given; without any, a port is shown when a refusal of it is reported.
 */
export function storyOptions(options: FilterOptions, header: Header, netns: number | null): StoryOptions {
  const ports = options.port ?? header.filters.ports;
  const fits = (place: Place) =>
    (netns === null || place.netns === netns) && (options.proto === undefined || (place.protocol === "udp") === (options.proto === "udp"));
  const reports = (call: CallEvent) => {
    const wanted = [requestedPort(call), portOf(call)];
    const anyFree = wanted.every((port) => port === 0) && (ports.length === 0 || call.inCommand);
    const portFits = anyFree || wanted.some((port) => port !== 0 && inRanges(port, ports));
    return (
      portFits &&
      (options.pid === undefined || call.pid === options.pid || call.nsPid === options.pid) &&
      (options.comm === undefined || call.comm === options.comm) &&
      fits(call.socket)
    );
  };
  const shows = (timeline: PortTimeline) =>
    fits(timeline) && (timeline.reported || (ports.length > 0 && timeline.port !== 0 && inRanges(timeline.port, ports)));
  const watches = (place: Place) => fits(place) && (ports.length === 0 || inRanges(place.port, ports));
  return { reports, ports, shows, watches, history: options.history ?? HISTORY };
}
