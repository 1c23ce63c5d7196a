import { setFlagsFromString } from "node:v8";

/**
 * Lets V8 collect garbage when the heap has grown by six tenths, where it would wait until it is four times as large as what is in
 * use: a tracer that runs for days, or reads ten million events, must not take memory only because there is some.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--heap-growing-percent=60");
}
