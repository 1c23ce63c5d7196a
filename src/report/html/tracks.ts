import type { Nanos } from "../../base/nanoseconds.ts";
import type { Lane } from "../../core/chart.ts";

/** More lanes than this share lines: nobody reads a thousand of them. */
const MAX_ALONE = 40;

export interface Tracks {
  /** The track of each lane. */
  of: number[];
  count: number;
  /** What stands beside some of them where lanes share them: else each lane has a name of its own. */
  labels: [track: number, text: string, short: string][];
}

/**
 * Which line of the chart each lane is drawn on. Many lanes share lines, so that no two overlap: first the sockets that were bound to
 * the port themselves, then the connections.
 */
export function tracksOf(lanes: readonly Lane[]): Tracks {
  if (lanes.length <= MAX_ALONE) return { of: lanes.map((_, index) => index), count: lanes.length, labels: [] };
  const of = lanes.map(() => 0);
  const labels: Tracks["labels"] = [];
  let count = 0;
  for (const [label, short, some] of [
    ["bound, listening", "bound", lanes.filter(({ socket }) => socket.facts.peer === null)],
    ["connections", "conn.", lanes.filter(({ socket }) => socket.facts.peer !== null)],
  ] as const) {
    if (some.length === 0) continue;
    labels.push([count, `${label} (${some.length})`, short]);
    const packed = pack(some.map(extent));
    const tracks = new Map(some.map((lane, index) => [lane, count + (packed[index] ?? 0)]));
    lanes.forEach((lane, index) => {
      of[index] = tracks.get(lane) ?? of[index] ?? 0;
    });
    count += packed.reduce((most, track) => Math.max(most, track + 1), 0);
  }
  return { of, count, labels };
}

interface Extent {
  from: Nanos;
  to: Nanos;
}

function extent({ bars, seenAt }: Lane): Extent {
  const last = bars.at(-1);
  return { from: bars[0]?.from ?? seenAt, to: last ? (last.to ?? Number.POSITIVE_INFINITY) : seenAt };
}

/** The track of each extent, so that no two on one overlap; as few as can be, but for extents without length. */
function pack(extents: readonly Extent[]): number[] {
  const tracks: (number | undefined)[] = extents.map(() => undefined);
  const numbered = extents.map((extent, index) => ({ ...extent, index }));
  const begins = [...numbered].sort((a, b) => a.from - b.from || a.index - b.index);
  // Of those that end at one instant, one that only begins then comes last.
  const ends = [...numbered].sort((a, b) => order(a.to, b.to) || order(a.from, b.from) || a.index - b.index);
  const free: number[] = [];
  let [ended, count] = [0, 0];
  for (const { from, index } of begins) {
    for (let end = ends[ended]; end && end.to <= from; end = ends[++ended]) {
      const track = tracks[end.index];
      if (track === undefined) break;
      free.push(track);
    }
    tracks[index] = free.pop() ?? count++;
  }
  return tracks as number[];
}

/** The difference of infinities is no number. */
const order = (a: Nanos, b: Nanos) => (a < b ? -1 : a > b ? 1 : 0);
