import { countText } from "./dom.ts";
import { tracksSeen, trackY } from "./layout.ts";
import type { Marks } from "./marks.ts";
import type { Canvas } from "./paint.ts";

/** From this width on a name has its address beside it. */
const ROOM = 100;

/** What stands left of the tracks. */
export function paintNames({ context, layout, port, scene }: Canvas, { count, crowded }: Marks): void {
  const { palette, store } = scene;
  const labels = new Map(port.item.labels.map(([track, text, short]) => [track, [text, short] as const]));
  context.save();
  context.beginPath();
  context.rect(0, layout.refusals.top, layout.plot - 6, layout.height - layout.refusals.top);
  context.clip();
  context.font = `600 11px ${palette.sans}`;
  context.fillStyle = palette.bad;
  const refused = layout.plot < ROOM ? "✗" : crowded ? `refused ×${countText(count)}` : "refused";
  if (port.refusals.length > 0) context.fillText(refused, layout.plot > ROOM ? 10 : 4, layout.refusals.top + 16);
  context.beginPath();
  context.rect(0, layout.tracks, layout.plot - 6, layout.height - layout.tracks);
  context.clip();
  const [first, last] = tracksSeen(layout, port);
  for (let track = first; track <= last; track++) {
    const y = trackY(layout, track);
    const lane = port.tracks[track]?.lanes[0] ?? -1;
    const shared = labels.get(track);
    const [, , id = "", place = "", opener = ""] = (port.item.labels.length === 0 && store.contents.lanes[lane]) || [];
    context.globalAlpha = scene.found && port.item.labels.length === 0 && !scene.found.lanes[lane] ? 0.35 : 1;
    context.fillStyle = palette.ink;
    if (shared !== undefined) {
      context.font = `600 11px ${palette.sans}`;
      const [text, short] = shared;
      context.fillText(fitted(context, layout.plot > ROOM ? text : short, layout.plot - 10), layout.plot > ROOM ? 10 : 4, y + 4);
    } else if (layout.plot < ROOM) {
      context.font = `600 12px ${palette.mono}`;
      context.fillText(id, 8, y + 4);
    } else {
      context.font = `600 12px ${palette.mono}`;
      context.fillText(id, 10, y + 4);
      const left = 10 + Math.max(30, context.measureText(id).width + 8);
      context.font = `11px ${palette.mono}`;
      const [own = "", other = ""] = place.split(/(?<=\S)(?= to )/);
      const second = opener || other.trim();
      context.fillText(fitted(context, own, layout.plot - left - 8), left, second === "" ? y + 4 : y - 2);
      context.fillStyle = palette.dim;
      context.fillText(fitted(context, second, layout.plot - left - 8), left, y + 11);
    }
  }
  context.globalAlpha = 1;
  context.restore();
}

/** The text, cut to that width. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
