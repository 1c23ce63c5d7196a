import { Worker } from "node:worker_threads";
import { EventQueue } from "./event-queue.ts";

/** What is built, also where the tests run the sources: a thread of Node's takes no TypeScript. */
const RELAY = new URL("../../dist/probe/relay.js", import.meta.url);

/** Characters of a line that are kept: ours have some hundreds. */
const LONGEST = 1 << 16;

/**
 * The lines that come out of a pipe to its end, in batches of at most what it holds; the descriptor is taken over. They are read by a
 * thread of its own (relay.ts) and wait in this process for as long as they have to, so that a slow reader never keeps the writer
 * waiting.
 */
export function relayed(fd: number): AsyncIterable<string[]> {
  const batches = new EventQueue<string[]>(1);
  // The descriptor is this thread's, and the other's to close: Node would warn of it.
  const worker = new Worker(RELAY, { workerData: { fd }, trackUnmanagedFds: false });
  let rest = "";
  worker.on("message", (piece: Uint8Array<ArrayBuffer> | null) => {
    if (!piece) {
      if (rest !== "") batches.push([rest]);
      batches.end();
      return;
    }
    // Our lines are ASCII; what is not is none of them, whatever its bytes are taken for.
    const lines = (rest + Buffer.from(piece.buffer).toString("latin1")).split("\n");
    rest = (lines.pop() ?? "").slice(0, LONGEST);
    if (lines.length > 0) batches.push(lines);
  });
  worker.on("error", (error) => batches.end(error));
  return batches;
}
