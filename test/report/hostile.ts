import fc from "fast-check";
import { HOSTILE } from "../helpers/hostile.ts";

/** Names and command lines that processes may choose. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(...HOSTILE.filter((name) => name.length < 200)),
  fc.constantFrom("a\nreleased", "a very long name of many words that needs more than one line to be shown"),
);

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

/** Text as it looks, without the colours that a report adds. */
export const visible = (text: string) => text.replace(COLOUR, "");
