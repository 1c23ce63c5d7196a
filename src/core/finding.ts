export const STATUSES = ["ok", "note", "problem"] as const;
export type Status = (typeof STATUSES)[number];

/** One thing that was looked at. `note`: worth knowing; `problem`: live tracing does not work until it is mended. */
export interface Finding {
  /** What scripts know it by. */
  code: string;
  status: Status;
  /** What was found, as one sentence. */
  fact: string;
  /** What to do about it, as one sentence; null where all is well. */
  mend: string | null;
  /** Of a setting, whose name is the code: what it is set to. */
  value?: string;
  /** What belongs to the fact, one item each. */
  details?: string[];
}

export const good = (code: string, fact: string): Finding => ({ code, status: "ok", fact, mend: null });
export const note = (code: string, fact: string, mend: string, details?: string[]): Finding => ({
  code,
  status: "note",
  fact,
  mend,
  ...(details && { details }),
});
export const problem = (code: string, fact: string, mend: string): Finding => ({ code, status: "problem", fact, mend });
