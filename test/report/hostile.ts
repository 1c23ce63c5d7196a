import fc from "fast-check";

/** Names and command lines that processes may choose. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    "",
    "\u001b[2J",
    "a\nreleased",
    "x\u202ey",
    "\u009b31m",
    "\ud800",
    "a very long name of many words that needs more than one line to be shown",
  ),
);

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");

/** Text as it looks, without the colours that a report adds. */
export const visible = (text: string) => text.replace(COLOUR, "");
