import type { Command } from "commander";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { withHelp } from "./help.ts";
import { resolveNetns } from "./netns.ts";
import { type ReportOptions, withReportOptions } from "./options.ts";
import { fileOutput, streamOutput } from "./output.ts";

export function addReplay(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("replay")
    .summary("show the report of a recorded trace")
    .description("Shows the report of a recorded trace: on any machine, without root. '-' reads standard input.")
    .argument("<trace>", "file made by --save, plain or gzip");
  withHelp(withReportOptions(command), {
    examples: [
      { command: "bindtrace replay restart.jsonl.gz", purpose: "the report as it was live" },
      { command: "bindtrace replay restart.jsonl.gz --port 8080 --json | jq .rule", purpose: "of one port, for scripts" },
      { command: "ssh server cat trace.jsonl | bindtrace replay -", purpose: "of another machine" },
    ],
    exits: exitMeanings({ clean: "no bind was refused" }, ["failuresExplained", "usage", "incomplete", "undetermined"]),
  });
  command.action(async (path: string, options: ReportOptions) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `replay runs no command: leave out -- and '${words.join(" ")}'`);
    finish(await replay(path, options));
  });
}

async function replay(path: string, options: ReportOptions): Promise<ExitCode> {
  const { openRecording, play } = await import("./playback.ts");
  const { makeReport, storyOptions } = await import("./report-choice.ts");
  const netns = resolveNetns(options.netns);
  const trace = await openRecording(path);
  const output = options.output ? fileOutput(options.output) : streamOutput(process.stdout);
  return play(trace, storyOptions(options, trace.header, netns), makeReport(options, trace.header, output.terminal), output);
}
