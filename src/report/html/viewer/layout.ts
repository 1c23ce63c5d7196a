import type { PortData } from "./store.ts";

/** Where the strips of a chart are. All numbers are CSS pixels. */
export interface Layout {
  width: number;
  /** Of the part that is seen; the tracks may be taller and scroll. */
  height: number;
  /** Names stand left of it. */
  plot: number;
  plotWidth: number;
  refusals: { top: number; height: number };
  gaps: { top: number; height: number };
  /** Where the tracks begin, and how tall each is. */
  tracks: number;
  track: number;
  /** How far the tracks are scrolled. */
  scroll: number;
}

const AXIS = 26;
const REFUSALS = 26;
const GAPS = 22;
const TRACK = 30;
const PACKED_TRACK = 24;
const RIGHT = 10;
const BOTTOM = 8;
const NARROW_NAMES = 54;
/** From this width on there is room for addresses beside the lanes. */
const WIDE = 640;

export function layoutOf(port: PortData, width: number, height: number, scroll: number): Layout {
  const plot = width >= WIDE ? Math.min(250, Math.round(width * 0.24)) : NARROW_NAMES;
  const gaps = port.gaps.length > 0 ? GAPS : 0;
  return {
    ...{ width, height, plot, plotWidth: Math.max(1, width - plot - RIGHT), scroll },
    refusals: { top: AXIS, height: REFUSALS },
    gaps: { top: AXIS + REFUSALS, height: gaps },
    ...{ tracks: AXIS + REFUSALS + gaps, track: trackHeight(port) },
  };
}

const trackHeight = ({ item }: PortData) => (item.labels.length > 0 ? PACKED_TRACK : TRACK);

/** Height of the whole chart, were all of it seen. */
export function fullHeight(port: PortData): number {
  const { tracks } = layoutOf(port, WIDE, 0, 0);
  return tracks + port.tracks.length * trackHeight(port) + BOTTOM;
}

/** The middle of a track. */
export const trackY = (layout: Layout, track: number) => layout.tracks + (track + 0.5) * layout.track - layout.scroll;

/** The track at that height, which may be none of those that there are. */
export const trackAt = (layout: Layout, y: number) => Math.floor((y - layout.tracks + layout.scroll) / layout.track);

/** The first and the last track of which something is seen. */
export function tracksSeen(layout: Layout, port: PortData): [first: number, last: number] {
  return [Math.max(0, trackAt(layout, layout.tracks)), Math.min(port.tracks.length - 1, trackAt(layout, layout.height))];
}
