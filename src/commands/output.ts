import { closeSync, openSync, writeSync } from "node:fs";
import { EXIT, Failure } from "./failure.ts";

/** Where a report goes: a stream of this process, or a file. */
export interface Output {
  write(text: string): void;
  /** The stream when it is one, for its width and whether it is a terminal. */
  terminal: NodeJS.WriteStream | undefined;
  /** Called once when the reader has gone away. */
  onClosed(listener: () => void): void;
  close(): Promise<void>;
}

export function streamOutput(stream: NodeJS.WriteStream): Output {
  let closed = false;
  const listeners: (() => void)[] = [];
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
    for (const listener of listeners.splice(0)) listener();
  });
  return {
    terminal: stream,
    write: (text) => {
      if (!closed && text !== "") stream.write(text);
    },
    onClosed: (listener) => listeners.push(listener),
    close: () =>
      new Promise((resolve) => {
        if (closed) resolve();
        else stream.write("", () => resolve());
      }),
  };
}

export function fileOutput(path: string): Output {
  const fd = openFile(path);
  return {
    terminal: undefined,
    write: (text) => void writeSync(fd, text),
    onClosed: () => {},
    close: async () => closeSync(fd),
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, "w", 0o644);
  } catch (error) {
    throw new Failure(EXIT.usage, `cannot write the report to ${path}: ${(error as Error).message}`);
  }
}
