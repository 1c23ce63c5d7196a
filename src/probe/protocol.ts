import type { EventOf } from "../core/event.ts";

/** Numbers on which the programs in bpf/ and their reader agree: the programs know them by these names. */

/** Version of the line protocol. */
export const PROTOCOL_VERSION = 2;

/** What a call or a walk belongs to. */
export const OP = { BIND: 1, LISTEN: 2, LOOK: 3, CONNECT: 4, SENDTO: 5, UNKNOWN: 6, SEARCH: 7 } as const;

/** How far the kernel's search for a port came. */
export const RESULT = { ENTERED: 1, FREE: 2, REFUSED: 3 } as const;

/** How a socket got another descriptor. */
export const PASS = { DUP: 1, SEND: 2, RECEIVE: 3, GETFD: 4 } as const;

export const PASS_NAMES: Readonly<Record<number, EventOf<"pass">["how"]>> = {
  [PASS.DUP]: "dup",
  [PASS.SEND]: "send",
  [PASS.RECEIVE]: "receive",
  [PASS.GETFD]: "pidfd_getfd",
};

/** The descriptor of a call that is not known to have one. */
export const NO_FD = -1;

export const fdOrNull = (fd: number) => (fd === NO_FD ? null : fd);

/** A line's number and its CPU as one number, the place of that line (bpf/kernel/walk-place.bt). */
export const PLACE_CPUS = 4096;
/** The greatest number of a line that is believed, at 20,000 a second that of the second year: more would not fit into its place. */
export const LAST_LINE = 2 ** 40;
export const placeOf = (cpu: number, seq: number) => seq * PLACE_CPUS + cpu + 1;
export const cpuOf = (place: number) => (place - 1) % PLACE_CPUS;
export const seqOf = (place: number) => Math.floor((place - 1) / PLACE_CPUS);

/** Level and number of each option that `bt:option` tells of. */
export const OPTIONS: Readonly<Record<string, "SO_REUSEADDR" | "SO_REUSEPORT" | "SO_BINDTODEVICE" | "IPV6_V6ONLY">> = {
  "1/2": "SO_REUSEADDR",
  "1/15": "SO_REUSEPORT",
  "1/25": "SO_BINDTODEVICE",
  "41/26": "IPV6_V6ONLY",
};
