import type { FailureRecord, OutputRecord, ReleaseRecord } from "../core/record.ts";

/** A failure with what was told of it later. */
export interface ToldFailure {
  /** With the holders that were found after it had been reported. */
  record: FailureRecord;
  /** When each of its blockers let the port go, by socket; not those that kept it to the end. */
  releases: Map<string, ReleaseRecord>;
}

/** Gathers what a session says of its failures, in the order in which they were reported. */
export class ToldFailures {
  readonly #failures = new Map<string, ToldFailure>();

  get all(): readonly ToldFailure[] {
    return [...this.#failures.values()];
  }

  get(id: string): ToldFailure | undefined {
    return this.#failures.get(id);
  }

  take(record: OutputRecord): void {
    if (record.type === "failure") this.#failures.set(record.id, { record, releases: new Map() });
    if (record.type === "release") this.#failures.get(record.failure)?.releases.set(record.socket, record);
    if (record.type !== "holders") return;
    const told = this.#failures.get(record.failure);
    if (!told) return;
    const { holders, complete, nature, socket } = record;
    const blockers = told.record.blockers.map((blocker) =>
      blocker.socket === socket ? { ...blocker, holders, holdersComplete: complete, nature } : blocker,
    );
    told.record = { ...told.record, blockers };
  }
}
