import { closeSync, existsSync, fchmodSync, fchownSync, fstatSync, fsyncSync, openSync, statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { fail, ok, type Result } from "../base/result.ts";
import type { Header, TraceEvent } from "../core/event.ts";
import { encodeEvent, encodeHeader } from "./codec.ts";

/** Longest time in ms that a recorded event stays in the compressor before it can be read back. */
const FLUSH_INTERVAL = 100;
/** Characters after which it is compressed at once. */
const FLUSH_LENGTH = 1 << 20;

/** A trace holds command lines: it is its owner's alone. */
const MODE = 0o600;

export interface WriterOptions {
  /** Replace a file that is there. */
  force: boolean;
  /** Give the file to this user (under sudo: who called it), null to leave it. */
  owner: { uid: number; gid: number } | null;
}

/**
 * Writes a trace so that a killed recording is readable up to its last flush: plain files line by line; gzip as one
 * member a flush (RFC 1952 allows many), at each refused bind before its report is out, and every 100 ms.
 */
export class TraceWriter {
  readonly path: string;
  readonly #fd: number;
  readonly #gzip: boolean;
  #count = 0;
  /** Lines that wait to be compressed. */
  #pending = "";
  #flushTimer: NodeJS.Timeout | undefined;
  #error: Error | undefined;
  #onBroken: (error: Error) => void = () => {};

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    this.#gzip = path.endsWith(".gz");
  }

  /** Opens the file before tracing starts, so that a place where one may not write is found then. */
  static open(path: string, options: WriterOptions): Result<TraceWriter, string> {
    try {
      const fd = path === "-" ? 1 : openSync(path, options.force ? "w" : "wx", MODE);
      // Not of a device or a pipe: only what is ours.
      if (fd !== 1 && fstatSync(fd).isFile()) {
        fchmodSync(fd, MODE);
        if (options.owner) fchownSync(fd, options.owner.uid, options.owner.gid);
      }
      return ok(new TraceWriter(path, fd));
    } catch (error) {
      return fail(openProblem(path, error as NodeJS.ErrnoException));
    }
  }

  header(header: Header): void {
    this.#write(encodeHeader(header));
  }

  event(event: TraceEvent): void {
    this.#count++;
    this.#write(encodeEvent(event, this.#count));
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

  /** Takes the file back: nothing came to be recorded. */
  discard(): void {
    const isOurs = this.#fd !== 1 && fstatSync(this.#fd).isFile();
    this.close();
    if (isOurs) unlinkSync(this.path);
  }

  close(): void {
    this.#flush();
    if (this.#fd === 1) return;
    try {
      fsyncSync(this.#fd);
    } catch {
      // Pipes and devices cannot be synced, and need not be.
    }
    closeSync(this.#fd);
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
    if (this.#error) return;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      this.#error = error as Error;
      this.#onBroken(this.#error);
    }
  }
}

function openProblem(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EEXIST":
      if (statSync(path).isDirectory()) return `${path} is a folder: name a file in it`;
      return `${path} exists already: choose another name, or add --force to replace it`;
    case "ENOENT":
      return existsSync(dirname(path))
        ? `cannot write ${path}: choose a place where you may write`
        : `the folder of ${path} does not exist: create it first`;
    case "EISDIR":
      return `${path} is a folder: name a file in it`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `cannot write ${path}: choose a place where you may write`;
    default:
      return `cannot write ${path}: ${error.message}`;
  }
}
