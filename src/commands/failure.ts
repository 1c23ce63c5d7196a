/** Exit codes: what they mean stands in the README. */
export const EXIT = {
  clean: 0,
  failuresExplained: 1,
  usage: 2,
  notPermitted: 3,
  unsupported: 4,
  incomplete: 5,
  undetermined: 6,
  /** By a signal before the trace was armed; afterwards a signal is the normal end. */
  interrupted: 130,
  /** EX_SOFTWARE of sysexits.h, far from the codes that mean something. */
  bug: 70,
} as const;
export type ExitCode = number;

/** A known reason to stop: one sentence that says what is wrong and what to do. */
export class Failure extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}
