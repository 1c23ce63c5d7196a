import type { CallEvent, EventOf, Header, Holder, SocketFacts, TraceEvent } from "../../src/core/event.ts";
import type { FailureRecord } from "../../src/core/record.ts";
import { facts, header, holders, MS, refused, seed, tell } from "../helpers/events.ts";

/** When node[20] is refused. */
export const AT = 10_000 * MS;

export const SYSTEMD = { pid: 1, comm: "systemd", program: "systemd" };

const USUAL_PARENT = 5;

export const holder = (pid: number, overrides: Partial<Holder> = {}): Holder => ({
  ...{ pid, fd: 18, comm: "node", command: "node server.js", parent: USUAL_PARENT, startedAt: null },
  ...overrides,
});

interface Refused {
  /** What is in the way: a listener, unless it says otherwise. */
  owners?: SocketFacts[];
  /** Where the trace shows its beginning, it is not among what was there before. */
  seeded?: boolean;
  call?: Partial<EventOf<"bind">>;
  /** Another refused call than that bind. */
  refusal?: CallEvent;
  /** Who has the first owner: node[10], unless it says otherwise. */
  holders?: Holder[];
  header?: Partial<Header>;
}

/** The failure of node[20] at {@link AT}, after and with these events. */
export function refusedWith(events: readonly TraceEvent[], options: Refused = {}): FailureRecord {
  const { owners = [facts()], seeded = true, call = {}, refusal = refused(owners, { t: AT, ...call }) } = options;
  // Nobody's parent has changed since /proc told of it, unless a test says so.
  const parentOf = (pid: number) => events.find((event) => event.type === "process" && event.pid === pid) as EventOf<"process"> | undefined;
  const held = (options.holders ?? [holder(10)]).map((one) =>
    one.parent === USUAL_PARENT ? { ...one, parent: parentOf(one.pid)?.ancestors[0]?.pid ?? USUAL_PARENT } : one,
  );
  const sockets = [{ inode: owners[0]?.inode ?? 0, holders: held }];
  const found = holders(AT + 2 * MS, refusal, { sockets });
  const all = [...(seeded ? [seed(...owners)] : []), refusal, ...events].sort((a, b) => a.t - b.t);
  const failures = tell([...all, found], { header: header(options.header) }).of("failure");
  const failure = failures.at(-1);
  if (!failure) throw new Error("nothing was refused");
  return failure;
}

/** What is noted on it: the messages by their codes. */
export const noted = (events: readonly TraceEvent[], options: Refused = {}): Record<string, string> =>
  Object.fromEntries(refusedWith(events, options).notes.map(({ code, message }) => [code, message]));
