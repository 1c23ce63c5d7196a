import { jsonLine } from "../base/json-line.ts";
import { isoTime, type Nanos, parseIsoTime } from "../base/nanoseconds.ts";
import { endpoint } from "../core/address.ts";
import type { EventOf, Header } from "../core/event.ts";
import { COLUMNS, type FlatRow } from "../core/flat-row.ts";
import { type PlaceKey, placeKey } from "../core/party.ts";
import type { HolderRecord, ProcessRecord } from "../core/process-record.ts";
import type { AbsenceRecord, AttemptsRecord, BlockerRecord, OutputRecord, RestartRecord, SummaryRecord } from "../core/record.ts";
import type { PortTimeline, Row } from "../core/timeline.ts";
import { nanosBetween } from "./block.ts";
import type { Report } from "./text-report.ts";
import { type ToldFailure, ToldFailures } from "./told-failures.ts";

/** What every row of a trace has. */
type Trace = Pick<FlatRow, "trace" | "host" | "kernel" | "hooks" | "lost">;
/** What a row says beside that: the rest is null. */
type Said = Partial<FlatRow> & Pick<FlatRow, "kind" | "time">;
/** A refused call has rows of its own. */
type ToldRow = Row & { kind: Exclude<Row["kind"], "refused"> };
/** A line that is yet to be written. A timeline may have millions of rows: what they say is put together one at a time. */
type Line = { t: Nanos } & ({ said: Said } | { row: ToldRow; of: PortTimeline });

/** Every column, in its order. */
const NOTHING = Object.fromEntries(COLUMNS.map((column) => [column, null]));

/** The report as a table: one flat JSON object a line, in time order. */
export class NdjsonReport implements Report {
  readonly #failures = new ToldFailures();
  readonly #stories: (AttemptsRecord | RestartRecord)[] = [];
  #counts: Pick<SummaryRecord, "failures" | "lost"> = { failures: 0, lost: 0 };
  readonly #unavailable = new Map<PlaceKey, Nanos>();
  #absence: AbsenceRecord | undefined;

  write(record: OutputRecord): string {
    this.#failures.take(record);
    if (record.type === "attempts" || record.type === "restart") this.#stories.push(record);
    if (record.type === "summary") this.#sum(record);
    if (record.type === "absence") this.#absence = record;
    return "";
  }

