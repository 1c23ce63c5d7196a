import { CommanderError } from "commander";
import fc from "fast-check";
import { EXIT, Failure } from "../../src/commands/failure.ts";
import { bindtraceProgram } from "../../src/commands/program.ts";
import { unknownWord } from "../../src/commands/usage.ts";
import { escapeText } from "../../src/report/text.ts";
import { kind } from "./kind.ts";
import { expectSafe } from "./safe.ts";

const NOTHING = { version: "0.0.0", words: [], help: { write: () => {} }, say: () => {}, finish: () => {} };
const known = [bindtraceProgram(NOTHING)].flatMap((program) => [program, ...program.commands]);
const flags = [...new Set(known.flatMap(({ options }) => options.flatMap(({ short, long }) => [short ?? "-h", long ?? "--help"])))];
const names = known.map((command) => command.name());

const word = fc.oneof(
  { arbitrary: fc.constantFrom(...flags), weight: 4 },
  { arbitrary: fc.constantFrom(...names), weight: 2 },
  {
    arbitrary: fc.constantFrom(
      ...["8080", "8080,9000-9010", "9010-9000", "0", "65536", "1-", "-1", ",", "8080,,8081", "٣", "9".repeat(400), "1e3", "0x50", " 80 "],
      ...["255K", "256k", "64M", "4G", "4097M", "1T", `${"9".repeat(300)}G`, "0K", "16777216", "9".repeat(15), "9".repeat(16)],
      ...["30s", "5m", "1.5h", "1e9h", `${"9".repeat(300)}s`, "-1s", "tcp", "udp", "sctp", "always", "auto", "kernel", "fentry", "child"],
      ...[
        "127.0.0.1",
        "::",
        "::1%lo",
        "fe80::1",
        "localhost",
        "1.2.3",
        "self",
        "4026531840",
        "/proc/self/ns/net",
        "x.jsonl",
        "-",
        "",
        "node",
      ],
      ...[
        "inet_bind_conflict",
        "--",
        "---",
        "-pp",
        "-p8080",
        "--port=8080",
        "--port=",
        "--width=99999999999",
        "--pid=1",
        "--no-json",
        "--jso",
      ],
      ...["\u001b[2J", "a\nb", "\u202e", "\ud800", "__proto__", "constructor", "--__proto__=1", "--constructor", "hasOwnProperty", "%s%n"],
    ),
    weight: 4,
  },
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.tuple(fc.constantFrom(...flags), fc.string({ maxLength: 8 })).map(([flag, value]) => `${flag}=${value}`),
  fc.tuple(fc.string({ maxLength: 3 }), fc.integer({ min: 1, max: 2000 })).map(([text, times]) => text.repeat(times)),
);

const quantity = fc.tuple(fc.nat(9999), fc.constantFrom("", "K", "M", "G", "ms", "s", "h")).map(([count, unit]) => `${count}${unit}`);
/** By itself: of many words one is wrong nearly always, and then no value is looked at. */
const option = fc
  .tuple(fc.constantFrom("buffer", "history", "width", "duration", "linger", "pid", "port"), quantity)
  .map(([name, value]) => [`--${name}`, value]);

/** What each option may have become, whatever was written. */
const VALUES: Readonly<Record<string, (value: unknown) => boolean>> = {
  port: (value) => (value as [number, number][]).every(([low, high]) => isPort(low) && isPort(high) && low <= high),
  pid: Number.isSafeInteger,
  width: (value) => isWithin(value, 40, 1000),
  duration: isTimer,
  linger: isTimer,
  proto: (value) => value === "tcp" || value === "udp",
  color: (value) => ["auto", "always", "never"].includes(value as string),
  buffer: (value) => isWithin(value, 256 * 2 ** 10, 4 * 2 ** 30),
  history: (value) => isWithin(value, 0, 10 ** 15 - 1),
  hooks: (value) => ["auto", "kernel", "fentry", "kprobe", "tracepoint"].includes(value as string),
  output: (value) => value !== "",
  save: (value) => value !== "",
};

const isPort = (value: number) => Number.isInteger(value) && value >= 1 && value <= 65535;

function isWithin(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isTimer(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value < 2 ** 31;
}

/** Parses a command line, with commands that do nothing. Gives the sentences that it was answered with. */
function answers(argv: readonly string[]): string[] {
  const said: string[] = [];
  const program = bindtraceProgram({ ...NOTHING, say: (sentence) => void said.push(sentence) });
  for (const command of [program, ...program.commands]) {
    command.action(() => {
      for (const [name, value] of Object.entries(command.opts())) {
        if (VALUES[name]?.(value) === false) throw new Error(`--${name} became ${JSON.stringify(value)}`);
      }
      for (const argument of command.processedArgs)
        if (typeof argument === "number" && !isPort(argument)) throw new Error(`checks ${argument}`);
      if (command === program && program.args.length > 0) throw new Failure(EXIT.usage, unknownWord(program.args, program));
    });
  }
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof Failure && error.code === EXIT.usage) return [...said, error.message];
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0 && said.length !== 1) throw new Error(`said ${said.length} sentences`);
  }
  return said;
}

export const commandLines = kind({
  name: "command lines",
  share: 40_000,
  few: 500,
  input: fc.oneof({ arbitrary: fc.array(word, { maxLength: 10 }), weight: 4 }, { arbitrary: option, weight: 1 }),
  check: (argv) => {
    for (const sentence of answers(argv)) {
      if (sentence.trim() === "") throw new Error("says nothing");
      expectSafe(escapeText(sentence));
    }
  },
});
