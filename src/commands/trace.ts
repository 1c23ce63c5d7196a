import { type Command, InvalidArgumentError, Option } from "commander";
import { isOptionalProbe, type OptionalProbe, WITHOUT_PROBE } from "../core/probes.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { GROUPS, withHelp } from "./help.ts";
import { withReportOptions } from "./options.ts";
import { parseBuffer, parseDuration } from "./quantities.ts";
import { withSaveOptions } from "./saving.ts";
import { HOOKS, type TraceOptions } from "./trace-options.ts";
import { unknownWord } from "./usage.ts";

/** Makes tracing the default command. `words` are what stood behind `--`. */
export function addTrace(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  withSaveOptions(withReportOptions(program))
    .optionsGroup(GROUPS.end)
    .option("--until-failure", "end at the first failure")
    .option("--duration <time>", "end after 30s, 5m, 2h", parseDuration)
    .option("--linger <time>", "with a command: go on after it has ended, for daemons it started", parseDuration)
    .addOption(new Option("--exit-code <whose>", "exit with the verdict's code or the command's").choices(["verdict", "child"]))
    .optionsGroup(GROUPS.kernel)
    .option("--light", "leave out the hooks of close, dup and sent descriptors: cheaper, for days")
    .addOption(new Option("--hooks <set>", "how to look into the kernel").choices(Object.keys(HOOKS)).default("auto"))
    .addOption(
      new Option("--without-probe <function>", "leave out an optional probe of the kernel hook set (repeatable)")
        .choices(Object.keys(WITHOUT_PROBE))
        .argParser(optionalProbe),
    )
    .option("--buffer <size>", "buffers between the kernel and bpftrace: 64M (default: 16M, 2M a CPU at least)", parseBuffer)
    .option("--print-program", "print the bpftrace program that would run as root, and end")
    .action(async (options: TraceOptions) => {
      if (program.args.length > 0) throw new Failure(EXIT.usage, unknownWord(program.args, program));
      const { trace } = await import("./tracing.ts");
      finish(await trace(options, words));
    });
  withHelp(program, {
    examples: [
      { command: "sudo bindtrace --port 8080", purpose: "trace until Ctrl-C" },
      { command: "sudo bindtrace --port 8080 -- npm run restart", purpose: "run a command under the trace" },
      { command: "sudo bindtrace --port 8080 --save t.jsonl.gz", purpose: "also record" },
      { command: "bindtrace replay t.jsonl.gz", purpose: "same report, without root" },
      { command: "sudo bindtrace check 8080", purpose: "who has it, would a bind pass" },
    ],
    exits: exitMeanings({ clean: "no bind was refused" }, [
      "failuresExplained",
      "usage",
      "notPermitted",
      "unsupported",
      "incomplete",
      "undetermined",
      "bug",
      "interrupted",
    ]),
  });
}

function optionalProbe(name: string, before: OptionalProbe[] | undefined): OptionalProbe[] {
  if (!isOptionalProbe(name)) {
    throw new InvalidArgumentError(`Allowed choices are ${Object.keys(WITHOUT_PROBE).join(", ")}.`);
  }
  return [...(before ?? []), name];
}
