import { type Command, Option } from "commander";
import type { Header } from "../core/event.ts";
import type { Report } from "../report/text-report.ts";
import type { OpenTrace } from "../trace/reader.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { GROUPS, withHelp } from "./help.ts";
import { resolveNetns } from "./netns.ts";
import { type FilterOptions, fileName, withFilterOptions } from "./options.ts";
import { fileOutput, streamOutput } from "./output.ts";
import { REDACTION } from "./saving.ts";

interface Format {
  flag: string;
  description: string;
  make(header: Header): Promise<Report>;
  /** Keeps all events, where nothing else is asked for. */
  whole: boolean;
  /** Name of a file in the examples; null where the output is text that a terminal can show. */
  file: string | null;
}

const FORMATS: Readonly<Record<string, Format>> = {
  html: {
    flag: "--html",
    description: "one HTML file for any browser, with charts and every failure explained",
    make: async (header) => {
      const [{ HtmlReport }, { pageCode }] = await Promise.all([import("../report/html/html-report.ts"), import("./page-code.ts")]);
      return new HtmlReport(header, pageCode());
    },
    whole: false,
    file: "report.html",
  },
  perfetto: {
    flag: "--perfetto",
    description: "a Chrome JSON trace, for ui.perfetto.dev",
    make: async () => new (await import("../report/perfetto.ts")).PerfettoReport(),
    whole: true,
    file: "trace.perfetto.json",
  },
  ndjson: {
    flag: "--ndjson",
    description: "a table: one flat JSON object a line, for jq, DuckDB and pandas",
    make: async () => new (await import("../report/ndjson.ts")).NdjsonReport(),
    whole: true,
    file: null,
  },
};

/** A copy of the trace is none of the reports. */
const TRACE_FILE = "public.jsonl.gz";

type ExportOptions = FilterOptions & { output?: string; trace?: boolean; redact?: boolean } & Partial<
    Record<keyof typeof FORMATS, boolean>
  >;

export function addExport(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("export")
    .summary("make a picture, a table or a copy of a recorded trace")
    .description("Makes a picture, a table or a copy of a recorded trace: on any machine, without root. '-' reads standard input.")
    .argument("<trace>", "file made by --save, plain or gzip");
  command.optionsGroup(GROUPS.format);
  const flags = Object.keys(FORMATS);
  for (const [name, { flag, description }] of Object.entries(FORMATS)) {
    command.addOption(new Option(flag, description).conflicts(["trace", ...flags.filter((other) => other !== name)]));
  }
  command.addOption(new Option("--trace", "the trace itself, for replay").conflicts(["port", "pid", "comm", "netns", "proto"]));
  withFilterOptions(command)
    .optionsGroup(GROUPS.output)
    .option("-o, --output <file>", "write to a file instead of standard output", fileName)
    .option("--redact", REDACTION);
  withHelp(command, {
    examples: [
      { command: "bindtrace export trace.jsonl.gz --html -o report.html", purpose: "to look at, or to send" },
      { command: "bindtrace export trace.jsonl.gz --perfetto -o trace.json", purpose: "open in ui.perfetto.dev" },
      { command: `bindtrace export trace.jsonl.gz --ndjson | jq 'select(.kind == "refused")'`, purpose: "the refused calls" },
      { command: `bindtrace export trace.jsonl.gz --trace --redact -o ${TRACE_FILE}`, purpose: "to attach to a public issue" },
      { command: 'for t in *.gz; do bindtrace export "$t" --ndjson; done > all.ndjson', purpose: "many traces" },
    ],
    exits: exitMeanings({ clean: "written" }, ["usage", "incomplete"]),
  });
  command.action(async (path: string, options: ExportOptions) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `export runs no command: leave out -- and '${words.join(" ")}'`);
    finish(await exportTrace(path, options));
  });
}

async function exportTrace(path: string, options: ExportOptions): Promise<ExitCode> {
  const [format] = Object.entries(FORMATS).flatMap(([name, one]) => (options[name] ? [one] : []));
  const flags = [...Object.values(FORMATS).map(({ flag }) => flag), "--trace"];
  if (!format && !options.trace) throw new Failure(EXIT.usage, `say what to make of it: ${flags.join(", ")}`);
  const file = format ? format.file : TRACE_FILE;
  if (file !== null && options.output === undefined && process.stdout.isTTY) {
    throw new Failure(EXIT.usage, `this is not for a terminal: write it to a file with -o ${file}`);
  }
  const [{ openRecording }, { copyTrace, redacted }] = await Promise.all([import("./playback.ts"), import("./redacted.ts")]);
  const netns = resolveNetns(options.netns);
  const recording = await openRecording(path);
  const trace = options.redact ? redacted(recording) : recording;
  const code = format ? await exportReport(trace, format, options, netns) : await copyTrace(trace, options.output ?? "-");
  return code === EXIT.incomplete ? code : EXIT.clean;
}

async function exportReport(trace: OpenTrace, format: Format, options: ExportOptions, netns: number | null): Promise<ExitCode> {
  const [{ play }, { storyOptions }] = await Promise.all([import("./playback.ts"), import("./report-choice.ts")]);
  const report = await format.make(trace.header);
  const output = options.output ? fileOutput(options.output) : streamOutput(process.stdout);
  const history = options.history ?? (format.whole ? Number.POSITIVE_INFINITY : undefined);
  return play(trace, storyOptions({ ...options, ...(history !== undefined && { history }) }, trace.header, netns), report, output);
}
