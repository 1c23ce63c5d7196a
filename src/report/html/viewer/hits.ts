import { BAR_KINDS, type BarItem, BEGIN_SEEN, END_SEEN, type RefusalItem } from "../model.ts";
import { trackAt } from "./layout.ts";
import { marksOf } from "./marks.ts";
import type { Canvas } from "./paint.ts";
import { firstFrom } from "./store.ts";
import { clockText } from "./ticks.ts";

/** How far from a mouse, and from a finger, something may be, in CSS pixels. */
const NEAR = 9;
const FINGER = 20;

/** What is at a place of a chart. */
export type Hit =
  | { kind: "refusals"; refusals: RefusalItem[]; count: number }
  | { kind: "event"; index: number }
  | { kind: "bar"; bar: BarItem }
  | { kind: "gap"; text: string };

/** The most telling thing near that place; null where there is none. */
export function hitAt(canvas: Canvas, x: number, y: number, finger = false): Hit | null {
  const { layout } = canvas;
  const near = finger ? FINGER : NEAR;
  if (x < layout.plot) return null;
  if (y < layout.refusals.top + layout.refusals.height) return refusalsAt(canvas, x, near);
  if (y < layout.tracks) return gapAt(canvas, x);
  return inTrack(canvas, x, y, near) ?? gapAt(canvas, x);
}

function refusalsAt(canvas: Canvas, x: number, near: number): Hit | null {
  const within = marksOf(canvas).all.filter((mark) => Math.abs(mark.x - x) <= near);
  const mark = within.sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
  if (!mark) return nearestEvent(canvas, canvas.port.exits, x, near);
  return { kind: "refusals", refusals: canvas.port.refusals.slice(mark.first, mark.first + mark.count), count: mark.count };
}

function nearestEvent({ scene, layout }: Canvas, events: readonly number[], x: number, near: number): Hit | null {
  const { window, store } = scene;
  const t = window.at(x - layout.plot, layout.plotWidth);
  const timeOf = (position: number) => store.event(events[position] ?? -1)?.[1] ?? Number.POSITIVE_INFINITY;
  const next = firstFrom(events.length, timeOf, t);
  const position = t - timeOf(next - 1) < timeOf(next) - t ? next - 1 : next;
  const distance = (Math.abs(timeOf(position) - t) / window.span) * layout.plotWidth;
  return distance <= near ? { kind: "event", index: events[position] ?? -1 } : null;
}

function gapAt({ port, scene, layout }: Canvas, x: number): Hit | null {
  const t = scene.window.at(x - layout.plot, layout.plotWidth);
  const gap = port.gaps.find(([, from, to]) => from <= t && to >= t);
  return gap ? { kind: "gap", text: gap[3] } : null;
}

function inTrack(canvas: Canvas, x: number, y: number, near: number): Hit | null {
  const { port, scene, layout } = canvas;
  const track = port.tracks[trackAt(layout, y)];
  if (!track) return null;
  const event = nearestEvent(canvas, track.events, x, near);
  if (event) return event;
  const t = scene.window.at(x - layout.plot, layout.plotWidth);
  const bar = track.bars.find(([, , from, to]) => from <= t && (to === null || to >= t));
  return bar ? { kind: "bar", bar } : null;
}

const BAR_NAMES: Readonly<Record<(typeof BAR_KINDS)[number], string>> = {
  listening: "listening",
  bound: "bound",
  connected: "connected",
  lingering: "TIME_WAIT",
  maybe: "maybe still there",
};

/** What is said of it: the first line is its head. */
export function hitLines(canvas: Canvas, hit: Hit): string[] {
  const { store } = canvas.scene;
  const time = (t: number) => clockText(t, store.head.midnight, 6);
  switch (hit.kind) {
    case "refusals": {
      const heads = hit.refusals
        .slice(0, 3)
        .map(([, t, failure]) => `${time(t)}  ${store.failure(failure)?.head ?? "refused, not reported"}`);
      return hit.count > 3 ? [...heads, `and ${hit.count - 3} more`] : heads;
    }
    case "event": {
      const [, t = 0, , , , , text = ""] = store.event(hit.index) ?? [];
      return [time(t), text];
    }
    case "gap":
      return [hit.text];
    case "bar": {
      const [lane, kind, from, to, seen] = hit.bar;
      const [, , id = "", place = "", opener = ""] = store.contents.lanes[lane] ?? [];
      const name = BAR_NAMES[BAR_KINDS[kind] ?? "bound"];
      const since = seen & BEGIN_SEEN ? `from ${time(from)}` : `since before ${time(from)}`;
      const until = to === null ? "to the end of the trace" : `to ${time(to)}${seen & END_SEEN ? "" : " (not seen)"}`;
      return [`${id}  ${place}`, `${name}, ${since}, ${until}`, ...(opener === "" ? [] : [`bound by ${opener}`])];
    }
  }
}
