import type { SpanKind } from "../core/chart.ts";

/** What a chart is drawn with. */
export interface Glyphs {
  bar: Readonly<Record<SpanKind, string>>;
  /** A bar that begins, ends, or becomes another one; those of listeners are heavier. */
  begin: Readonly<Record<SpanKind, string>>;
  end: Readonly<Record<SpanKind, string>>;
  becomes: Readonly<Record<"listening" | "quiet" | "other", string>>;
  /** A bar that began and ended within one column. */
  both: string;
  /** The beginning or end was not seen itself. */
  unseen: string;
  refused: string;
  blocked: string;
  /** From a refused call to what blocked it. */
  line: string;
  /** The axis: a column of one instant, one of several, and what is between them. */
  instant: string;
  several: string;
  pause: string;
  /** A stretch without a listener. */
  gap: readonly [string, string, string];
}

const kinds = <T>(listening: T, bound: T, connected: T, lingering: T, maybe: T): Readonly<Record<SpanKind, T>> => ({
  ...{ listening, bound, connected, lingering, maybe },
});

export const UNICODE: Glyphs = {
  bar: kinds("━", "─", "╌", "┈", "·"),
  begin: kinds("┝", "├", "├", "├", "├"),
  end: kinds("┥", "┤", "┤", "┤", "┤"),
  becomes: { listening: "┾", quiet: "┽", other: "┼" },
  both: "╫",
  unseen: "?",
  refused: "✗",
  blocked: "◆",
  line: "│",
  instant: "┬",
  several: "╥",
  pause: "─",
  gap: ["├", "─", "┤"],
};

export const ASCII: Glyphs = {
  bar: kinds("=", "-", "~", ".", ":"),
  begin: kinds("[", "[", "[", "[", "["),
  end: kinds("]", "]", "]", "]", "]"),
  becomes: { listening: "+", quiet: "+", other: "+" },
  both: "H",
  unseen: "?",
  refused: "x",
  blocked: "*",
  line: "|",
  instant: "+",
  several: "#",
  pause: "-",
  gap: ["|", "-", "|"],
};

/** What a lane shows in a column where something of it changed. `seen`: the last change was. */
export function changeGlyph(before: SpanKind | null, after: SpanKind | null, seen: boolean, glyphs: Glyphs): string {
  if (!seen) return glyphs.unseen;
  if (before === null) return after === null ? glyphs.both : glyphs.begin[after];
  if (after === null) return glyphs.end[before];
  if (before === after || (before !== "listening" && after !== "listening")) return glyphs.becomes.other;
  return glyphs.becomes[after === "listening" ? "listening" : "quiet"];
}

const NAMES: Readonly<Record<SpanKind, string>> = {
  listening: "listening",
  bound: "bound",
  connected: "connected",
  lingering: "TIME_WAIT",
  maybe: "maybe still there",
};

/** What the glyphs mean that a chart has. `several`: how long its longest column lasts, null where each is an instant. */
export function legendItems(glyphs: Glyphs, used: ReadonlySet<string>, several: string | null): string[] {
  const marks: [string, string][] = [
    [glyphs.refused, "refused"],
    [glyphs.blocked, "blocked it"],
    [glyphs.unseen, "begin or end not seen"],
    [glyphs.both, "came and went"],
  ];
  return [...(Object.keys(NAMES) as SpanKind[]).map((kind): [string, string] => [glyphs.bar[kind], NAMES[kind]]), ...marks]
    .filter(([glyph]) => used.has(glyph))
    .map((item) => item.join(" "))
    .concat(several === null ? [] : [`${glyphs.several} several changes within ${several}`]);
}
