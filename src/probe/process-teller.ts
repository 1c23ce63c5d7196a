import type { Nanos } from "../base/nanoseconds.ts";
import type { TraceEvent } from "../core/event.ts";

export class ProcessTeller {
  constructor(_options: { instant(): Nanos; instantOfStart(ticks: number): Nanos; emit(event: TraceEvent): void }) {}
  tell(_pid: number): void {}
  retell(_pid: number): void {}
  forget(_pid: number): void {}
}
