import { closeSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { takePrecedence } from "./precedence.ts";

/**
 * A thread that does nothing but empty a pipe, so that its writer never waits, whatever the main thread is at. Hands on each piece, and
 * null at the end, when nobody has the pipe open for writing any more.
 */

/** What a pipe holds (pipe(7)), in bytes. */
const PIPE = 65_536;
/** After a piece below this many bytes it waits so many milliseconds, for the next to be larger: each costs the main thread some time. */
const SMALL = 16_384;
const PAUSE = 2;

const { fd } = workerData as { fd: number };
const never = new Int32Array(new SharedArrayBuffer(4));
const piece = Buffer.allocUnsafeSlow(PIPE);

takePrecedence(0);
for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) {
  const copy = new Uint8Array(piece.subarray(0, length));
  parentPort?.postMessage(copy, [copy.buffer]);
  if (length < SMALL) Atomics.wait(never, 0, 0, PAUSE);
}
closeSync(fd);
parentPort?.postMessage(null);
