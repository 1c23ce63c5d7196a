/**
 * Why live tracing cannot start: one sentence with what to do, and whether it is a matter of rights or of the machine.
 * What to do about `not-root` is for who knows the command line.
 */
export interface Problem {
  kind: "not-root" | "not-permitted" | "unsupported";
  message: string;
  /** The verifier found the program too long: a shorter walk may fit. */
  tooLarge?: boolean;
}
