import { cpus } from "node:os";
import { compareVersions, parseVersion, type Version } from "../core/version.ts";

/** The buffers between the kernel and bpftrace, of all CPUs together, in bytes. */
const DEFAULT_BUFFER = 16 << 20;
/** The least of one CPU that is taken by itself: what some thousand lines need. */
const LEAST_OF_CPU = 2 << 20;
/** The least and the most that may be asked for. */
export const LEAST_BUFFER = 256 << 10;
export const MOST_BUFFER = 4 * 2 ** 30;
/** Pages as bpftrace counts them. */
const PAGE = 4096;
/** The first that has one ring buffer for all CPUs (BPF_MAP_TYPE_RINGBUF); those before have a perf buffer for each. */
const RING_BUFFER_SINCE: Version = [0, 20, 0];

/**
 * Pages of each buffer (BPFTRACE_PERF_RB_PAGES), a power of two, so that all of them together take no more than this. `bytes`: null for
 * the default; `version`: of bpftrace, 0.17.0.
 */
export function bufferPages(bytes: number | null, version: string, count = cpus().length): number {
  const total = bytes ?? Math.max(DEFAULT_BUFFER, LEAST_OF_CPU * count);
  const parsed = parseVersion(version);
  const isShared = parsed !== undefined && compareVersions(parsed, RING_BUFFER_SINCE) >= 0;
  const each = isShared ? total : total / count;
  return 2 ** Math.max(0, Math.floor(Math.log2(each / PAGE)));
}
