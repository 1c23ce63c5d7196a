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

/** The report as a table: one flat JSON object a line, in time order. */
export class NdjsonReport implements Report {
  readonly #failures = new ToldFailures();
  readonly #stories: (AttemptsRecord | RestartRecord)[] = [];
  #summary: SummaryRecord | undefined;
  #absence: AbsenceRecord | undefined;

  write(record: OutputRecord): string {
    this.#failures.take(record);
    if (record.type === "attempts" || record.type === "restart") this.#stories.push(record);
    if (record.type === "summary") this.#summary = record;
    if (record.type === "absence") this.#absence = record;
    return "";
  }

  *end(header: Header, timelines: readonly PortTimeline[], end?: EventOf<"end">): Iterable<string> {
    const { host, kernel, hooks, clock } = header;
    const trace: Trace = { trace: `${host} ${clock.wall}`, host, kernel: kernel.release, hooks, lost: this.#summary?.lost ?? 0 };
    const anchor = parseIsoTime(clock.wall) ?? 0n;
    const iso = (t: Nanos) => isoTime(anchor, t);
    const rows: { said: Said; t: Nanos }[] = [
      this.#traceRow(clock.wall, end),
      ...timelines.flatMap((timeline) => timelineRows(timeline, iso)),
      ...this.#failures.all.flatMap(failureRows),
      ...this.#stories.map((story) => (story.type === "attempts" ? attemptsRow(story) : restartRow(story))),
      ...this.#portRows(timelines, iso),
    ].map((said) => ({ said, t: Number((parseIsoTime(said.time) ?? anchor) - anchor) }));
    rows.sort((a, b) => a.t - b.t);
    for (const { said, t } of rows) {
      const row: Partial<FlatRow> = { ...trace, ...said, t };
      yield jsonLine(Object.fromEntries(COLUMNS.map((column) => [column, row[column] ?? null])));
    }
  }

  #traceRow(time: string, end: EventOf<"end"> | undefined): Said {
    const { failures = 0 } = this.#summary ?? {};
    return { kind: "trace", time, failures, detail: this.#absence?.code ?? null, lastedNs: end?.t ?? null };
  }

  #portRows(timelines: readonly PortTimeline[], iso: (t: Nanos) => string): Said[] {
    const failures = new Map<PlaceKey, number>();
    for (const { record } of this.#failures.all) failures.set(placeKey(record), (failures.get(placeKey(record)) ?? 0) + 1);
    const unavailable = new Map(this.#summary?.ports.map((port) => [placeKey(port), port.unavailableNs]));
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
        unavailableNs: unavailable.get(place) ?? null,
      };
    });
  }
}

function timelineRows({ netns, protocol, port, rows }: PortTimeline, iso: (t: Nanos) => string): Said[] {
  return rows
    .filter((row): row is Row & { kind: Exclude<Row["kind"], "refused"> } => row.kind !== "refused")
    .map(({ kind, t, socket, state, process, detail }) => ({
      ...{ kind, time: iso(t), netns, protocol: socket?.facts.protocol ?? protocol, port },
      ...(socket && { socket: socket.id, address: socket.facts.address, peer: peerText(socket.facts.peer) }),
      ...{ state, pid: process?.pid ?? null, comm: process?.comm ?? null, detail: detail || null },
    }));
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
