import { gzipSync } from "node:zlib";
import { ok, type Result } from "../base/result.ts";
import type { Header, TraceEvent } from "../core/event.ts";
import { Redactor } from "../core/redact.ts";
import { encodeEvent, encodeHeader } from "./codec.ts";
import { NewFile, type NewFileOptions, openNew } from "./new-file.ts";

/** Longest time in ms that a recorded event stays in the compressor before it can be read back. */
const FLUSH_INTERVAL = 100;
/** Characters after which it is compressed at once. */
const FLUSH_LENGTH = 1 << 20;

const STDOUT = 1;

export interface WriterOptions extends NewFileOptions {
  /** Take names, command lines and addresses out of what is recorded. */
  redact: boolean;
}

/**
 * Writes a trace so that a killed recording is readable up to its last flush: plain files line by line; gzip as one
 * member a flush (RFC 1952 allows many), at each refused bind before its report is out, and every 100 ms.
 */
export class TraceWriter {
  readonly path: string;
  readonly #file: NewFile;
  readonly #gzip: boolean;
  readonly #options: WriterOptions;
  #redactor: Redactor | null = null;
  #count = 0;
  /** Lines that wait to be compressed. */
  #pending = "";
  #flushTimer: NodeJS.Timeout | undefined;
  #error: Error | undefined;
  #onBroken: (error: Error) => void = () => {};

  private constructor(path: string, file: NewFile, options: WriterOptions) {
    this.path = path;
    this.#file = file;
    this.#gzip = path.endsWith(".gz");
    this.#options = options;
  }

  /** Opens the file, `-` for stdout, before tracing starts, so that a place where one may not write is found then. */
  static open(path: string, options: WriterOptions): Result<TraceWriter, string> {
    const file = path === "-" ? ok(new NewFile(() => STDOUT)) : openNew(path, options);
    return file.ok ? ok(new TraceWriter(path, file.value, options)) : file;
  }

  header(header: Header): void {
    if (this.#options.redact) this.#redactor = new Redactor(header);
    this.#write(encodeHeader(this.#redactor?.header ?? header));
  }

  event(event: TraceEvent): void {
    this.#count++;
    this.#write(encodeEvent(this.#redactor ? this.#redactor.event(event) : event, this.#count));
    const refused = (event.type === "bind" || event.type === "listen") && event.errno !== null;
    // What a report is made of is in the file before the report is out.
    const reported = refused || event.type === "holders" || event.type === "end";
    if (reported || this.#pending.length > FLUSH_LENGTH) this.#flush();
    else if (this.#gzip) this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL).unref();
  }

  /** First error in writing, if there was one: what came after it is not in the file. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Called once, at the first error in writing. */
  onBroken(listener: (error: Error) => void): void {
    this.#onBroken = listener;
  }

  /** Takes the file back where nothing came to be recorded. */
  discardEmpty(): void {
    if (this.#pending === "") this.#file.discard();
  }

  close(): void {
    this.#flush();
    if (this.path !== "-") this.#attempt(() => this.#file.close());
  }

  #write(text: string): void {
    if (this.#gzip) this.#pending += text;
    else this.#put(Buffer.from(text));
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#pending !== "") this.#put(gzipSync(this.#pending));
    this.#pending = "";
  }

  #put(bytes: Buffer): void {
    if (!this.#error) this.#attempt(() => this.#file.write(bytes));
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#error) return;
      this.#error = error as Error;
      this.#onBroken(this.#error);
    }
  }
}
