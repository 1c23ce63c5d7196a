/** What the parts of the page ask of each other. */
export interface Actions {
  /** Marks a failure and brings it into view; -1 for none. */
  choose(failure: number): void;
  /** Opens the panel of a failure; the focus goes there. */
  open(failure: number): void;
  /** Closes the panel; the focus goes back to where it was. */
  close(): void;
  /** Marks an event and brings it into view. */
  point(event: number): void;
}
