import { unreachable } from "../base/unreachable.ts";
import { candidates, type LiveOptions, type LiveTrace, liveProgram, openLive } from "../probe/live.ts";
import { type Machine, preflight } from "../probe/preflight.ts";
import type { Problem } from "../probe/problem.ts";
import { tryAttach } from "../probe/trial.ts";
import { asRoot } from "./as-root.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";
import { invoker } from "./invoker.ts";
import { resolveNetns } from "./netns.ts";
import { fileOutput, type Output, print, streamOutput } from "./output.ts";
import { isRunnable } from "./programs.ts";
import { checkSave, openSave } from "./saving.ts";
import { onSignals } from "./signals.ts";
import { HOOKS, type TraceOptions } from "./trace-options.ts";

/** A trace from preflight to its end. What is needed only once it is armed is loaded while bpftrace compiles the program. */
export async function trace(options: TraceOptions, command: readonly string[]): Promise<ExitCode> {
  checkSave(options);
  const netns = resolveNetns(options.netns);
  if (command[0] !== undefined && !isRunnable(command[0])) {
    const hint = process.env.SUDO_USER
      ? 'sudo has its own PATH, so give the full path (command -v shows it), or keep yours: sudo env "PATH=$PATH" bindtrace ...'
      : "check its name";
    throw new Failure(EXIT.usage, `the command ${command[0]} was not found: ${hint}`);
  }
  const interrupt = new AbortController();
  const release = onSignals(() => interrupt.abort());
  const machine = await preflight(HOOKS[options.hooks], interrupt.signal);
  throwIfInterrupted(interrupt.signal);
  if (!machine.ok) throw problemFailure(machine.error);
  const live: LiveOptions = {
    ports: options.port ?? [],
    closes: options.light !== true,
    command: command.length > 0 ? [...command] : null,
    attach: HOOKS[options.hooks],
    without: options.withoutProbe ?? [],
    buffer: options.buffer ?? null,
  };
  if (options.printProgram) {
    release();
    return printProgram(machine.value, live);
  }
  const user = await invoker();
  // Both are opened before tracing starts: a place where one may not write is found then, not after.
  const writer = await openSave(options);
  let output: Output | undefined;
  try {
    output = chooseOutput(options, command.length > 0);
    const { opened, record } = await arm(machine.value, live, interrupt.signal);
    release();
    return await record(opened, { options, command, user, netns, output, writer });
  } catch (error) {
    writer?.discardEmpty();
    output?.discardEmpty();
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

/** A trace that runs, and what makes its report. */
interface Armed {
  opened: LiveTrace;
  record: typeof import("./recording.ts").record;
}

/** Starts the trace. */
async function arm(machine: Machine, options: LiveOptions, interrupted: AbortSignal): Promise<Armed> {
  const opening = openLive(machine, options, interrupted);
  const { record } = await import("./recording.ts");
  const opened = await opening;
  throwIfInterrupted(interrupted);
  if (!opened.ok) throw problemFailure(opened.error);
  return { opened: opened.value, record };
}

/** A signal that comes before the trace is armed ends it. */
function throwIfInterrupted({ aborted }: AbortSignal): void {
  if (aborted) throw new Failure(EXIT.interrupted, "interrupted before the trace was armed: nothing was seen");
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
