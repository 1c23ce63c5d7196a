import type fc from "fast-check";

/** A kind of bad input: how it is made, and what has to hold of whatever reads it. */
export interface Kind<Input = unknown> {
  name: string;
  /** How many of a million inputs are of this kind. */
  share: number;
  /** How many of them `make test` makes. */
  few: number;
  input: fc.Arbitrary<Input>;
  /** Throws where something does not hold. */
  check(input: Input): void | Promise<void>;
  /** Inputs that one of these counts as: 1 unless it says otherwise. */
  count?(input: Input): number;
  /** Why there are none here. */
  missing?: string | null;
}

/** The kind, for lists of several. */
export const kind = <Input>(one: Kind<Input>): Kind => one as Kind;
