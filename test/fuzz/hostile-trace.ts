import fc from "fast-check";
import { linesOf, SAMPLES } from "../helpers/samples.ts";

/** One change to the text of a trace, by line and by value. */
export interface Change {
  how: (typeof WAYS)[number];
  line: number;
  /** Which value of the line, counted through all that is in it. */
  value: number;
  /** JSON in its place. */
  json: string;
}

const WAYS = ["value", "value", "value", "value", "key", "more", "remove", "repeat", "swap", "foreign", "text"] as const;

/** Numbers and names that no honest trace has, as JSON. */
const VALUES = [
  ...["null", "true", "false", "[]", "{}", '""', "-1", "0", "1", "65535", "65536", "0.5", "1e308", "1e400", "-0"],
  ...["2147483648", "4294967296", "9007199254740991", "9007199254740992", "-9007199254740991", "9".repeat(400)],
  ...['"\\u001b[2J\\u001b]0;x\\u0007"', '"a\\nb\\r"', '"\\u202ex\\u2066"', '"\\u0000"', '"\\ud800"', '"\u2028\u009b31m"', '"__proto__"'],
  ...['"</script><script>alert(1)</script>"', '"constructor"', `"${"x".repeat(5000)}"`, `${"[".repeat(5000)}${"]".repeat(5000)}`],
  ...['"UTC"', '"-1"', '"not a number"', '"0001-01-01T00:00:00.000000000Z"', '"9999-12-31T23:59:59.999999999Z"', '"2026-02-31T25:00:00Z"'],
  ...['"TIME_WAIT"', '"LISTEN"', '"BOUND"', '"udp"', '"mptcp"', '"ipv6"', '"::ffff:127.0.0.1"', '"::"', '"EADDRINUSE"', '"SIGKILL"'],
];

export const change: fc.Arbitrary<Change> = fc.record({
  how: fc.constantFrom(...WAYS),
  line: fc.nat(200),
  value: fc.nat(400),
  json: fc.oneof(
    { arbitrary: fc.constantFrom(...VALUES), weight: 4 },
    fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }).map(String),
    fc.nat(100).map(String),
    fc.string({ unit: "binary", maxLength: 30 }).map((text) => JSON.stringify(text)),
  ),
});

export interface HostileTrace {
  sample: number;
  changes: Change[];
}

export const hostileTrace: fc.Arbitrary<HostileTrace> = fc.record({
  sample: fc.nat(SAMPLES.length - 1),
  changes: fc.array(change, { maxLength: 8, size: "max" }),
});

const samples = SAMPLES.map((name) => linesOf(name, "trace.jsonl"));

/** The text of the sample with these changes. */
export function textOf({ sample, changes }: HostileTrace): string {
  const lines = [...(samples[sample] ?? [])];
  for (const one of changes) apply(lines, one);
  return lines.map((line) => `${line}\n`).join("");
}

function apply(lines: string[], { how, line, value, json }: Change): void {
  const at = line % Math.max(1, lines.length);
  const text = lines[at] ?? "";
  switch (how) {
    case "value":
      lines[at] = replaced(text, value, json);
      break;
    case "key":
      lines[at] = text.replace(/"(\w+)":/g, (all, _, place: number) =>
        place % 17 === value % 17 ? `${json.startsWith('"') ? json : '"x"'}:` : all,
      );
      break;
    case "more":
      lines[at] = text.replace(/\}$/, `,"more":${json},"__proto__":${json}}`);
      break;
    case "remove":
      lines.splice(at, 1 + (value % 3));
      break;
    case "repeat":
      lines.splice(at, 0, ...lines.slice(at, at + 1 + (value % 5)));
      break;
    case "swap":
      lines.splice((at + value) % Math.max(1, lines.length), 0, ...lines.splice(at, 1));
      break;
    case "foreign": {
      const other = samples[value % samples.length] ?? [];
      lines.splice(at, 0, ...other.slice(value % other.length, (value % other.length) + 5));
      break;
    }
    case "text":
      lines.splice(at, 0, json.slice(1));
      break;
  }
}

/** A value in JSON that is no object and no list. */
const LEAF = /(?<=[:[,])("(?:[^"\\]|\\.)*"(?!:)|-?\d[\d.e+]*|true|false|null)/g;

function replaced(line: string, value: number, json: string): string {
  const leaves = [...line.matchAll(LEAF)];
  const leaf = leaves[value % Math.max(1, leaves.length)];
  if (!leaf) return json;
  return line.slice(0, leaf.index) + json + line.slice(leaf.index + leaf[0].length);
}
