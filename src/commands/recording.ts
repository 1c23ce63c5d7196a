import { constants } from "node:os";
import { execa } from "execa";
import type { LiveTrace } from "../probe/live.ts";
import { escapeText } from "../report/text.ts";
import type { TraceWriter } from "../trace/writer.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";
import { asInvoker, type Invoker } from "./invoker.ts";
import { drawsAscii } from "./options.ts";
import type { Output } from "./output.ts";
import { makeReport, storyOptions } from "./report-choice.ts";
import { exitCode, runSession } from "./session.ts";
import { onSignals } from "./signals.ts";
import { openStatus } from "./status-line.ts";
import type { TraceOptions } from "./trace-options.ts";

/** npm and its like pass on a Ctrl-C that the terminal has sent to all of them: within so many ms it is the same one. */
const ONE_PRESS = 300;

/** What the parts of one tracing session share. */
export interface Session {
  options: TraceOptions;
  command: readonly string[];
  user: Invoker | null;
  netns: number | null;
  output: Output;
  writer: TraceWriter | null;
}

/** From armed to the end: report, recording, command, signals. */
export async function record(live: LiveTrace, session: Session): Promise<ExitCode> {
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

/** The command after `--`, from the moment at which the trace is armed. */
class RunningCommand {
  readonly #start: () => Promise<number>;
  #code: Promise<number> | undefined;
  #kill: (signal: NodeJS.Signals) => void = () => {};
  #leave: () => void = () => {};
  #interrupts = 0;
  #interruptedAt = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor({ command: words, user, options }: Session, live: LiveTrace) {
    this.#start = async () => {
      const { command, env } = asInvoker(words, user);
      const hasStdout = (!options.json || options.output !== undefined) && options.save !== "-";
      const stdout = hasStdout ? "inherit" : process.stderr;
      const child = execa(command[0] ?? "", command.slice(1), {
        stdin: "inherit",
        stdout,
        stderr: "inherit",
        reject: false,
        env,
        // When to end is the command's affair: a slow shutdown is not cut short, and it may outlive the trace.
        forceKillAfterDelay: false,
        cleanup: false,
      });
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
    const again = signal !== "SIGTERM" && performance.now() - this.#interruptedAt < ONE_PRESS;
    if (again) return true;
    this.#interruptedAt = performance.now();
    const fromTerminal = signal === "SIGINT" && process.stdin.isTTY;
    if (!fromTerminal) this.#kill(signal);
    return ++this.#interrupts === 1;
  }
}
