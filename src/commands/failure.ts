/** Exit codes; what each means stands in MEANINGS. */
export const EXIT = {
  clean: 0,
  failuresExplained: 1,
  usage: 2,
  notPermitted: 3,
  unsupported: 4,
  incomplete: 5,
  undetermined: 6,
  /** EX_SOFTWARE of sysexits.h, far from the codes that mean something. */
  bug: 70,
  /** By a signal before the trace was armed; afterwards a signal is the normal end. */
  interrupted: 130,
} as const;
export type ExitCode = number;
export type ExitName = keyof typeof EXIT;

/** What the codes mean, unless a command says otherwise. */
const MEANINGS: Readonly<Record<ExitName, string>> = {
  clean: "done",
  failuresExplained: "refused, and every refusal explained",
  usage: "the command line is wrong, or names what is not there",
  notPermitted: "not permitted (tracing needs root, with its capabilities)",
  unsupported: "this machine cannot be traced",
  incomplete: "events lost, bpftrace died, trace damaged, or output not written",
  undetermined: "a refusal whose blocker could not be determined",
  bug: "a fault of bindtrace itself, with any command",
  interrupted: "a signal before the trace was armed",
};

/** An exit code, and what it means as the end of one command. */
export interface ExitMeaning {
  code: ExitCode;
  meaning: string;
}

/** The codes of a command, in ascending order. `own`: those that mean something of their own there, beside `usual`. */
export function exitMeanings(own: Partial<Record<ExitName, string>>, usual: readonly ExitName[]): ExitMeaning[] {
  const named = (Object.keys(EXIT) as ExitName[]).filter((name) => name in own || usual.includes(name));
  return named.map((name) => ({ code: EXIT[name], meaning: own[name] ?? MEANINGS[name] }));
}

/** A known reason to stop: one sentence that says what is wrong and what to do. */
export class Failure extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}
