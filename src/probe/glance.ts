import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fail, ok, type Result } from "../base/result.ts";
import { type WalkFacts, walkFacts } from "../core/facts.ts";
import { startBpftrace, startProblem } from "./bpftrace.ts";
import { LineFields } from "./fields.ts";
import { instantOfJiffies, sampleJiffies, tickRate } from "./jiffies.ts";
import type { Place } from "./look.ts";
import type { Machine } from "./preflight.ts";
import type { Problem } from "./problem.ts";
import { assembleCheck, WALK_BOUNDS } from "./program.ts";
import { type Reading, readOwner, readWalk, type ToldOwner } from "./sockets.ts";

/** bpftrace under emulation takes ten seconds; whatever takes longer than this (ms) hangs. */
const LIMIT = 60_000;
/** The name of this thread, which starts the walk by changing (bpf/check.bt). */
const NAME = "/proc/self/comm";

/** The owners of one port at one instant. */
export interface Glance {
  /** Instants in it count from `at`. */
  walk: WalkFacts;
  /** Sockets of all ports and namespaces on the slot of this port in the table of UDP. */
  slotSize: number;
  /** Wall time of the walk, in ns since 1970. */
  at: bigint;
}

/** Walks the owners of a port once, in the network namespace of this process. Nothing is bound, nothing stays attached. */
export async function glance({ layout }: Machine, place: Place): Promise<Result<Glance, Problem>> {
  let last: Problem = { kind: "unsupported", message: "no walk fits this kernel" };
  for (const bounds of WALK_BOUNDS) {
    // Nobody else can know the name, so nobody else's walk comes in between.
    const name = `bt-${randomBytes(6).toString("hex")}`;
    const seen = await run(assembleCheck({ layout, place, name, bounds }), name);
    if (seen.ok) return seen;
    last = seen.error;
    if (!last.tooLarge) break;
  }
  return fail(last);
}

async function run(program: string, name: string): Promise<Result<Glance, Problem>> {
  const sample = sampleJiffies();
  const limit = AbortSignal.timeout(LIMIT);
  const started = await startBpftrace(program, limit);
  if (!started.ok) return started;
  const bpftrace = started.value;
  const lines: LineFields[] = [];
  let at = { wall: 0n, monotonic: 0n };
  for await (const batch of bpftrace.batches) {
    for (const fields of batch.map((line) => LineFields.parse(line))) {
      if (fields?.tag === "ready") at = takeName(name);
      else if (fields) lines.push(fields);
    }
  }
  const { died } = await bpftrace.ended;
  const hz = tickRate(sample, sampleJiffies());
  const read = readGlance(lines, (jiffies) => instantOfJiffies(jiffies, sample, hz, at.monotonic));
  if (read) return ok({ ...read, at: at.wall });
  if (limit.aborted) return fail({ kind: "unsupported", message: `bpftrace did not answer within ${LIMIT / 1000} s: try again` });
  return fail(startProblem(died ?? "it ended at once", bpftrace.stderr()));
}

/** Takes the name for a moment: the walk runs before this returns. Gives the instant, in ns. */
function takeName(name: string): { wall: bigint; monotonic: bigint } {
  const own = readFileSync(NAME);
  writeFileSync(NAME, name);
  const monotonic = process.hrtime.bigint();
  const wall = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  writeFileSync(NAME, own);
  return { wall, monotonic };
}

/** What the lines of one walk say; null where its last line is missing or malformed. An owner whose line is malformed is as lost. */
export function readGlance(
  lines: readonly LineFields[],
  instantOfJiffiesHere: Reading["instantOfJiffies"],
): Pick<Glance, "walk" | "slotSize"> | null {
  const pointers = new Map<bigint, number>();
  const reading: Reading = {
    pointer: (value) => pointers.get(value) ?? pointers.set(value, pointers.size + 1).size,
    instant: () => 0,
    instantOfJiffies: instantOfJiffiesHere,
  };
  const list: ToldOwner[] = [];
  let slotSize = 0;
  let lost = false;
  for (const fields of lines) {
    try {
      if (fields.tag === "slot") slotSize = fields.number();
      if (fields.tag !== "owner" && fields.tag !== "walk") continue;
      // CPU and number of the line: whether one was lost shows in the count at the end.
      fields.number();
      fields.number();
      if (fields.tag === "owner") list.push(readOwner(fields, reading));
      else return { walk: walkFacts.parse(readWalk(fields, { list, lost }, reading).walk), slotSize };
    } catch {
      lost = true;
    }
  }
  return null;
}
