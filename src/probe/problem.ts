/** Why live tracing cannot start: one sentence with what to do, and whether it is a matter of rights or of the machine. */
export interface Problem {
  kind: "not-permitted" | "unsupported";
  message: string;
  /** The verifier found the program too long: a shorter walk may fit. */
  tooLarge?: boolean;
}
