import { describe, expect, it } from "vitest";
import { COLUMNS, type FlatRow } from "../../src/core/flat-row.ts";
import type { OutputRecord } from "../../src/core/record.ts";
import { NdjsonReport } from "../../src/report/ndjson.ts";
import { destroy, facts, header, holders, MS, NETNS, refused, restart, seed, WALL } from "../helpers/events.ts";
import { exported, exportSample, linesOf, SAMPLES } from "../helpers/samples.ts";

const rowsIn = (text: string): FlatRow[] => text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
const rowsOf = async (events: Parameters<typeof exported>[1]) => rowsIn(await exported(header(), events, new NdjsonReport()));
/** What a row says, without what every row of the trace says and without what it says nothing of. */
const said = ({ trace, host, kernel, hooks, lost, time, ...row }: FlatRow) =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

const old = facts({ reuseAddr: true });
const failure = refused([old], { t: 10 * MS });
const story = [seed(old), failure, holders(12 * MS, failure), destroy(20 * MS)];

describe.each(SAMPLES)("the rows of sample %s", (name) => {
  const records: OutputRecord[] = linesOf(name, "report.jsonl").map((line) => JSON.parse(line));
  const of = <T extends OutputRecord["type"]>(type: T) =>
    records.filter((record): record is Extract<OutputRecord, { type: T }> => record.type === type);

  it("are one for each part of its report, in time order, each with every column", async () => {
    const rows = rowsIn(await exportSample(name, new NdjsonReport()));
    for (const row of rows) expect(Object.keys(row)).toEqual(COLUMNS);
    expect(rows.map(({ time }) => time)).toEqual(rows.map(({ time }) => time).sort());
    const some = (kind: FlatRow["kind"]) => rows.filter((row) => row.kind === kind);
    expect(some("refused").map(({ failure: id, rule, time }) => [id, rule, time])).toEqual(
      of("failure").map(({ id, rule, at }) => [id, rule, at]),
    );
    expect(some("blocker")).toHaveLength(of("failure").flatMap(({ blockers }) => blockers).length);
    expect(some("blocker").filter(({ freedNs }) => freedNs !== null)).toHaveLength(of("release").length);
    expect(some("attempts")).toHaveLength(of("attempts").length);
    expect(some("restart").map(({ downtimeNs }) => downtimeNs)).toEqual(of("restart").map(({ downtimeNs }) => downtimeNs));
    expect(some("trace").map(({ failures }) => failures)).toEqual(of("summary").map(({ failures }) => failures));
    expect(some("port").map(({ unavailableNs }) => unavailableNs)).toEqual(
      of("summary").flatMap(({ ports }) => ports.map(({ unavailableNs }) => unavailableNs)),
    );
  });
});

describe("a row", () => {
  it("says which trace it is of, and when it happened", async () => {
    const [row] = await rowsOf(story);
    expect(row).toMatchObject({
      trace: `server ${WALL}`,
      host: "server",
      kernel: "6.18.44",
      hooks: "tracepoint",
      lost: 0,
      time: WALL,
      t: 0,
    });
    const whole = await rowsOf(restart());
    expect(whole[0]).toMatchObject({ kind: "trace", lastedNs: 60_003 * MS });
    const [last] = whole.slice(-1);
    expect(last).toMatchObject({ time: "2026-11-22T14:04:00.000000000Z", t: 60_000 * MS, lost: 3 });
  });

  it("is flat, whatever it is about", async () => {
    const all = await rowsOf(story);
    const port = { netns: NETNS, protocol: "tcp", port: 8080 };
    const s1 = { ...port, socket: "s1", address: "0.0.0.0" };
    const freed = { freedNs: 10 * MS, freedVia: "unknown" };
    const verdict = { failure: "f1", rule: "listening" };
    expect(all.map(said)).toEqual([
      { t: 0, kind: "trace", failures: 1 },
      { t: 0, kind: "there", ...s1, state: "LISTEN" },
      { t: 0, kind: "port", ...port, failures: 1, unavailableNs: 10 * MS },
      {
        ...{
          t: 10 * MS,
          kind: "refused",
          ...s1,
          socket: "s2",
          pid: 20,
          comm: "node",
          uid: 1000,
          fd: 18,
          reuseAddr: false,
          reusePort: false,
        },
        ...{ ...verdict, operation: "bind", errno: "EADDRINUSE", evidence: "bucket", confidence: "exact", repeats: 0 },
        ...{ advice: "close-owner reuseport-on-both", blocker: "s1", blockerState: "LISTEN", blockerPid: 10, blockerComm: "node" },
        ...{ blockerCommand: "node server.js", blockers: 1, nature: "process", ...freed },
      },
      {
        ...{ t: 10 * MS, kind: "blocker", ...s1, ...verdict, state: "LISTEN", uid: 1000, reuseAddr: true, reusePort: false },
        ...{ nature: "process", decisive: true, ...freed },
      },
      { t: 10 * MS, kind: "holder", ...s1, failure: "f1", pid: 10, comm: "node", command: "node server.js", fd: 18, via: "unknown" },
      { t: 20 * MS, kind: "released", ...s1, state: "LISTEN", pid: 10, comm: "node", detail: "unknown" },
    ]);
  });

  it("of a refused call has the holders that were found after it had been reported", async () => {
    const none = holders(12 * MS, failure, { complete: false, sockets: [] });
    const late = holders(90 * MS, failure, { late: true });
    const rows = await rowsOf([seed(old), failure, none, late]);
    expect(rows.filter(({ kind }) => kind === "holder").map(({ failure: id, pid }) => [id, pid])).toEqual([["f1", 10]]);
    expect(rows.find(({ kind }) => kind === "refused")?.blockerPid).toBe(10);
  });
});
