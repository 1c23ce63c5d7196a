import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { isoTime } from "../base/nanoseconds.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { Header, TraceEvent } from "../core/event.ts";
import type { Attachment, OptionalProbe } from "../core/probes.ts";
import { upstreamVersion } from "../core/version.ts";
import { lookBase } from "./bases.ts";
import { startBpftrace } from "./bpftrace.ts";
import { bufferPages } from "./buffers.ts";
import { findHooks, type Hooks } from "./hooks.ts";
import type { Machine } from "./preflight.ts";
import type { Problem } from "./problem.ts";
import { assembleProgram, WALK_BOUNDS, type WalkBounds } from "./program.ts";
import type { LiveStream } from "./stream.ts";
import { readSysctls } from "./sysctls.ts";

export interface LiveOptions {
  ports: [number, number][];
  closes: boolean;
  command: string[] | null;
  /** Ways to attach that may be used, best first. */
  attach: readonly Attachment[];
  /** Optional probes of the kernel hook set that are to be left out. */
  without: readonly OptionalProbe[];
  /** The buffers between the kernel and bpftrace in bytes, null for the default. */
  buffer: number | null;
}

export interface LiveTrace {
  header: Header;
  /** Events in time order, from the seed to the `end` event. */
  events: AsyncIterable<TraceEvent>;
  /** Failures of this process and its descendants are marked as the command's. */
  setCommand(pid: number): void;
  /** The command has ended, by this exit code or signal. */
  commandEnded(code: number | null, signal: string | null): void;
  /** Drains what the kernel has already written, then ends the stream. */
  stop(reason: string): Promise<void>;
  /** Ends a stop that is under way at once, without what has not been read: the trace is not whole then. */
  cut(reason: string): void;
}

/** One program that may run on this machine. */
export interface Candidate {
  attach: Attachment;
  /** Null for the tracepoint hook set. */
  hooks: Hooks | null;
}

/** The program that root will run, and the base of its look requests. */
export function liveProgram(
  { layout }: Machine,
  { hooks }: Candidate,
  { ports, closes }: Pick<LiveOptions, "ports" | "closes">,
  bounds: WalkBounds = WALK_BOUNDS[0],
): { text: string; base: number } {
  const base = lookBase(process.pid);
  return { text: assembleProgram({ layout, hooks, ports, closes, lookBase: base, bounds }), base };
}

/** The function in which the kernel searches for a port. */
const SEARCHES = { tcp: "inet_csk_get_port", udp: "udp_lib_get_port" } as const;

/** Where the kernel offers kprobes (since 4.17). */
const KPROBES = "/sys/bus/event_source/devices/kprobe";

/** What the machine may be asked to run, best first; the error says why there is none. */
export function candidates(machine: Machine, { attach, without }: Pick<LiveOptions, "attach" | "without">): Result<Candidate[], Problem> {
  const found: Candidate[] = [];
  let why = "";
  let kallsyms: Buffer | null | undefined;
  for (const kind of attach.filter((each) => !machine.refused.includes(each))) {
    if (kind === "tracepoint") {
      found.push({ attach: kind, hooks: null });
    } else if (kind === "kprobe" && !existsSync(KPROBES)) {
      why = "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)";
    } else {
      kallsyms ??= machine.kallsyms();
      const hooks = kallsyms && findHooks(kind, { btf: machine.btf, kallsyms, without });
      if (!hooks) why = "/proc/kallsyms, which says where the kernel's functions are, cannot be read";
      else if ("lacks" in hooks) why = `this kernel has no function ${hooks.lacks} that can be probed`;
      else found.push({ attach: kind, hooks });
    }
  }
  return found.length > 0 ? ok(found) : fail({ kind: "unsupported", message: `${why}: use --hooks tracepoint` });
}

/** Starts tracing, unless it is cancelled first; settles when every probe is attached and the sockets that were there have been seen. */
export async function openLive(machine: Machine, options: LiveOptions, cancel: AbortSignal): Promise<Result<LiveTrace, Problem>> {
  const possible = candidates(machine, options);
  if (!possible.ok) return possible;
  const started = await startStream(machine, possible.value, options, cancel);
  if (!started.ok) return started;
  const { stream, base, candidate } = started.value;
  await stream.anchor();
  const { seed } = await import("./seed.ts");
  await seed(base, options.ports);
  await stream.armed();
  return ok({
    header: headerOf(machine, options, candidate, stream),
    events: stream.output,
    setCommand: (pid) => stream.setCommand(pid),
    commandEnded: (code, signal) => stream.commandEnded(code, signal),
    stop: (reason) => stream.stop(reason),
    cut: (reason) => stream.cut(reason),
  });
}

function headerOf(
  { kernel, bpftrace, layout }: Machine,
  { ports, command }: LiveOptions,
  { attach, hooks }: Candidate,
  stream: LiveStream,
): Header {
  const upstream = upstreamVersion(kernel);
  return {
    format: "bindtrace",
    version: 1,
    kernel: {
      release: kernel.release,
      ...(upstream?.exact ? { version: upstream.version.join(".") } : {}),
      hz: stream.hz,
      bhash2: layout.bhash2,
      orphanUidIsZero: layout.orphanUidIsZero,
    },
    bpftrace,
    hooks: hooks ? "kernel" : "tracepoint",
    attach,
    missingProbes: hooks?.missing ?? [],
    filters: { ports },
    sysctls: readSysctls(),
    clock: {
      boot: stream.bootOfInstant0.toString(),
      wall: isoTime(stream.clocks.wallOfInstant0, 0),
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      offsetMinutes: -new Date().getTimezoneOffset(),
    },
    host: hostname(),
    command,
    redacted: false,
  };
}

interface Started {
  stream: LiveStream;
  base: number;
  candidate: Candidate;
}

/** A stream that is ready: of the best program that this machine takes, with the longest walk that the verifier takes. */
async function startStream(
  machine: Machine,
  possible: readonly Candidate[],
  options: LiveOptions,
  cancel: AbortSignal,
): Promise<Result<Started, Problem>> {
  let last: Problem = { kind: "unsupported", message: "no walk fits this kernel" };
  for (const candidate of possible) {
    for (const bounds of WALK_BOUNDS) {
      const { text, base } = liveProgram(machine, candidate, options, bounds);
      const { hooks } = candidate;
      const udpReleases = hooks?.functions.has("udp_lib_unhash") === true;
      const searches = hooks ? (["tcp", "udp"] as const).filter((protocol) => hooks.functions.has(SEARCHES[protocol])) : [];
      const bpftrace = await startBpftrace(text, cancel, bufferPages(options.buffer, machine.bpftrace));
      if (!bpftrace.ok) return bpftrace;
      // bpftrace takes seconds to compile the program: time enough to load what reads its lines.
      const { LiveStream } = await import("./stream.ts");
      const stream = new LiveStream(bpftrace.value, { base, searches, udpReleases });
      const problem = await stream.ready();
      if (!problem) return ok({ stream, base, candidate });
      last = problem;
      if (cancel.aborted) return fail(last);
      if (!problem.tooLarge) break;
    }
  }
  return fail(last);
}
