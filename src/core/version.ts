/** Version numbers such as 6.1.176, as kernels and bpftrace have them. */
export type Version = readonly [number, number, number];

/** The first version number in a text, undefined when there is none; what is left out counts as 0. */
export function parseVersion(text: string): Version | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/** Negative when a is older than b. */
export function compareVersions(a: Version, b: Version): number {
  const index = a.findIndex((part, at) => part !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** What a kernel says of itself (uname(2), /proc/version_signature). */
export interface KernelNames {
  /** `uname -r`: 6.1.0-50-cloud-amd64. */
  release: string;
  /** `uname -v`: #1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-10-02). */
  build: string;
  /** Ubuntu's: Ubuntu 6.8.0-45.45-generic 6.8.12. */
  signature: string | null;
}

export interface Upstream {
  version: Version;
  /** The stable release is known, not only the series: distributions that backport fixes keep x.y.0 in the name. */
  exact: boolean;
}

/** The kernel.org version that a kernel was made from, undefined when its name has none. */
export function upstreamVersion({ release, build, signature }: KernelNames): Upstream | undefined {
  const told = /Debian (\d+\.\d+(?:\.\d+)?)/.exec(build)?.[1] ?? /^Ubuntu \S+ (\d+\.\d+\.\d+)/.exec(signature ?? "")?.[1];
  const version = parseVersion(told ?? release);
  return version && { version, exact: told !== undefined || version[2] > 0 || /^\d+\.\d+(\.0)?(-rc\d+)?\+?$/.test(release) };
}
