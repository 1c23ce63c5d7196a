import { constants } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { execa } from "execa";
import { unreachable } from "../base/unreachable.ts";
import { ATTACHMENTS, type Attachment, isOptionalProbe, type OptionalProbe, WITHOUT_PROBE } from "../core/probes.ts";
import { candidates, type LiveOptions, type LiveTrace, liveProgram, openLive } from "../probe/live.ts";
import { type Machine, preflight } from "../probe/preflight.ts";
import type { Problem } from "../probe/problem.ts";
import { tryAttach } from "../probe/trial.ts";
import { escapeText } from "../report/text.ts";
import type { TraceWriter } from "../trace/writer.ts";
import { asRoot } from "./as-root.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { GROUPS, withHelp } from "./help.ts";
import { asInvoker, type Invoker, invoker } from "./invoker.ts";
import { resolveNetns } from "./netns.ts";
import { drawsAscii, makeReport, type ReportOptions, storyOptions, withReportOptions } from "./options.ts";
import { fileOutput, type Output, print, streamOutput } from "./output.ts";
import { isRunnable } from "./programs.ts";
import { parseBuffer, parseDuration } from "./quantities.ts";
import { checkSave, openSave, type SaveOptions, withSaveOptions } from "./saving.ts";
import { exitCode, runSession } from "./session.ts";
import { openStatus } from "./status-line.ts";
import { unknownWord } from "./usage.ts";

interface TraceOptions extends ReportOptions, SaveOptions {
  untilFailure?: boolean;
  duration?: number;
  linger?: number;
  light?: boolean;
  hooks: Hooks;
  withoutProbe?: OptionalProbe[];
  buffer?: number;
  printProgram?: boolean;
  exitCode?: "verdict" | "child";
}

/** What `--hooks` may say, and the ways to attach that it stands for, best first. */
const HOOKS = {
  auto: ATTACHMENTS,
  kernel: ["fentry", "kprobe"],
  fentry: ["fentry"],
  kprobe: ["kprobe"],
  tracepoint: ["tracepoint"],
} as const satisfies Record<string, readonly Attachment[]>;
type Hooks = keyof typeof HOOKS;

/** npm and its like pass on a Ctrl-C that the terminal has sent to all of them: within so many ms it is the same one. */
const ONE_PRESS = 300;

/** What the parts of one tracing session share. */
interface Session {
  options: TraceOptions;
  command: readonly string[];
  user: Invoker | null;
  netns: number | null;
  output: Output;
  writer: TraceWriter | null;
}

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
    .action(async (options: TraceOptions) => finish(await trace(program, options, words)));
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

async function trace(program: Command, options: TraceOptions, command: readonly string[]): Promise<ExitCode> {
  if (program.args.length > 0) throw new Failure(EXIT.usage, unknownWord(program.args, program));
  checkSave(options);
  const netns = resolveNetns(options.netns);
  if (command[0] !== undefined && !isRunnable(command[0])) {
    const hint = process.env.SUDO_USER
      ? 'sudo has its own PATH, so give the full path (command -v shows it), or keep yours: sudo env "PATH=$PATH" bindtrace ...'
      : "check its name";
    throw new Failure(EXIT.usage, `the command ${command[0]} was not found: ${hint}`);
  }
  const machine = await preflight(HOOKS[options.hooks]);
  if (!machine.ok) throw problemFailure(machine.error);
  const live: LiveOptions = {
    ports: options.port ?? [],
    closes: options.light !== true,
    command: command.length > 0 ? [...command] : null,
    attach: HOOKS[options.hooks],
    without: options.withoutProbe ?? [],
    buffer: options.buffer ?? null,
  };
  if (options.printProgram) return printProgram(machine.value, live);
  const user = await invoker();
  // Both are opened before tracing starts: a place where one may not write is found then, not after.
  const writer = openSave(options);
  try {
    const output = chooseOutput(options, command.length > 0);
    const opened = await arm(machine.value, live);
    return await record(opened, { options, command, user, netns, output, writer });
  } catch (error) {
    writer?.discardEmpty();
    throw error;
  }
}

/** The program of the first kind that this machine lets in; of the last, where there is no choice. */
async function printProgram(machine: Machine, live: LiveOptions): Promise<ExitCode> {
  const possible = candidates(machine, live);
  if (!possible.ok) throw problemFailure(possible.error);
  for (const candidate of possible.value) {
    const only = candidate === possible.value.at(-1);
    if (!only && (await tryAttach(candidate.attach)) !== null) continue;
    await print("the program", liveProgram(machine, candidate, live).text);
    break;
  }
  return EXIT.clean;
}

/** Starts the trace; a signal that comes before it is armed ends it. */
async function arm(machine: Machine, options: LiveOptions): Promise<LiveTrace> {
  const interrupt = new AbortController();
  const release = onSignals(() => interrupt.abort());
  const opened = await openLive(machine, options, interrupt.signal);
  release();
  if (interrupt.signal.aborted) throw new Failure(EXIT.interrupted, "interrupted before the trace was armed: nothing was seen");
  if (!opened.ok) throw problemFailure(opened.error);
  return opened.value;
}

