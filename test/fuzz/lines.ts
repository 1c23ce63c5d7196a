import fc from "fast-check";
import { eventSchema, type TraceEvent } from "../../src/core/event.ts";
import { walkFacts } from "../../src/core/facts.ts";
import { LineFields } from "../../src/probe/fields.ts";
import { readGlance } from "../../src/probe/glance.ts";
import { LineDecoder } from "../../src/probe/lines.ts";
import { FORMATS, TAGS } from "../probe/printed.ts";
import { Draw } from "./draw.ts";
import { kind } from "./kind.ts";

/** How the lines of a program go wrong. `whole`: not at all, but for values that no kernel has. */
const WAYS = ["whole", "whole", "whole", "field", "missing", "more", "digits", "character", "cut", "text"] as const;
const BITS: Readonly<Record<string, readonly [number, "signed" | "unsigned" | "hex"]>> = {
  "%d": [32, "signed"],
  "%u": [32, "unsigned"],
  "%ld": [64, "signed"],
  "%lu": [64, "unsigned"],
  "%lx": [64, "hex"],
};

interface DrawnLine {
  tag: string;
  how: (typeof WAYS)[number];
  seed: number;
}

const lineOf = (tags: readonly string[]): fc.Arbitrary<DrawnLine> =>
  fc.record({ tag: fc.constantFrom(...tags), how: fc.constantFrom(...WAYS), seed: fc.nat(2 ** 31 - 1) });

/** The lines as they were printed, each CPU's numbered one after another but where one is lost. */
function printed(drawn: readonly DrawnLine[]): string[] {
  const numbers = new Map<number, number>();
  return drawn.map(({ tag, how, seed }) => {
    const draw = new Draw(seed);
    const calm = draw.once(2);
    const fields = draw.of(FORMATS.get(tag) ?? []).map((conversion) => (calm ? String(usual(draw)) : value(draw, conversion)));
    const numbered = !["ready", "beat", "slot"].includes(tag) && !draw.once(30);
    if (numbered) {
      const cpu = draw.below(3);
      const number = (numbers.get(cpu) ?? 0) + (draw.once(20) ? 2 : 1);
      if (tag !== "count") numbers.set(cpu, number);
      fields.splice(0, 2, String(cpu), String(number));
    }
    return spoiled(`bt:${tag} ${fields.join(" ")}`, how, draw);
  });
}

/** States, operations, protocols, options, ports: one of each line may fit. */
const usual = (draw: Draw) => (draw.once(4) ? draw.below(2 ** 31) : draw.of([0, 1, 2, 3, 4, 5, 6, 7, 10, 17, 262, 8080]));

function value(draw: Draw, conversion: string): string {
  const [bits, sign] = BITS[conversion] ?? [64, "signed"];
  const word = draw.word();
  if (sign === "signed") return BigInt.asIntN(bits, word).toString();
  return BigInt.asUintN(bits, word).toString(sign === "hex" ? 16 : 10);
}

const STRANGE = [
  "",
  "-",
  "-0",
  "1e5",
  "0x10",
  "ffffffffffffffffff",
  "9".repeat(400),
  "-9223372036854775808",
  "NaN",
  "\u001b[2J",
  "٣",
  "1 ",
];

function spoiled(line: string, how: DrawnLine["how"], draw: Draw): string {
  const words = line.split(" ");
  const at = draw.below(words.length);
  switch (how) {
    case "whole":
      return line;
    case "field":
      words[at] = draw.of(STRANGE);
      return words.join(" ");
    case "missing":
      words.splice(at, 1 + draw.below(3));
      return words.join(" ");
    case "more":
      words.splice(at, 0, ...Array.from({ length: 1 + draw.below(40) }, () => value(draw, "%lu")));
      return words.join(" ");
    case "digits":
      words[at] = String(draw.below(10)).repeat(draw.of([17, 20, 21, 400, 5000]));
      return words.join(" ");
    case "character":
      return line.slice(0, draw.below(line.length)) + String.fromCharCode(draw.below(0x10000)) + line.slice(draw.below(line.length));
    case "cut":
      return line.slice(0, draw.below(line.length));
    case "text":
      return String.fromCharCode(...Array.from({ length: draw.below(60) }, () => draw.of([draw.below(128), draw.below(0x10000)])));
  }
}

function expectContract(events: readonly TraceEvent[]): void {
  for (const event of events) eventSchema.parse(event);
}

export const bpftraceLines = kind({
  name: "lines of bpftrace",
  share: 500_000,
  few: 4000,
  input: fc.record({
    lines: fc.array(lineOf(TAGS), { minLength: 1, maxLength: 40, size: "max" }),
    searches: fc.subarray(["tcp", "udp"] as const),
    ready: fc.boolean(),
  }),
  count: ({ lines }) => lines.length,
  check: ({ lines, searches, ready }) => {
    const decoder = new LineDecoder({ searches, instantOfJiffies: (jiffies) => Number(jiffies % 2n ** 53n) });
    if (ready) decoder.decode("bt:ready 1 1000");
    for (const line of printed(lines)) expectContract(decoder.decode(line));
    expectContract(decoder.finish());
    for (const number of [decoder.outstanding, decoder.lost, decoder.foreign]) {
      if (!Number.isSafeInteger(number) || number < 0) throw new Error(`counted ${number}`);
    }
  },
});

export const checkLines = kind({
  name: "lines of a check",
  share: 250_000,
  few: 2000,
  input: fc.record({
    lines: fc.array(lineOf(["ready", "slot", "owner", "owner", "owner", "walk"]), { minLength: 1, maxLength: 20, size: "max" }),
    hz: fc.boolean(),
  }),
  count: ({ lines }) => lines.length,
  check: ({ lines, hz }) => {
    const fields = printed(lines).flatMap((line) => LineFields.parse(line) ?? []);
    const glance = readGlance(fields, (jiffies) => (hz ? Number(jiffies % 2n ** 53n) : null));
    if (glance === null) return;
    walkFacts.parse(glance.walk);
    if (!Number.isSafeInteger(glance.slotSize)) throw new Error(`a slot of ${glance.slotSize}`);
  },
});
