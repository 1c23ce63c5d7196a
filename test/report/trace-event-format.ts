import { z } from "zod";

/**
 * What a Chrome JSON trace must be so that Perfetto shows all of it. From the document "Trace Event Format" of Chromium's trace viewer
 * (events, metadata, nestable async events with `id2`, instants) and from Perfetto's importer
 * (src/trace_processor/importers/json/json_trace_parser.cc, importers/common/slice_tracker.cc and flow_tracker.cc): what it drops, it
 * only counts.
 */

const where = { name: z.string().min(1), pid: z.int().positive(), tid: z.int().positive() };
/** Microseconds; what is behind the point is nanoseconds, at most three digits. */
const ts = z
  .number()
  .nonnegative()
  .refine((value) => /^\d+(\.\d{1,3})?$/.test(String(value)));
const timed = { ...where, cat: z.string().min(1), ts, args: z.record(z.string(), z.json()).optional() };
const track = { id2: z.strictObject({ local: z.string().min(1) }) };
/** Perfetto reads the digits of a text as hexadecimal. */
const flow = {
  bind_id: z
    .string()
    .regex(/^0x[1-9a-f][0-9a-f]*$/)
    .optional(),
  flow_in: z.literal(true).optional(),
  flow_out: z.literal(true).optional(),
};

const metadata = z.discriminatedUnion("name", [
  z.strictObject({ ph: z.literal("M"), ...where, name: z.literal("process_name"), args: z.strictObject({ name: z.string().min(1) }) }),
  z.strictObject({ ph: z.literal("M"), ...where, name: z.literal("thread_name"), args: z.strictObject({ name: z.string().min(1) }) }),
  z.strictObject({ ph: z.literal("M"), ...where, name: z.literal("process_sort_index"), args: z.strictObject({ sort_index: z.int() }) }),
]);

const eventSchema = z.discriminatedUnion("ph", [
  metadata,
  z.strictObject({ ph: z.literal("b"), ...timed, ...track, ...flow }),
  z.strictObject({ ph: z.literal("e"), ...timed, ...track }),
  z.strictObject({ ph: z.literal("n"), ...timed, ...track, ...flow }),
  z.strictObject({ ph: z.literal("i"), ...timed, s: z.enum(["g", "p", "t"]) }),
]);

const traceSchema = z.strictObject({ traceEvents: z.array(eventSchema), otherData: z.record(z.string(), z.json()) });

export type PerfettoEvent = z.infer<typeof eventSchema>;
type Timed = Exclude<PerfettoEvent, { ph: "M" }>;

/** A slice as the importer makes it: an instant is one of no length. */
export interface Slice {
  pid: number;
  cat: string;
  track: string;
  name: string;
  ts: number;
  /** Null until it ended. */
  end: number | null;
  depth: number;
}

export interface Imported {
  /** What Perfetto would drop, or show wrong, a sentence each. */
  problems: string[];
  slices: Slice[];
  flows: { from: Slice; to: Slice }[];
}

/** Reads a trace as the importer does, event by event in the order of the file. */
export function imported(text: string): Imported {
  const trace = traceSchema.safeParse(JSON.parse(text));
  if (!trace.success) return { problems: [z.prettifyError(trace.error)], slices: [], flows: [] };
  const importer = new Importer(trace.data.traceEvents);
  // Older importers stop at the first key that they do not know.
  const first = Object.keys(JSON.parse(text))[0] === "traceEvents" ? [] : ["traceEvents is not the first key"];
  return { problems: [...first, ...importer.problems], slices: importer.slices, flows: importer.flows };
}

class Importer {
  readonly problems: string[] = [];
  readonly slices: Slice[] = [];
  readonly flows: { from: Slice; to: Slice }[] = [];
  readonly #stacks = new Map<string, Slice[]>();
  readonly #starts = new Map<string, Slice>();
  readonly #ended = new Set<string>();

  constructor(events: readonly PerfettoEvent[]) {
    const timed = events.filter((event): event is Timed => event.ph !== "M");
    let now = 0;
    for (const event of timed) {
      if (event.ts < now) this.problems.push(`${event.name} goes back in time`);
      now = event.ts;
      this.#take(event);
    }
    for (const stack of this.#stacks.values()) for (const { name } of stack) this.problems.push(`${name} did not end`);
    for (const id of this.#starts.keys()) if (!this.#ended.has(id)) this.problems.push(`flow ${id} ends nowhere`);
    for (const name of ["process_name", "thread_name"]) {
      const named = new Set(events.filter((event) => event.ph === "M" && event.name === name).map(({ pid }) => pid));
      for (const { pid } of timed) if (!named.has(pid)) this.problems.push(`${pid} has no ${name}`);
    }
  }

  #take(event: Timed): void {
    if (event.ph === "i") return;
    const { ph, pid, cat, name, ts, id2 } = event;
    const key = `${pid} ${cat} ${id2.local}`;
    const stack = this.#stacks.get(key) ?? [];
    this.#stacks.set(key, stack);
    if (ph === "e") {
      const open = stack.pop();
      if (open?.name !== name) this.problems.push(`${name} ends while ${open?.name ?? "nothing"} is open`);
      if (open) open.end = ts;
      return;
    }
    const slice: Slice = { pid, cat, track: id2.local, name, ts, end: ph === "n" ? ts : null, depth: stack.length };
    this.slices.push(slice);
    if (ph === "b") stack.push(slice);
    // An instant lies within a slice of its track: alone it would be a row of its own in the picture.
    else if (stack.length === 0) this.problems.push(`${name} is outside of every slice`);
    this.#flow(event, slice);
  }

  #flow({ bind_id: id, flow_in: into, flow_out: out, name }: Extract<Timed, { ph: "b" | "n" }>, slice: Slice): void {
    if (id === undefined) {
      if (into || out) this.problems.push(`${name} has a flow without id`);
      return;
    }
    if (Boolean(into) === Boolean(out)) this.problems.push(`${name} has a flow without direction`);
    const start = this.#starts.get(id);
    if (out && start) this.problems.push(`flow ${id} begins twice`);
    if (out && !start) this.#starts.set(id, slice);
    if (!into) return;
    if (!start) this.problems.push(`flow ${id} ends before it begins`);
    else this.flows.push({ from: start, to: slice });
    this.#ended.add(id);
  }
}
