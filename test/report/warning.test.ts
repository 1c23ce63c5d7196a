import fc from "fast-check";
import { expect, it } from "vitest";
import type { WarningRecord } from "../../src/core/record.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { warningLines } from "../../src/report/warning.ts";
import { hostile, visible } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };
const warning: WarningRecord = {
  type: "warning",
  at: "2026-11-22T14:03:00.010000000Z",
  code: "loopback-split",
  message: "localhost:8080 leads to different processes: 127.0.0.1 to node[10] with s1 (node vite), ::1 to python3[20] with s2",
  sockets: ["s1", "s2"],
};

it("has a mark, the time, and the message in a column of its own", () => {
  expect(warningLines(warning, PLAIN)).toBe(
    [
      "! 15:03:00.010  localhost:8080 leads to different processes: 127.0.0.1 to",
      "                node[10] with s1 (node vite), ::1 to python3[20] with s2",
      "",
    ].join("\n"),
  );
});

it.each([40, 80, 200])("stays within %d columns", (width) => {
  for (const line of warningLines(warning, { ...PLAIN, width }).split("\n")) expect(line.length).toBeLessThanOrEqual(width);
});

it("holds nothing but printable characters, whatever a program calls itself", () => {
  fc.assert(
    fc.property(hostile, fc.boolean(), fc.boolean(), (comm, color, ascii) => {
      const message = `${comm}[1] set SO_REUSEPORT on s1`;
      const text = visible(warningLines({ ...warning, message }, { ...PLAIN, color, ascii }));
      expect(text.split("\n").join("")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      if (ascii) expect(text).toMatch(/^[\n\x20-\x7e]*$/);
    }),
  );
});
