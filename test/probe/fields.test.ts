import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeName, LineFields } from "../../src/probe/fields.ts";
import { name } from "./printed.ts";

const parse = (line: string) => {
  const fields = LineFields.parse(line);
  if (!fields) throw new Error("not ours");
  return fields;
};
const comm = (text: string | number[]) =>
  parse(
    `bt:x ${name(text)
      .map((half) => half.toString(16))
      .join(" ")}`,
  ).comm();

describe("a line", () => {
  it("does not keep alive the batch that it was a part of", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let count = 0; count < 500; count++) {
      const line = `bt:x ${name(`program-${count}`)
        .map((half) => half.toString(16))
        .join(" ")}`;
      const batch = Buffer.from(`${line}\n`.padEnd(1 << 16)).toString("latin1");
      expect(parse(batch.slice(0, line.length)).comm()).toBe(`program-${count}`);
    }
    expect(used() - before).toBeLessThan(100 * (1 << 16));
  });

  it.each([
    "",
    "bt:",
    "bt:close",
    "bt:close ",
    "Attaching 12 probes...",
    "bt:Close 1",
    "bt:close 1\t2",
    " bt:close 1",
    "bt:close 1x",
    "bt:close 1\u001b",
  ])("'%s' is not ours", (line) => {
    expect(LineFields.parse(line)).toBeNull();
  });

  it("gives its fields in order, each by its kind", () => {
    const fields = parse("bt:walk 3 -98 18446744073709551615 ffffffffffffffff 10");
    expect(fields.tag).toBe("walk");
    expect([fields.number(), fields.number(), fields.big(), fields.hex(), fields.number()]).toEqual([
      3,
      -98,
      18446744073709551615n,
      0xffffffffffffffffn,
      10,
    ]);
    expect(() => fields.number()).toThrow();
  });

  it.each<[string, (fields: LineFields) => unknown]>([
    ["bt:x ff", (fields) => fields.number()],
    ["bt:x 1-2", (fields) => fields.number()],
    ["bt:x 9007199254740992", (fields) => fields.number()],
    ["bt:x -1", (fields) => fields.big()],
    ["bt:x -f", (fields) => fields.hex()],
    ["bt:x 1  2", (fields) => [fields.number(), fields.number()]],
    ["bt:x 6e6f6465", (fields) => fields.comm()],
  ])("%s has a field of another kind", (line, take) => {
    expect(() => take(parse(line))).toThrow(/ of x /);
  });
});

describe("comm", () => {
  it.each<[string, string | number[], string]>([
    ["ends at the first NUL", [...Buffer.from("node"), 0, 65, 66], "node"],
    ["may fill all bytes", "0123456789abcdef", "0123456789abcdef"],
    ["may be empty", "", ""],
    ["may be UTF-8", "größe", "größe"],
    ["keeps what is UTF-8 beside bytes that are not", [...Buffer.from("é"), 0xff, 0x41], "é\\xffA"],
    ["keeps what is UTF-8 before a letter that was cut", [...Buffer.from("größe"), 0xe2, 0x82], "größe\\xe2\\x82"],
    ["shows bytes that are no UTF-8", [0x80, 0xc3, 0x28], "\\x80\\xc3("],
    ["shows a surrogate written as UTF-8", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
  ])("%s", (_, bytes, text) => {
    expect(comm(bytes)).toBe(text);
  });

  it("is what it was where it was UTF-8", () => {
    const text = fc.string({ unit: "binary", maxLength: 16 }).filter((value) => !value.includes("\0") && Buffer.byteLength(value) <= 16);
    fc.assert(
      fc.property(text, (value) => {
        expect(comm(value)).toBe(value);
      }),
    );
  });

  it("differs for different bytes, where they hold no backslash", () => {
    const bytes = fc.uint8Array({ maxLength: 16 }).filter((value) => !value.includes(0x5c));
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(decodeName(a) === decodeName(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});
