import { describe, expect, it } from "vitest";
import type { EventOf, Header, TraceEvent } from "../../../src/core/event.ts";
import { Story } from "../../../src/core/story.ts";
import type { Row } from "../../../src/core/timeline.ts";
import { failureFields, releaseText } from "../../../src/report/failure.ts";
import { HtmlReport } from "../../../src/report/html/html-report.ts";
import { BEGIN_SEEN, type Contents, END_SEEN, type Part } from "../../../src/report/html/model.ts";
import { Store } from "../../../src/report/html/viewer/store.ts";
import type { TextOptions } from "../../../src/report/text.ts";
import { rowText } from "../../../src/report/timeline.ts";
import { smallTrace } from "../../browser/small-trace.ts";
import { end, failureOf, header, holders, MS, refused, restart, seed, tell, timeWait } from "../../helpers/events.ts";

const WHOLE: TextOptions = { color: false, width: Number.POSITIVE_INFINITY, ascii: false, offsetMinutes: 60, whole: true };

function htmlOf(events: readonly TraceEvent[], { last = undefined as EventOf<"end"> | undefined, head = header() as Header } = {}): string {
  const report = new HtmlReport(head, { script: "", sha256: () => "" });
  const story = new Story(head, { reports: () => true });
  const records = [...story.begin(), ...events.flatMap((event) => story.apply(event)), ...story.finish()];
  expect(records.map((record) => report.write(record)).join("")).toBe("");
  return report.end(head, story.timelines(), last);
}

/** What the viewer gets to read. */
function storeOf(html: string): Store {
  const store = new Store();
  for (const [, json = ""] of html.matchAll(/<script type="application\/json">(.*)<\/script>/g)) store.add(JSON.parse(json) as Part);
  return store;
}
const contentsOf = (...args: Parameters<typeof htmlOf>): Contents => storeOf(htmlOf(...args)).contents;
const BOTH = BEGIN_SEEN | END_SEEN;

describe("what a page carries", () => {
  const last = end(600 * MS);
  const contents = contentsOf(smallTrace(), { last });

  it("begins with what was recorded", () => {
    expect(contents.head).toEqual([
      {
        ...{ summary: "3 refused, 3 explained", refused: 3, explained: 3, lost: 0, cautions: [] },
        ...{ from: 100 * MS, to: 512 * MS, midnight: (15 * 3600 + 3 * 60) * 1000 * MS },
        facts: [
          ...[
            ["kernel", "6.18.44"],
            ["hook set", "tracepoint"],
            ["bpftrace", "0.17.0"],
            ["ports", "8080"],
            ["host", "server"],
          ],
          ["armed", "2026-11-22 15:03:00.000 Europe/Berlin"],
          ["ended", "2026-11-22 15:03:00.600 Europe/Berlin, Ctrl-C"],
        ],
      },
    ]);
  });

  it("has a lane for each socket, and its bars as far as they were seen", () => {
    expect(contents.lanes).toEqual([
      [0, 0, "s1", "0.0.0.0:8080", "node[10]"],
      [0, 1, "s2", "192.0.2.1:8080 to 192.0.2.7:40000", ""],
      [0, 2, "s4", "0.0.0.0:8080", "node[20]"],
    ]);
    expect(contents.bars).toEqual([
      [0, 1, 100 * MS, 102 * MS, BOTH],
      [0, 0, 102 * MS, 501 * MS, BOTH],
      [0, 1, 501 * MS, 502 * MS, BOTH],
      [1, 2, 150 * MS, 480 * MS, END_SEEN],
      [1, 1, 480 * MS, 481 * MS, BOTH],
      [2, 1, 510 * MS, 512 * MS, BOTH],
      [2, 0, 512 * MS, null, BOTH],
    ]);
    expect(contents.gaps).toEqual([[0, 501 * MS, 512 * MS, "nobody listened for 11 ms", "11 ms"]]);
  });

  it("leads from each refused call to its failure and to the lanes that were in its way", () => {
    expect(contents.refusals).toEqual([
      [0, 200 * MS, 0, [0]],
      [0, 300 * MS, 1, [0]],
      [0, 400 * MS, 2, [0]],
    ]);
    expect(contents.failures.map(({ id, t, port, repeated, at }) => [id, t, port, repeated, at])).toEqual([
      ["f1", 200 * MS, 0, false, "15:03:00.200"],
      ["f2", 300 * MS, 0, true, "15:03:00.300"],
      ["f3", 400 * MS, 0, true, "15:03:00.400"],
    ]);
  });

  it("has every event in time order, with its port, lane, process and failure", () => {
    expect(contents.processes).toEqual([
      [20, "node"],
      [10, "node"],
    ]);
    const rows = [...tell(smallTrace()).rows].sort((a, b) => a.t - b.t);
    expect(contents.events).toEqual(
      [
        [0, 100, "lane", 0, 1, -1],
        [0, 102, "lane", 0, 1, -1],
        [0, 150, "lane", 1, -1, -1],
        [0, 200, "refused", -1, 0, 0],
        [0, 300, "refused", -1, 0, 1],
        [0, 400, "refused", -1, 0, 2],
        [0, 480, "lane", 1, -1, -1],
        [0, 481, "lane", 1, 1, -1],
        [0, 481, "lane", 1, -1, -1],
        [0, 500, "exited", -1, 1, -1],
        [0, 501, "lane", 0, -1, -1],
        [0, 502, "lane", 0, 1, -1],
        [0, 510, "lane", 2, 0, -1],
        [0, 512, "lane", 2, 0, -1],
      ].map(([port, t, ...rest], index) => [port, Number(t) * MS, ...rest, rowText(rows[index] as Row, WHOLE)]),
    );
  });

  it("tells of retries and restarts with the words of the text report", () => {
    expect(contents.stories).toEqual([
      {
        ...{ kind: "good", from: 200 * MS, to: 510 * MS, at: "15:03:00.510", steps: [] },
        text: "node[20] bound 0.0.0.0:8080 at the 4th attempt: 3 refused over 310 ms, all blocked by s1",
      },
      {
        ...{ kind: "restart", from: 180 * MS, to: 511 * MS, at: "15:03:00.180" },
        text: "restart of 0.0.0.0:8080: nobody listened for 10 ms",
        steps: [
          ["15:03:00.180", "", "SIGTERM to node[10], from bash[5]", false],
          ["15:03:00.481", "+ 301 ms", "s2, the last known connection, was gone", true],
          ["15:03:00.500", "+ 19 ms", "node[10] exited (code 0)", false],
          ["15:03:00.501", "+ 1 ms", "the listener s1 went with node[10]", false],
          ["15:03:00.502", "+ 1 ms", "the port was free of s1", false],
          ["15:03:00.510", "+ 8 ms", "node[20] bound s4", false],
          ["15:03:00.511", "+ 1 ms", "node[20] listened on s4", false],
        ],
      },
    ]);
  });

  it("names each text and each process once", () => {
    expect(new Set(contents.texts).size).toBe(contents.texts.length);
    expect(contents.texts.length).toBeLessThan(60);
  });
});

