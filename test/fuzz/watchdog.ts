import { Worker } from "node:worker_threads";

/** Longest time in seconds that one input may take: most take less than a thousandth of one. */
const LIMIT = 60;

/** In a thread of its own, because an endless loop lets nothing else run in this one. */
const WATCH = `
const { parentPort, workerData } = require("node:worker_threads");
const { writeSync } = require("node:fs");
let [what, last, since] = ["", -1, 0];
parentPort.on("message", (text) => { what = text; since = 0; });
setInterval(() => {
  const beat = Atomics.load(workerData.beats, 0);
  since = beat === last ? since + 1 : 0;
  last = beat;
  if (since < workerData.limit) return;
  writeSync(2, "an input takes more than " + workerData.limit + " s: " + what + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 1000);
`;

/** Ends this process, with a line on stderr, when one input takes too long. */
export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker = new Worker(WATCH, { eval: true, workerData: { beats: this.#beats, limit: LIMIT } });

  /** Another input begins. */
  beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  /** What it is to say of the inputs from now on. */
  watch(what: string): void {
    this.#worker.postMessage(what);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
