import { type CallEvent, type EventOf, type Header, portOf, requestedPort, type TraceEvent } from "./event.ts";
import type { Observer } from "./observer.ts";
import { inRanges, type PortRanges, rangeTexts } from "./port-ranges.ts";
import type { AbsenceRecord } from "./record.ts";

/** What a trace showed in which no bind was refused. */
export interface Seen {
  /** Binds and listens of these ports that passed. */
  binds: number;
  listens: number;
  /** Events that are known to be missing. */
  lost: number;
  /** The trace has come to its own end. */
  whole: boolean;
  command: Pick<EventOf<"command">, "code" | "signal"> | null;
}

/** Without one of these the kernel hook set does not see every bind. */
const NEEDED = ["__sys_bind", "inet_csk_get_port", "udp_lib_get_port"];

/** What it means that no bind of these ports was refused, in the words that the evidence allows. `ports`: all when there is none. */
export function absenceOf({ hooks, missingProbes }: Pick<Header, "hooks" | "missingProbes">, ports: PortRanges, seen: Seen): AbsenceRecord {
  const { binds, listens, lost, whole } = seen;
  const missing = missingProbes.filter((probe) => NEEDED.includes(probe));
  const limits = [
    ...(hooks === "kernel" ? [] : ["this hook set does not see 32-bit or io_uring binds"]),
    ...(missing.length > 0 ? [`some binds are not seen without ${missing.join(" and ")}`] : []),
    ...(lost > 0 ? [`${lost} ${lost === 1 ? "event was" : "events were"} lost`] : []),
    ...(whole ? [] : ["the trace ended early"]),
  ];
  const certain = limits.length === 0 && ports.length > 0;
  return {
    type: "absence",
    code: binds + listens === 0 ? "none-attempted" : "none-refused",
    certain,
    message: [outcome(ports, seen, certain), ...limits, ...complaint(ports, seen, certain)].join("; "),
  };
}

function outcome(ports: PortRanges, { binds, listens }: Seen, certain: boolean): string {
  const of = ports.length === 0 ? "" : ` of ${named(ports)}`;
  if (binds + listens === 0) return certain ? `no bind${of} was attempted` : `no bind${of} was seen`;
  const what = binds > 0 ? "bind" : "listen";
  return `every ${what}${of} ${certain ? "" : "that was seen "}passed (${binds > 0 ? binds : listens} seen)`;
}

/** What a program that failed may have meant. */
function complaint(ports: PortRanges, { command }: Seen, certain: boolean): string[] {
  if (!command || (command.signal === null && (command.code ?? 0) === 0)) return [];
  const how = command.signal === null ? `ended with exit code ${command.code}` : `was ended by ${command.signal}`;
  const other = ports.length === 0 ? "" : "another port, ";
  const these = ports.length === 0 ? "a port" : isOne(ports) ? "this one" : "these";
  return [
    `the command ${how}: if it complained of a port in use, that ${certain ? "was" : "may have been"} ${other}a unix socket, a test by connecting, ` +
      `or its own bookkeeping (a container engine's table, a lock file), ${certain ? "not" : "and not"} a bind of ${these}`,
  ];
}

const isOne = (ports: PortRanges) => ports.length === 1 && ports.every(([low, high]) => low === high);
const named = (ports: PortRanges) => `port${isOne(ports) ? "" : "s"} ${rangeTexts(ports).join(", ")}`;

/** Tells at the end of a trace, when nothing was refused, whether that is because nothing was tried. */
export class Absence implements Observer {
  readonly #header: Header;
  readonly #ports: PortRanges;
  #refused = false;
  #binds = 0;
  #listens = 0;
  #lost = 0;
  #whole = false;
  #command: Seen["command"] = null;

  /** `ports`: the ones that are asked about. */
  constructor(header: Header, ports: PortRanges) {
    this.#header = header;
    this.#ports = ports;
  }

  after(event: TraceEvent): AbsenceRecord[] {
    switch (event.type) {
      case "bind":
      case "listen":
        this.#call(event);
        break;
      case "lost":
        this.#lost += event.count;
        break;
      case "command":
        this.#command = event;
        break;
      case "end":
        this.#lost = Math.max(this.#lost, event.lost);
        this.#whole = !event.died;
        break;
      default:
    }
    return [];
  }

  explained(): AbsenceRecord[] {
    this.#refused = true;
    return [];
  }

  finish(): AbsenceRecord[] {
    const { filters, command } = this.#header;
    const asked = this.#ports.length > 0 || command !== null;
    // A trace of other ports says nothing of these.
    const traced = this.#ports.every(
      ([low, high]) => filters.ports.length === 0 || filters.ports.some(([from, to]) => low >= from && high <= to),
    );
    if (this.#refused || !asked || !traced) return [];
    const seen = { binds: this.#binds, listens: this.#listens, lost: this.#lost, whole: this.#whole, command: this.#command };
    return [absenceOf(this.#header, this.#ports, seen)];
  }

  #call(call: CallEvent): void {
    if (![requestedPort(call), portOf(call)].some((port) => inRanges(port, this.#ports))) return;
    if (call.errno !== null) this.#refused = true;
    else if (call.type === "bind") this.#binds++;
    else this.#listens++;
  }
}