describe("the panel of a failure", () => {
  /** Label and lines of each section, and the table. */
  function panelOf(...events: TraceEvent[]) {
    const store = storeOf(htmlOf(events));
    const [failure] = store.contents.failures;
    if (!failure) throw new Error("no failure");
    const sections = failure.sections.map(([label, lines]): [string, string[]] => [store.texts([label])[0] ?? "", store.texts(lines)]);
    return { failure, sections, options: failure.options.map((row) => store.texts(row)) };
  }
  const section = (sections: [string, string[]][], name: string) => sections.find(([label]) => label === name)?.[1];

  it("says what the text report says, all of it, and how its blockers let go", () => {
    const { sections } = panelOf(...restart());
    const [record] = tell(restart()).of("failure");
    const [release] = tell(restart()).of("release");
    if (!record || !release) throw new Error("nothing to compare with");
    const said = failureFields(record, WHOLE);
    expect(sections.slice(0, -4).flatMap(([, lines]) => lines)).toEqual(said.map(([, text]) => text));
    expect(sections.slice(-4).map(([label]) => label)).toEqual(["certainty", "evidence", "refused", "released"]);
    expect(section(sections, "released")).toEqual([releaseText(release, WHOLE)]);
  });

  it("says what the verdict rests on, and how sure it is", () => {
    const { sections } = panelOf(...smallTrace());
    expect(section(sections, "certainty")).toEqual(["exact"]);
    expect(section(sections, "evidence")).toEqual(["a look at the owners of the port; 2 owners counted"]);
    const denied = panelOf(refused([], { errno: "EACCES", walk: null }));
    expect(section(denied.sections, "evidence")).toEqual(["no socket is blamed"]);
  });

  it("sets the options of both sides beside each other, and leaves out what nobody has", () => {
    const { options } = panelOf(...smallTrace());
    expect(options).toEqual([
      ["", "s3 (refused)", "s1"],
      ["SO_REUSEADDR", "yes", "yes"],
      ["SO_REUSEPORT", "no", "no"],
      ["uid", "1000", "1000"],
      ["inode", "200", "100"],
    ]);
  });

  it("names every blocker, also beyond those of the text report", () => {
    const owners = Array.from({ length: 12 }, (_, index) =>
      timeWait({ sk: 10 + index, peer: { address: "192.0.2.7", port: 40_000 + index } }),
    );
    const refusal = refused(owners, { t: 10 * MS });
    const { sections, options } = panelOf(seed(...owners), refusal, holders(12 * MS, refusal, { sockets: [] }));
    expect(sections.filter(([label]) => label === "blocked by")).toHaveLength(12);
    expect(options[0]).toHaveLength(8);
    const { blockers } = failureOf(seed(...owners), refusal, holders(12 * MS, refusal, { sockets: [] }));
    expect(blockers).toHaveLength(12);
  });
});

describe("the head of a page", () => {
  it("says what is missing: lost events, an early end, a cut recording", () => {
    const cautions = (options: Parameters<typeof htmlOf>[1]) => contentsOf(smallTrace(), options).head[0]?.cautions;
    expect(cautions({})).toEqual(["the trace was cut: its recording ended without a last line"]);
    expect(cautions({ last: end(600 * MS) })).toEqual([]);
    expect(cautions({ last: end(600 * MS, { died: true, reason: "bpftrace\u202e ended" }) })).toEqual([
      "the recording ended early: bpftrace\\u{202e} ended",
    ]);
  });

  it("says of a trace without refusals what the text report says", () => {
    const quiet = smallTrace().filter((event) => !("errno" in event && event.errno !== null));
    expect(contentsOf(quiet, { last: end(600 * MS) }).head[0]).toMatchObject({
      summary: "every bind of port 8080 that was seen passed (2 seen); this hook set does not see 32-bit or io_uring binds",
      refused: 0,
    });
  });

  it("is there for an empty trace, too", () => {
    const { head, ports, events } = contentsOf([end(5 * MS)], { last: end(5 * MS) });
    expect([head[0]?.from, head[0]?.to, ports, events]).toEqual([0, 5 * MS, [], []]);
  });
});
