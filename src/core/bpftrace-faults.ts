import { compareVersions, parseVersion, type Version } from "./version.ts";

/** What a fault of bpftrace may depend on. */
export interface Setting {
  bpftrace: Version;
  kernel: Version | undefined;
  /** Not in the machine's own pid namespace. */
  contained: boolean;
}

export interface BpftraceFault {
  code: string;
  what: string;
  mend: string;
}

interface KnownFault extends BpftraceFault {
  from: string;
  /** First version without it, null where there is none yet. */
  before: string | null;
  when?(setting: Setting): boolean;
}

/**
 * Faults of bpftrace that bear on a trace, seen with 0.17.0, 0.20.4, 0.23.2 and 0.27.0; between these, a range
 * begins at the version in which it was seen.
 */
const BPFTRACE_FAULTS: readonly KnownFault[] = [
  {
    code: "cannot-read-btf",
    from: "0.17",
    before: "0.18",
    when: ({ kernel }) => kernel !== undefined && compareVersions(kernel, [5, 11, 0]) < 0,
    what: "this version cannot read the type information (BTF) of a 5.10 kernel",
    mend: "install a later one: 0.23 of Debian 13 can",
  },
  {
    code: "perf-buffer",
    from: "0.17",
    before: "0.18",
    what: "events go through a buffer for each CPU: one costs about 13 microseconds, and those of a saturated machine come up to 0.12 s out of order",
    mend: "where that matters install 0.20 or later, which has one ring buffer",
  },
  {
    code: "pids-of-its-own-namespace",
    from: "0.23",
    before: null,
    when: ({ contained }) => contained,
    what: "it reports process ids of its own pid namespace, and this is not the machine's",
    mend: "run bindtrace outside of the container, or with --pid=host",
  },
  {
    code: "losses-undercounted",
    from: "0.24",
    before: null,
    what: "its count of lost events leaves out the last CPU",
    mend: "nothing to do: bindtrace numbers the events itself and finds the gaps",
  },
  {
    code: "shorter-walks",
    from: "0.27",
    before: null,
    what: "it makes longer programs of the same text, so the verifier may take only a shorter walk (4 local addresses with 16 sockets each)",
    mend: "nothing to do on most ports: a report says when its walk was cut; 0.23 can walk further",
  },
];

/** The known faults of this bpftrace that matter here. */
export function bpftraceFaults(setting: Setting): BpftraceFault[] {
  return BPFTRACE_FAULTS.filter(({ from, before, when }) => {
    const [low, high] = [from, before ?? "9999.0"].map((text) => parseVersion(text));
    const inRange = low && high && compareVersions(setting.bpftrace, low) >= 0 && compareVersions(setting.bpftrace, high) < 0;
    return inRange && (when?.(setting) ?? true);
  }).map(({ code, what, mend }) => ({ code, what, mend }));
}
