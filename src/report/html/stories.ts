import { parseIsoTime } from "../../base/nanoseconds.ts";
import { unreachable } from "../../base/unreachable.ts";
import type { AttemptsRecord, RestartRecord, WarningRecord } from "../../core/record.ts";
import { attemptsStory, restartSteps, restartText } from "../outcome.ts";
import { clockTime, escapeText, type TextOptions } from "../text.ts";
import type { StoryItem } from "./model.ts";

/** Retries, a restart, or trouble without an error, as the page tells it. `anchor`: wall time of instant 0 in ns since 1970. */
export function storyItem(record: AttemptsRecord | RestartRecord | WarningRecord, options: TextOptions, anchor: bigint): StoryItem {
  const instant = (iso: string) => Number((parseIsoTime(iso) ?? anchor) - anchor);
  switch (record.type) {
    case "attempts": {
      const { style, at, text } = attemptsStory(record, options);
      return {
        ...{ kind: style, at: clockTime(at, options), text: escapeText(text), steps: [] },
        ...{ from: instant(record.first), to: instant(at) },
      };
    }
    case "restart": {
      const steps = restartSteps(record, options);
      const first = steps[0]?.at ?? "";
      return {
        ...{ kind: "restart", at: clockTime(first, options), text: escapeText(restartText(record, options)) },
        ...{ from: instant(first), to: instant(steps.at(-1)?.at ?? first) },
        steps: steps.map(({ at, took, text, slowest }) => [clockTime(at, options), took, escapeText(text), slowest]),
      };
    }
    case "warning": {
      const t = instant(record.at);
      return { kind: "warning", at: clockTime(record.at, options), text: escapeText(record.message), from: t, to: t, steps: [] };
    }
    default:
      return unreachable(record);
  }
}
