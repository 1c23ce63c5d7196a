import type { Command } from "commander";
import type { TraceWriter } from "../trace/writer.ts";
import { EXIT, Failure } from "./failure.ts";
import { GROUPS } from "./help.ts";
import { sudoUser } from "./invoker.ts";
import { fileName } from "./options.ts";

/** Options about the trace that is recorded. */
export interface SaveOptions {
  save?: string;
  force?: boolean;
  redact?: boolean;
}

/** What `--redact` does, wherever it stands. */
export const REDACTION = "without names, command lines, addresses, users: to give away";

/** Adds the options of {@link SaveOptions} to a command. */
export function withSaveOptions(command: Command): Command {
  return command
    .optionsGroup(GROUPS.recording)
    .option("-s, --save <file>", "record the trace for replay; gzip when the name ends in .gz", fileName)
    .option("--force", "let --save replace a file")
    .option("--redact", `let --save record ${REDACTION}`);
}

/** Throws a Failure where these options make no sense together. */
export function checkSave({ save, redact }: SaveOptions): void {
  if (redact && save === undefined) throw new Failure(EXIT.usage, "--redact is about what --save records: add --save FILE");
}

/** The file that these options name, ready to be written; null where they name none. */
export async function openSave({ save, force = false, redact = false }: SaveOptions): Promise<TraceWriter | null> {
  return save === undefined ? null : openWriter(save, { replace: force, redact });
}

/** Opens a trace to write, for who called sudo. */
export async function openWriter(path: string, options: { replace: boolean; redact: boolean }): Promise<TraceWriter> {
  const { TraceWriter } = await import("../trace/writer.ts");
  const writer = TraceWriter.open(path, { ...options, owner: sudoUser() });
  if (!writer.ok) throw new Failure(EXIT.usage, writer.error);
  return writer.value;
}
