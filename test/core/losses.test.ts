import { expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { TextReport } from "../../src/report/text-report.ts";
import { bind, end, header, MS, refused } from "../helpers/events.ts";
import { exported } from "../helpers/samples.ts";

const lost = (t: number, cpu: number, count: number): TraceEvent => ({ type: "lost", t, cpu, count });
const report = () => new TextReport({ color: false, width: 80, ascii: false, offsetMinutes: 60 });

it("the report says of which CPU events are missing, and from when", async () => {
  const events = [
    lost(5 * MS, 1, 1),
    lost(10 * MS, 0, 1200),
    refused([], { t: 20 * MS }),
    lost(30 * MS, 0, 34),
    end(40 * MS, { lost: 1235 }),
  ];
  expect((await exported(header(), events, report())).split("\n").slice(-4)).toEqual([
    "bindtrace: 1 refused, 0 explained; 1235 events were lost",
    "bindtrace: lost of CPU 0: 1,234 events, from 15:03:00.010 to 15:03:00.030",
    "bindtrace: lost of CPU 1: 1 event, at 15:03:00.005",
    "",
  ]);
});

it("it says so, too, where no bind was refused", async () => {
  const text = await exported(header(), [bind({ t: MS }), lost(5 * MS, 3, 2), end(40 * MS, { lost: 2 })], report());
  expect(text).toMatch(/2 events were lost[\s\S]*\nbindtrace: lost of CPU 3: 2 events, at 15:03:00\.005\n$/);
});