/** From armed to the end: report, recording, command, signals. */
async function record(live: LiveTrace, session: Session): Promise<ExitCode> {
  const { options, command, netns, output, writer } = session;
  const running = command.length > 0 ? new RunningCommand(session, live) : null;
  let stopped: number | null = null;
  const stop = (reason: string) => {
    stopped ??= performance.now();
    void live.stop(reason);
  };
  const releaseSignals = onSignals((signal) => {
    if (running?.pass(signal)) return;
    if (stopped === null || performance.now() - stopped < ONE_PRESS) stop(signal);
    else live.cut(`${signal} came again, and what had not been read was given up`);
  });
  output.onClosed(() => stop("the report could not be written any more"));
  const timer = options.duration === undefined ? undefined : setTimeout(() => stop("the time was up"), options.duration);
  // The command owns the terminal, and a trace that is saved to stdout may go there.
  const status = openStatus({
    ports: live.header.filters.ports,
    ascii: drawsAscii(options),
    quiet: command.length > 0 || options.save === "-",
  });
  writer?.onBroken((error) =>
    status.say(`writing to ${escapeText(writer.path)} failed (${error.message}): the recording ends here, the trace goes on`),
  );
  writer?.header(live.header);
  const ended = runSession({
    header: live.header,
    events: live.events,
    report: makeReport(options, live.header, output.terminal),
    output: status.below(output),
    story: storyOptions(options, live.header, netns),
    onEvent: (event) => {
      writer?.event(event);
      status.event(event);
    },
    onRecord: (said) => {
      status.record(said);
      if (options.untilFailure && said.type === "failure") stop("the first failure was reported");
    },
  });
  running?.start();
  const end = await ended.finally(() => status.stop());
  clearTimeout(timer);
  releaseSignals();
  writer?.close();
  await output.close();
  if (end.end?.died) process.stderr.write(`bindtrace: the trace ended early: ${escapeText(end.end.reason)}\n`);
  if (writer?.error) return EXIT.incomplete;
  const childCode = await running?.code();
  if (options.exitCode === "child" && childCode !== undefined) return childCode;
  return exitCode(end, false);
}

function problemFailure({ kind, message }: Problem): Failure {
  switch (kind) {
    case "not-root":
      return new Failure(EXIT.notPermitted, `${message}: ${asRoot()}`);
    case "not-permitted":
      return new Failure(EXIT.notPermitted, message);
    case "unsupported":
      return new Failure(EXIT.unsupported, message);
    default:
      return unreachable(kind);
  }
}

/**
 * The command keeps its own stdout and stderr; the report then goes to stderr, JSON to stdout. A trace that is
 * saved to stdout has that for itself.
 */
function chooseOutput(options: TraceOptions, hasCommand: boolean): Output {
  if (options.output !== undefined) return fileOutput(options.output);
  return streamOutput((hasCommand && !options.json) || options.save === "-" ? process.stderr : process.stdout);
}

/** The command after `--`, from the moment at which the trace is armed. */
class RunningCommand {
  readonly #start: () => Promise<number>;
  #code: Promise<number> | undefined;
  #kill: (signal: NodeJS.Signals) => void = () => {};
  #leave: () => void = () => {};
  #interrupts = 0;
  #running = false;

  constructor({ command: words, user, options }: Session, live: LiveTrace) {
    this.#start = async () => {
      const { command, env } = asInvoker(words, user);
      const hasStdout = (!options.json || options.output !== undefined) && options.save !== "-";
      const stdout = hasStdout ? "inherit" : process.stderr;
      const child = execa(command[0] ?? "", command.slice(1), { stdin: "inherit", stdout, stderr: "inherit", reject: false, env });
      if (child.pid !== undefined) live.setCommand(child.pid);
      this.#kill = (signal) => child.kill(signal);
      this.#leave = () => child.unref();
      this.#running = true;
      const result = await child;
      this.#running = false;
      live.commandEnded(result.exitCode ?? null, result.signal ?? null);
      await new Promise((resolve) => setTimeout(resolve, options.linger ?? 0));
      await live.stop("the command has ended");
      if (result.signal) return 128 + constants.signals[result.signal];
      if (result.exitCode !== undefined) return result.exitCode;
      throw new Failure(EXIT.usage, `the command ${words[0]} could not be started: ${result.originalMessage ?? result.shortMessage}`);
    };
  }

  start(): void {
    this.#code = this.#start();
    // It is awaited only when the trace has ended.
    this.#code.catch(() => {});
  }

  /** Exit status of the command. One that goes on is waited for, unless it was told to end before, and did not. */
  async code(): Promise<number | undefined> {
    if (!this.#running) return this.#code;
    if (this.#interrupts > 1) this.#leave();
    return undefined;
  }

  /** Hands a signal on; false when bindtrace itself is meant. A terminal has sent Ctrl-C to the command already. */
  pass(signal: NodeJS.Signals): boolean {
    if (!this.#running) return false;
    const fromTerminal = signal === "SIGINT" && process.stdin.isTTY;
    if (!fromTerminal) this.#kill(signal);
    return ++this.#interrupts === 1;
  }
}

function onSignals(listener: (signal: NodeJS.Signals) => void): () => void {
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

function optionalProbe(name: string, before: OptionalProbe[] | undefined): OptionalProbe[] {
  if (!isOptionalProbe(name)) {
    throw new InvalidArgumentError(`Allowed choices are ${Object.keys(WITHOUT_PROBE).join(", ")}.`);
  }
  return [...(before ?? []), name];
}