  *end(header: Header, timelines: readonly PortTimeline[], end?: EventOf<"end">): Iterable<string> {
    const { host, kernel, hooks, clock } = header;
    const trace: Trace = { trace: `${host} ${clock.wall}`, host, kernel: kernel.release, hooks, lost: this.#counts.lost };
    const anchor = parseIsoTime(clock.wall) ?? 0n;
    const iso = (t: Nanos) => isoTime(anchor, t);
    const told = (said: Said): Line => ({ t: Number((parseIsoTime(said.time) ?? anchor) - anchor), said });
    const lines: Line[] = [
      told(this.#traceRow(clock.wall, end)),
      ...timelines.flatMap(timelineLines),
      ...this.#failures.all.flatMap(failureRows).map(told),
      ...this.#stories.map((story) => told(story.type === "attempts" ? attemptsRow(story) : restartRow(story))),
      ...this.#portRows(timelines, iso).map(told),
    ];
    lines.sort((a, b) => a.t - b.t);
    for (const line of lines) {
      const said = "said" in line ? line.said : timelineRow(line, iso);
      yield jsonLine({ ...NOTHING, ...trace, ...said, t: line.t });
    }
  }

  /** It names every socket that there was: only what is asked for is kept. */
  #sum({ failures, lost, ports }: SummaryRecord): void {
    this.#counts = { failures, lost };
    for (const port of ports) this.#unavailable.set(placeKey(port), port.unavailableNs);
  }

  #traceRow(time: string, end: EventOf<"end"> | undefined): Said {
    const { failures } = this.#counts;
    return { kind: "trace", time, failures, detail: this.#absence?.code ?? null, lastedNs: end?.t ?? null };
  }

  #portRows(timelines: readonly PortTimeline[], iso: (t: Nanos) => string): Said[] {
    const failures = new Map<PlaceKey, number>();
    for (const { record } of this.#failures.all) failures.set(placeKey(record), (failures.get(placeKey(record)) ?? 0) + 1);
    return timelines.map((timeline) => {
      const { netns, protocol, port, rows } = timeline;
      const time = iso(rows.reduce((first, { t }) => Math.min(first, t), Number.POSITIVE_INFINITY));
      const place = placeKey(timeline);
      return {
        kind: "port",
        time,
        netns,
        protocol,
        port,
        failures: failures.get(place) ?? 0,
        unavailableNs: this.#unavailable.get(place) ?? null,
      };
    });
  }
}

const timelineLines = (of: PortTimeline): Line[] =>
  of.rows.flatMap((row) => (row.kind === "refused" ? [] : [{ t: row.t, row: row as ToldRow, of }]));

function timelineRow({ row, of }: { row: ToldRow; of: PortTimeline }, iso: (t: Nanos) => string): Said {
  const { kind, t, socket, state, process, detail } = row;
  const { netns, protocol, port } = of;
  return {
    ...{ kind, time: iso(t), netns, protocol: socket?.facts.protocol ?? protocol, port },
    ...(socket && { socket: socket.id, address: socket.facts.address, peer: peerText(socket.facts.peer) }),
    ...{ state, pid: process?.pid ?? null, comm: process?.comm ?? null, detail: detail || null },
  };
}

const peerText = (peer: { address: string; port: number } | null) => peer && endpoint(peer.address, peer.port);

/** The refused call, each of its blockers, and each of their holders. */
function failureRows(told: ToldFailure): Said[] {
  const { at, id: failure, netns, protocol, port, address, binder, blockers, advice, ...record } = told.record;
  const { operation, errno, rule, evidence, confidence, repeats } = record;
  const [blocker] = blockers;
  const [holder] = blocker?.holders ?? [];
  const where = { time: at, failure, netns, protocol, port };
  const refused: Said = {
    ...where,
    kind: "refused",
    address,
    socket: binder.socket,
    pid: binder.pid,
    comm: binder.comm,
    ...runsAs(binder.process),
    uid: binder.socketUid,
    fd: binder.fd,
    reuseAddr: binder.reuseAddr,
    reusePort: binder.reusePort,
    ...{ operation, errno, rule, evidence, confidence, repeats },
    advice: advice.flatMap(({ code, wouldBind }) => (wouldBind ? [code] : [])).join(" ") || null,
    blocker: blocker?.socket ?? null,
    blockerState: blocker?.state ?? null,
    blockerPid: holder?.pid ?? null,
    blockerComm: holder?.comm ?? null,
    blockerCommand: holder?.command ?? null,
    blockers: blockers.length,
    nature: blocker?.nature ?? null,
    ...freed(told, blocker),
  };
  return [refused, ...blockers.flatMap((one) => blockerRows(told, one, where))];
}

/** How long it lasted. */
function freed({ record, releases }: ToldFailure, blocker: BlockerRecord | undefined): Partial<FlatRow> {
  const release = blocker && releases.get(blocker.socket);
  const expiresAt = blocker?.expiresAt ?? null;
  return {
    freedNs: release?.afterNs ?? null,
    freedVia: release?.via ?? null,
    timeWaitNs: expiresAt === null ? null : nanosBetween(record.at, expiresAt),
  };
}

function blockerRows(told: ToldFailure, blocker: BlockerRecord, where: Pick<Said, "time" | "failure" | "netns" | "port">): Said[] {
  const { socket, protocol, state, address, peer, socketUid: uid, reuseAddr, reusePort, rule, nature, decisive, holders } = blocker;
  const is = { ...where, protocol, socket, address, peer: peerText(peer) };
  const holderRow = ({ pid, comm, command, fd, via, process }: HolderRecord): Said => ({
    ...is,
    kind: "holder",
    pid,
    comm,
    ...runsAs(process),
    command,
    fd,
    via,
  });
  return [
    { ...is, kind: "blocker", state, uid, reuseAddr, reusePort, rule, nature, decisive, ...freed(told, blocker) },
    ...holders.map(holderRow),
  ];
}

function runsAs(process: ProcessRecord | null): Pick<FlatRow, "program" | "command" | "unit" | "container" | "pod"> {
  const { program = null, command = null, unit = null, container = null, pod = null } = process ?? {};
  return { program, command, unit, container, pod };
}

function attemptsRow(story: AttemptsRecord): Said {
  const { netns, protocol, port, address, operation, failures, lastedNs, bound } = story;
  const [binder] = story.binders;
  return {
    ...{ kind: "attempts", time: story.first, netns, protocol, port, address, operation, failures, lastedNs },
    ...{ socket: bound?.socket ?? null, pid: binder?.pid ?? null, comm: binder?.comm ?? null, blockers: story.blockers.length },
  };
}

function restartRow({ netns, protocol, port, address, to, phases, downtimeNs, slowest }: RestartRecord): Said {
  const [first, last] = [phases[0]?.at ?? "", phases.at(-1)?.at ?? ""];
  return {
    ...{ kind: "restart", time: first, netns, protocol, port, address, socket: to, lastedNs: nanosBetween(first, last) },
    ...{ detail: slowest?.phase ?? null, stepNs: slowest?.ns ?? null, downtimeNs },
  };
}
