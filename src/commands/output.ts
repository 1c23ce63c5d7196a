import { openNew } from "../trace/new-file.ts";
import { EXIT, Failure } from "./failure.ts";
import { sudoUser } from "./invoker.ts";

/** Where a report goes: a stream of this process, or a file. */
export interface Output {
  write(text: string): void;
  /** The stream when it is one, for its width and whether it is a terminal. */
  terminal: NodeJS.WriteStream | undefined;
  /** Called once when a write shows that nothing can be written any more: the reader has gone, or the disk is full. */
  onClosed(listener: () => void): void;
  /** Everything is written; throws a Failure when some of it could not be. */
  close(): Promise<void>;
  /** Takes a file back to which nothing was written. */
  discardEmpty(): void;
}

const REPORT = "the report";

/** What the two kinds of output share: after the first error nothing is written any more. */
class Health {
  problem: NodeJS.ErrnoException | null = null;
  readonly #listeners: (() => void)[] = [];

  onClosed(listener: () => void): void {
    if (this.problem) listener();
    else this.#listeners.push(listener);
  }

  attempt(write: () => void): void {
    if (this.problem) return;
    try {
      write();
    } catch (error) {
      this.fails(error as NodeJS.ErrnoException);
    }
  }

  fails(error: NodeJS.ErrnoException): void {
    if (this.problem) return;
    this.problem = error;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** A reader that goes away is no error: it had what it wanted. */
  check(what: string, place: string): void {
    if (this.problem && this.problem.code !== "EPIPE") {
      throw new Failure(EXIT.incomplete, `cannot write ${what} to ${place}: ${this.problem.message}`);
    }
  }
}

/** Writes a text that is no report to stdout; `what` names it where that fails. */
export async function print(what: string, text: string): Promise<void> {
  const output = streamOutput(process.stdout, what);
  output.write(text);
  await output.close();
}

export function streamOutput(stream: NodeJS.WriteStream & { fd: number }, what = REPORT): Output {
  const health = new Health();
  stream.on("error", (error: NodeJS.ErrnoException) => health.fails(error));
  return {
    terminal: stream,
    write: (text) => health.attempt(() => void (text !== "" && stream.write(text))),
    onClosed: (listener) => health.onClosed(listener),
    close: async () => {
      if (!health.problem) await new Promise<void>((resolve) => stream.write("", () => resolve()));
      health.check(what, stream.fd === 1 ? "standard output" : "standard error");
    },
    discardEmpty: () => {},
  };
}

/** A new file, in the place of one that is there once something is written, for who called sudo. */
export function fileOutput(path: string): Output {
  const file = openNew(path, { replace: true, owner: sudoUser() });
  if (!file.ok) throw new Failure(EXIT.usage, file.error);
  const health = new Health();
  return {
    terminal: undefined,
    write: (text) => health.attempt(() => (text === "" ? undefined : file.value.write(Buffer.from(text)))),
    onClosed: (listener) => health.onClosed(listener),
    close: async () => {
      health.attempt(() => file.value.close());
      health.check(REPORT, path);
    },
    discardEmpty: () => file.value.discard(),
  };
}
