import type { Family } from "../../src/core/address.ts";
import type { Protocol, State } from "../../src/core/event.ts";

/** The log of test/lab/chaos.py, one object a line (test/lab/README.md). Times in ns of CLOCK_BOOTTIME. */

/** An order was given and answered: what it did happened in between. */
export type During = readonly [sent: number, answered: number];

export interface Options {
  protocol: Protocol;
  family: Family;
  uid: number | null;
  reuseAddr: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
}

/** A socket that had the port when a bind or listen was refused. */
export interface TrueSocket extends Options {
  inode: number | null;
  /** The inode that it had as long as a process had it. */
  formerInode: number | null;
  name: readonly [address: string, port: number];
  peer: readonly [address: string, port: number] | null;
  /** Before and after the call: more than one where the kernel changed it meanwhile. */
  states: State[];
  substate: State | null;
  /** It was there before and after the call. */
  certain: boolean;
  creator: number | null;
  opener: number | null;
  holders: { pid: number; fd: number; via: Via; from: number | null }[];
  /** Copies that were sent over a unix socket, and not received. */
  inFlight: number;
}

export type Via = "created" | "inherited" | "received";

export interface Refused {
  type: "refused";
  pid: number;
  fd: number;
  inode: number;
  operation: "bind" | "listen";
  errno: string;
  address: string;
  port: number;
  netns: number;
  entered: number;
  returned: number;
  /** Nothing happened until bindtrace had reported it. */
  patient: boolean;
  binder: Options;
  /** Every socket on the port but the binder. */
  sockets: TrueSocket[];
}

export type LogLine =
  | Refused
  | { type: "gained"; inode: number; pid: number; fd: number; via: Via; sender: number | null; during: During }
  | { type: "lost"; inode: number; pid: number; fd: number; during: During }
  | { type: "sent" | "landed"; inode: number; during: During }
  | { type: "step"; step: string; pid: number; inode: number | null; during: During; fd?: number; other?: number; detail?: string }
  | { type: "end"; seed: number; refusals: number; orders: number };

export function readLog(text: string): LogLine[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

/** A descriptor over its life. */
export interface Tenure {
  inode: number;
  pid: number;
  fd: number;
  via: Via;
  sender: number | null;
  gained: During;
  lost: During | null;
}

export type Step = Extract<LogLine, { type: "step" }>;

/** What the log says of each socket over time. */
export class History {
  readonly refusals: readonly Refused[];
  readonly #steps = new Map<string, Step[]>();
  readonly #tenures = new Map<number, Tenure[]>();
  readonly #flights = new Map<number, { sent: During; landed: During | null }[]>();

  constructor(log: readonly LogLine[]) {
    this.refusals = log.filter((line) => line.type === "refused");
    for (const line of log) {
      if (line.type === "step") listIn(this.#steps, `${line.step}/${line.pid}`).push(line);
      else if (line.type === "gained") {
        const { inode, pid, fd, via, sender, during } = line;
        listIn(this.#tenures, inode).push({ inode, pid, fd, via, sender, gained: during, lost: null });
      } else if (line.type === "lost") {
        const open = listIn(this.#tenures, line.inode).find(({ pid, fd, lost }) => pid === line.pid && fd === line.fd && lost === null);
        if (open) open.lost = line.during;
      } else if (line.type === "sent") listIn(this.#flights, line.inode).push({ sent: line.during, landed: null });
      else if (line.type === "landed") {
        const open = listIn(this.#flights, line.inode).find(({ landed }) => landed === null);
        if (open) open.landed = line.during;
      }
    }
  }

  stepsOf(step: string, pid: number | null): readonly Step[] {
    return this.#steps.get(`${step}/${pid}`) ?? [];
  }

  /** Descriptors of a socket that were there at some time from `from` to `to`. */
  heldWithin(inode: number, from: number, to: number): Tenure[] {
    return listIn(this.#tenures, inode).filter(({ gained, lost }) => gained[0] <= to && (lost === null || lost[1] >= from));
  }

  /** Whether a copy of it was under way at some time from `from` to `to`. */
  inFlightWithin(inode: number, from: number, to: number): boolean {
    return listIn(this.#flights, inode).some(({ sent, landed }) => sent[0] <= to && (landed === null || landed[1] >= from));
  }
}

/** It was there all the time from `from` to `to`. */
export const throughout = ({ gained, lost }: Tenure, from: number, to: number) => gained[1] <= from && (lost === null || lost[0] >= to);

function listIn<K, T>(map: Map<K, T[]>, key: K): T[] {
  const known = map.get(key) ?? [];
  map.set(key, known);
  return known;
}
