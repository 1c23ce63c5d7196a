import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chartOf } from "../../src/core/chart.ts";
import { barCells, slotsOf } from "../../src/report/chart-cells.ts";
import { columnsOf, windowOf } from "../../src/report/chart-columns.ts";
import { UNICODE } from "../../src/report/chart-glyphs.ts";
import { pickLines } from "../../src/report/chart-lanes.ts";
import { instantsOf, runsOf } from "../../src/report/chart-runs.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { textWidth } from "../../src/report/text.ts";
import { timelineText } from "../../src/report/timeline.ts";
import { header } from "../helpers/events.ts";
import { hostile, visible } from "./hostile.ts";
import { anyTimeline } from "./timelines.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 0 };
const anyWidth = fc.oneof(fc.constantFrom(40, 80, 200), fc.integer({ min: 40, max: 220 }));
const none = new Map();

describe("whatever happened on a port", () => {
  it("no line is wider than asked for, with ASCII there is nothing else, and colour changes nothing but colour", () => {
    fc.assert(
      fc.property(anyTimeline(hostile), anyWidth, fc.boolean(), (timeline, width, ascii) => {
        const text = timelineText(timeline, none, header(), { ...PLAIN, width, ascii });
        for (const line of text.split("\n")) expect(textWidth(line)).toBeLessThanOrEqual(width);
        for (const line of text.split("\n")) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        if (ascii) expect(text).toMatch(/^[\n\x20-\x7e]*$/);
        expect(visible(timelineText(timeline, none, header(), { ...PLAIN, width, ascii, color: true }))).toBe(text);
      }),
    );
  });

  it("every refusal is on a line, drawn or counted, and every blocker has its lane", () => {
    fc.assert(
      fc.property(anyTimeline(), anyWidth, (timeline, width) => {
        const chart = chartOf(timeline);
        const all = pickLines(chart, null, none, PLAIN);
        const window = windowOf(instantsOf(all.lines, chart.gaps, runsOf(all.lines, chart.gaps)), width, chart.to);
        for (const { lines, left } of [all, pickLines(chart, window, none, PLAIN)]) {
          const refusals = lines.flatMap((line) => line.refusals ?? []);
          expect(new Set(refusals)).toEqual(new Set(chart.refusals));
          expect(refusals).toHaveLength(chart.refusals.length);
          const shown = new Set(lines.flatMap((line) => [...(line.sockets ?? [])]));
          expect(chart.refusals.flatMap(({ blockers }) => blockers.filter((socket) => !shown.has(socket)))).toEqual([]);
          expect(shown.size + left.length).toBe(chart.lanes.length);
          expect(lines.length).toBeLessThanOrEqual(24);

          const runs = runsOf(lines, chart.gaps);
          const slots = slotsOf(
            columnsOf(instantsOf(lines, chart.gaps, runs), width, window, () => 5),
            lines,
          );
          for (const line of lines) {
            if (!line.refusals) continue;
            for (const { t, blockers } of line.refusals) {
              const slot = slots.find(({ from, to }) => from <= t && t <= to);
              if (slot) expect([slot.refused.has(line), ...blockers.map((socket) => slot.blockers.has(socket))]).not.toContain(false);
              else expect(runs.some((run) => run.line === line && run.from < t && t < run.to)).toBe(true);
            }
          }
        }
      }),
    );
  });

  it("between two columns a lane shows what its sockets were meanwhile", () => {
    fc.assert(
      fc.property(anyTimeline(), anyWidth, (timeline, width) => {
        const chart = chartOf(timeline);
        const { lines } = pickLines(chart, null, none, PLAIN);
        const runs = runsOf(lines, chart.gaps);
        const slots = slotsOf(
          columnsOf(instantsOf(lines, chart.gaps, runs), width, null, () => 5),
          lines,
        );
        const wrong = lines.flatMap((line) => {
          if (!line.spans) return [];
          const cells = barCells(line, { slots, runs, width, glyphs: UNICODE, options: PLAIN });
          return slots.slice(1).flatMap(({ from, x }, index) => {
            const before = slots[index];
            if (!before || x - before.x < 3) return [];
            const lanes = chart.lanes.filter(({ socket }) => line.sockets.has(socket));
            const kinds = new Set(
              lanes.flatMap(({ seenAt, bars, lastSeenAt }) =>
                bars
                  .filter((bar) => (bar.from ?? seenAt) <= before.to && (bar.to ?? Number.POSITIVE_INFINITY) >= from)
                  .map((bar) => UNICODE.bar[bar === bars.at(-1) && lastSeenAt !== null && lastSeenAt <= before.to ? "maybe" : bar.kind]),
              ),
            );
            const shown = cells[before.x + 1]?.glyph;
            return (shown === undefined ? kinds.size === 0 : kinds.has(shown)) ? [] : [{ line: line.name, from, shown, kinds }];
          });
        });
        expect(wrong).toEqual([]);
      }),
    );
  });

  it("the columns are in the order of time, within the width, and between two of them nothing happened", () => {
    const anyInstants = fc.uniqueArray(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 1e15 })), {
      maxLength: 300,
      size: "max",
    });
    fc.assert(
      fc.property(anyInstants, fc.integer({ min: 18, max: 200 }), fc.integer({ min: 0, max: 1e15 }), (unordered, width, focus) => {
        const instants = unordered.sort((a, b) => a - b);
        for (const window of [null, windowOf(instants, width, focus)]) {
          const columns = columnsOf(instants, width, window, (from, to) => String(to - from).length);
          for (const [index, { from, to, x }] of columns.entries()) {
            expect(from).toBeLessThanOrEqual(to);
            const before = columns[index - 1];
            expect(from).toBeGreaterThan(before?.to ?? -1);
            expect(x).toBeGreaterThan(before?.x ?? -1);
            expect(x).toBeLessThan(width);
          }
          expect(instants.filter((t) => columns.filter(({ from, to }) => from <= t && t <= to).length !== 1)).toEqual([]);
          if (instants.length * 3 <= width) expect(columns).toHaveLength(instants.length);
        }
      }),
    );
  });

  it("a pause in a column is never longer than one between two columns", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1e6 }), { minLength: 2, maxLength: 100, size: "max" }), (unordered) => {
        const instants = unordered.sort((a, b) => a - b);
        const columns = columnsOf(instants, 60, null, () => 5);
        const between = columns.slice(1).map(({ from }, index) => from - (columns[index]?.to ?? from));
        const within = instants.slice(1).flatMap((t, index) => {
          const before = instants[index] ?? t;
          return columns.some(({ from, to }) => from <= before && t <= to) ? [t - before] : [];
        });
        expect(Math.max(0, ...within)).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...between));
      }),
    );
  });
});
