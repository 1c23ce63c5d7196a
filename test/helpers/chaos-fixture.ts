import type { HolderRecord, StepRecord } from "../../src/core/process-record.ts";
import type { BlockerRecord, FailureRecord, OutputRecord } from "../../src/core/record.ts";
import { type Comparison, compare } from "./chaos.ts";
import type { LogLine, Refused, TrueSocket } from "./chaos-log.ts";

/** A failure, the log of it, and their comparison, for tests that change one thing. Instants are numbers in both. */
const boot = Number;

export const OPTIONS = { protocol: "tcp", family: "ipv4", uid: 0, reuseAddr: false, reusePort: false, ipv6Only: false } as const;

/** A listener that process 10 made and its child 11 has, too; a copy of it is under way. */
export const listener: TrueSocket = {
  ...OPTIONS,
  inode: 100,
  formerInode: 100,
  name: ["0.0.0.0", 8080],
  peer: null,
  states: ["LISTEN"],
  substate: null,
  certain: true,
  creator: 10,
  opener: 10,
  holders: [
    { pid: 10, fd: 4, via: "created", from: null },
    { pid: 11, fd: 4, via: "inherited", from: 10 },
  ],
  inFlight: 1,
};

export const refused = (overrides: Partial<Refused> = {}): Refused => ({
  ...{ type: "refused", pid: 20, fd: 5, inode: 200, operation: "bind", errno: "EADDRINUSE", address: "127.0.0.1", port: 8080, netns: 1 },
  ...{ entered: 1000, returned: 1100, patient: false, binder: OPTIONS, sockets: [listener] },
  ...overrides,
});

export const log: LogLine[] = [
  { type: "gained", inode: 100, pid: 10, fd: 4, via: "created", sender: null, during: [100, 110] },
  { type: "step", step: "created", pid: 10, inode: 100, during: [100, 110] },
  { type: "step", step: "bound", pid: 10, inode: 100, during: [120, 130] },
  { type: "step", step: "forked", pid: 10, inode: null, other: 11, during: [200, 210] },
  { type: "gained", inode: 100, pid: 11, fd: 4, via: "inherited", sender: 10, during: [200, 210] },
  { type: "sent", inode: 100, during: [300, 310] },
];

export const step = (overrides: Partial<StepRecord>): StepRecord => ({
  ...{ at: "125", step: "bound", pid: 10, comm: "python3", fd: 4, other: null, detail: "" },
  ...overrides,
});

export const process: NonNullable<BlockerRecord["opener"]> = {
  ...{ pid: 10, comm: "python3", fd: 4, exitedAt: null },
  process: {
    ...{ pid: 10, comm: "python3", command: null, program: null, startedAt: null, parents: [], exitedAt: null, exitCode: null },
    ...{ exitSignal: null, unit: null, container: null, pod: null, nsPids: [] },
  },
};
export const holder = (pid: number, via: HolderRecord["via"], from: number | null = null, fd: number | null = 4): HolderRecord => ({
  ...{ pid, comm: "python3", fd, via, command: "", process: null },
  from: from === null ? null : { pid: from, comm: "python3" },
});

export const blocker = (overrides: Partial<BlockerRecord> = {}): BlockerRecord => ({
  ...{ socket: "s1", decisive: true, protocol: "tcp", state: "LISTEN", substate: null, family: "ipv4", address: "0.0.0.0", port: 8080 },
  ...{ peer: null, reuseAddr: false, reusePort: false, ipv6Only: false, device: null, socketUid: 0, inode: 100, expiresAt: null },
  ...{ group: null, holders: [holder(10, "created"), holder(11, "inherited")], holdersComplete: true, rule: "listening" },
  ...{ boundAt: "125", seenAt: "125", opener: process, creator: { pid: 10, comm: "python3", at: "105" }, nature: "process", references: 3 },
  lineage: [step({ step: "created", at: "105", fd: null }), step({}), step({ step: "forked", at: "205", other: { pid: 11, comm: "" } })],
  ...overrides,
});

export const failure = (blockers: BlockerRecord[] = [blocker()], overrides: Partial<FailureRecord> = {}): FailureRecord =>
  ({
    ...{ type: "failure", id: "f1", enteredAt: "1010", at: "1090", operation: "bind", errno: "EADDRINUSE", netns: 1, protocol: "tcp" },
    ...{ family: "ipv4", address: "127.0.0.1", port: 8080, requestedPort: 8080 },
    binder: { pid: 20, tid: 20, fd: 5, inode: 200, socketUid: 0, reuseAddr: false, reusePort: false, ipv6Only: false },
    ...{ blockers, rule: "listening", evidence: "bucket", confidence: "exact", doubts: [] },
    ...overrides,
  }) as FailureRecord;

export interface Case {
  lines?: LogLine[];
  records?: OutputRecord[];
  searched?: number;
  lost?: number;
}

export function comparison({ lines = [...log, refused()], records = [failure()], searched = 1500, lost = 0 }: Case = {}): Comparison {
  const kernel = { bhash2: true, orphanUidIsZero: false };
  return compare({ log: lines, records, lost, kernel, faults: [], boot, searched: () => searched });
}

/** What is found to be wrong, as one text each. */
export const wrongOf = (one: Case) => comparison(one).wrong.flatMap(({ why }) => why);
export const withTruth = (overrides: Partial<TrueSocket>) => [...log, refused({ sockets: [{ ...listener, ...overrides }] })];
export const saying = (overrides: Partial<BlockerRecord>): Case => ({ records: [failure([blocker(overrides)])] });
