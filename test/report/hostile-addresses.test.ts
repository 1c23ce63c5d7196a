import { expect, it } from "vitest";
import { TextReport } from "../../src/report/text-report.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { exported, linesOf, SAMPLES } from "../helpers/samples.ts";
import { visible } from "./hostile.ts";

it.each(SAMPLES)("an address that a trace of %s makes up is escaped wherever it is told", async (name) => {
  const [first = "", ...lines] = linesOf(name, "trace.jsonl").map((line) =>
    line.replace(/"address":"[^"]*"/g, String.raw`"address":"\u001b[2J\u202e"`),
  );
  const header = decodeHeader(first);
  if (!header.ok) throw new Error(header.error);
  const events = lines.map((line) => decodeEvent(line)).flatMap((line) => (line.kind === "event" ? [line.event] : []));
  const text = await exported(header.value, events, new TextReport({ color: true, width: 120, ascii: false, offsetMinutes: 0 }));
  expect(visible(text).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
