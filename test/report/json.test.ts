import { expect, it } from "vitest";
import { jsonLine } from "../../src/base/json-line.ts";

it.each(["a\u{e0041}b", "\u202e", "\u0085", "\u2028\u2029", "\ud83d\ude00", "é"])(
  "a line of JSON keeps %j, and shows no control of it",
  (comm) => {
    const line = jsonLine({ comm });
    expect(JSON.parse(line)).toEqual({ comm });
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  },
);
