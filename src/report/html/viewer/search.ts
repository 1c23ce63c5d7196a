import type { EventItem, FailureItem, ProcessItem } from "../model.ts";

/** One word of a search; all of them must be found. */
export interface Term {
  key: "pid" | "comm" | "port" | null;
  /** In lower case. */
  value: string;
}

/** `pid:9412 node` looks for that process, and for node in names and sentences. A bare number is a pid or a port. */
export function termsOf(query: string): Term[] {
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => {
      const [, key, value] = /^(pid|comm|port):(.*)$/.exec(word) ?? [];
      return key && value ? { key: key as "pid" | "comm" | "port", value } : { key: null, value: word };
    });
}

/** What a search looks at. */
interface Subject {
  ports: readonly number[];
  processes: readonly ProcessItem[];
  /** Ids of sockets and failures: found whole only. */
  ids: readonly string[];
  text: string;
}

function fits({ key, value }: Term, { ports, processes, ids, text }: Subject): boolean {
  const isPid = () => processes.some(([pid]) => `${pid}` === value);
  const isPort = () => ports.some((port) => `${port}` === value);
  if (key === "pid") return isPid();
  if (key === "port") return isPort();
  if (key === "comm") return processes.some(([, comm]) => comm.toLowerCase().includes(value));
  if (/^\d+$/.test(value)) return isPid() || isPort();
  return ids.includes(value) || processes.some(([, comm]) => comm.toLowerCase().includes(value)) || text.toLowerCase().includes(value);
}

/** Whether every word is found. `processes`: those that the item refers to. */
export function failureFits(terms: readonly Term[], failure: FailureItem, processes: readonly ProcessItem[]): boolean {
  const subject = { ports: failure.ports, processes, ids: [failure.id, ...failure.sockets], text: `${failure.rule} ${failure.head}` };
  return terms.every((term) => fits(term, subject));
}

/** `socket`: the name of the socket that the event is about, empty where there is none. */
export function eventFits(
  terms: readonly Term[],
  event: EventItem,
  port: number,
  process: ProcessItem | undefined,
  socket: string,
): boolean {
  const subject = { ports: [port], processes: process ? [process] : [], ids: [socket], text: event[6] };
  return terms.every((term) => fits(term, subject));
}
