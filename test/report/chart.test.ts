import { describe, expect, it } from "vitest";
import { chartOf } from "../../src/core/chart.ts";
import type { Socket } from "../../src/core/socket.ts";
import type { PortTimeline, Row } from "../../src/core/timeline.ts";
import { drawChart } from "../../src/report/chart.ts";
import type { KnownHolders } from "../../src/report/chart-lanes.ts";
import { type TextOptions, textWidth } from "../../src/report/text.ts";
import { connection, header, MS, NETNS } from "../helpers/events.ts";
import { visible } from "./hostile.ts";
import { row, socketNamed } from "./timelines.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 0 };
const opener = (pid: number, comm = "node") => ({ process: { pid }, comm, fd: 18 }) as Socket["opener"];
const node = (pid: number) => ({ pid, comm: "node" });

interface Drawn {
  options?: Partial<TextOptions>;
  holders?: KnownHolders;
  protocol?: PortTimeline["protocol"];
}
/** The lines of the chart of these rows, whose sockets have lanes but for those that were only refused. */
function draw(rows: Row[], { options = {}, holders = new Map(), protocol = "tcp" }: Drawn = {}): string[] {
  const lanes = [...new Set(rows.flatMap(({ kind, socket }) => (socket && kind !== "refused" ? [socket] : [])))];
  return drawChart(chartOf({ netns: NETNS, protocol, port: 8080, rows, lanes, reported: true }), holders, header(), {
    ...PLAIN,
    ...options,
  }).text;
}

const old = socketNamed("s1");
const client = socketNamed("s2", { facts: connection(), opener: null, destroyedAt: 451 * MS });
const next = socketNamed("s6", { opener: opener(20) });
const binder = socketNamed("s3");
const bound = (t: number, socket: Socket) => row(t, "bound", socket, { state: "BOUND" });
const listens = (t: number, socket: Socket) => row(t, "listening", socket, { state: "LISTEN" });
const there = (t: number, socket: Socket) => row(t, "there", socket, { state: "ESTABLISHED" });
const released = (t: number, socket: Socket) => row(t, "released", socket, { state: "BOUND" });
const refused = (t: number, blockers: Socket[], process: Row["process"] = node(20)) =>
  row(t, "refused", binder, { state: "BOUND", process, blockers });

/** A server that ends only after its last connection, and the next one that tries meanwhile. */
const restart = [
  bound(0, old),
  listens(40_000, old),
  there(34 * MS, client),
  ...[100, 200, 400].map((t) => refused(t * MS, [old])),
  row(450 * MS, "state", client, { state: "CLOSE" }),
  row(451 * MS, "gone", client, { state: "CLOSE" }),
  row(460 * MS, "stopped-listening", old, { state: "BOUND" }),
  released(460 * MS + 30_000, old),
  bound(1660 * MS, next),
  listens(1660 * MS + 20_000, next),
];

describe("the chart of a restart", () => {
  it("shows at 80 columns what lay across each refused bind, and for how long nobody listened", () => {
    expect(draw(restart)).toEqual([
      "                         14:03:00.000        14:03:00.200           14:03:01.660",
      "                         ┬┬34 ms┬66 ms┬100 ms┬200 ms┬50 ms┬1 ms┬9 ms┬┬1.20 s┬┬",
      "s1 0.0.0.0:8080 node[10] ├┾━━━━━━━━━━━◆━━━━━━◆━━━━━━◆━━━━━━━━━━━━━━━┽┤",
      "s2 192.0.2.1:8080 →             ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼────?",
      "   192.0.2.7:40000                    │      │      │",
      "✗  node[20], 3 refused                ✗      ✗      ✗",
      "s6 0.0.0.0:8080 node[20]                                                    ├┾━━",
      "nobody listens                                                      ├─1.20 s─┤",
      "  ━ listening   ─ bound   ╌ connected   ✗ refused   ◆ blocked it",
      "  ? begin or end not seen",
    ]);
  });

  it("keeps at 40 columns the longest pauses, and says which columns stand for several changes", () => {
    expect(draw(restart, { options: { width: 40 } })).toEqual([
      "                14:03:00.000",
      "                ╥┬┬┬200 ms┬╥1.20 s╥",
      "s1 0.0.0.0:8080 ┝━◆◆━━━━━━◆┥",
      "   node[10]       ││      │",
      "s2 192.0.2.1:80  ?╌╌╌╌╌╌╌╌╌?",
      "   80 →           ││      │",
      "   192.0.2.7:40   ││      │",
      "   000            ││      │",
      "✗  node[20], 3    ✗✗      ✗",
      "   refused",
      "s6 0.0.0.0:8080                   ┝━━━━━",
      "   node[20]",
      "nobody listens             ├1.20 s┤",
      "  ━ listening   ─ bound   ╌ connected",
      "  ✗ refused   ◆ blocked it",
      "  ? begin or end not seen",
      "  ╥ several changes within 10 ms",
    ]);
  });

  it("has at 200 columns room for every pause, the more the longer it is", () => {
    expect(draw(restart, { options: { width: 200 } })).toEqual([
      "                                    14:03:00.000           14:03:00.034     14:03:00.100       14:03:00.200         14:03:00.400     14:03:00.450         14:03:00.460                      14:03:01.660",
      "                                    ┬40 µs─┬─────34 ms─────┬─────66 ms──────┬──────100 ms──────┬───────200 ms───────┬─────50 ms──────┬──1 ms──┬───9 ms────┬30 µs─┬─────────1.20 s─────────┬20 µs┬",
      "s1 0.0.0.0:8080 node[10]            ├──────┾━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┽──────┤",
      "s2 192.0.2.1:8080 → 192.0.2.7:40000                        ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼────────?",
      "✗  node[20], 3 refused                                                      ✗                  ✗                    ✗",
      "s6 0.0.0.0:8080 node[20]                                                                                                                                                                  ├─────┾━━━━━━━",
      "nobody listens                                                                                                                                            ├───────────────1.20 s────────────────┤",
      "  ━ listening   ─ bound   ╌ connected   ✗ refused   ◆ blocked it   ? begin or end not seen",
    ]);
  });

  it("tells all of it in ASCII too", () => {
    expect(draw(restart, { options: { ascii: true } })).toEqual([
      "                         14:03:00.000        14:03:00.200           14:03:01.660",
      "                         ++34 ms+66 ms+100 ms+200 ms+50 ms+1 ms+9 ms++1.20 s++",
      "s1 0.0.0.0:8080 node[10] [+===========*======*======*===============+]",
      "s2 192.0.2.1:8080 ->            ?~~~~~~~~~~~~~~~~~~~~~~~~~+----?",
      "   192.0.2.7:40000                    |      |      |",
      "x  node[20], 3 refused                x      x      x",
      "s6 0.0.0.0:8080 node[20]                                                    [+==",
      "nobody listens                                                      |-1.20 s-|",
      "  = listening   - bound   ~ connected   x refused   * blocked it",
      "  ? begin or end not seen",
    ]);
  });

  it("adds nothing but colour with colour: the refusals, what blocked them, and the gap are red", () => {
    const painted = draw(restart, { options: { color: true } });
    expect(painted.map(visible)).toEqual(draw(restart));
    expect(painted[2]).toContain(`━${"\u001b[31m◆\u001b[39m"}━`);
    expect(painted[5]).toMatch(/^✗ {2}node\[20\], 3 refused +(\S{5}✗\S{5} *){3}$/);
    expect(painted[7]).toContain("\u001b[31m├─1.20 s─┤\u001b[39m");
  });

  it("names beside the lane who bound the socket and who was found to have it", () => {
    const holders = new Map([["s1", [node(10), node(11), node(12)]]]);
    expect(draw(restart, { holders }).slice(2, 4)).toEqual([
      "s1 0.0.0.0:8080 node[10], ├┾━━━━━━━━━━━◆━━━━━━◆━━━━━━◆━━━━━━━━━━━┽┤",
      "   node[11], 1 more                    │      │      │",
    ]);
  });
});

describe("what says nothing", () => {
  it("of equal refusals is left out between the first and the last", () => {
    const many = Array.from({ length: 20 }, (_, index) => refused((100 + 10 * index) * MS, [old]));
    expect(draw([bound(0, old), listens(40_000, old), ...many, released(400 * MS, old)])).toEqual([
      "                         14:03:00.000         14:03:00.100          14:03:00.400",
      "                         ┬40 µs┬────100 ms────┬────190 ms─────┬────110 ms────┬",
      "s1 0.0.0.0:8080 node[10] ├─────┾━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━━◆━━━━━━━━━━━━━━┥",
      "✗  node[20], 20 refused                       ✗    18 more    ✗",
      "  ━ listening   ─ bound   ✗ refused   ◆ blocked it",
    ]);
  });

  it("of connections that blocked nothing is left out, but for those that lasted longest", () => {
    const clients = Array.from({ length: 50 }, (_, index) =>
      socketNamed(`s${index + 10}`, { facts: connection({ peer: { address: "192.0.2.7", port: 40_000 + index } }), opener: null }),
    );
    const rows = clients.flatMap((one, index) => [there((10 + index) * MS, one), released((11 + 3 * index) * MS, one)]);
    expect(draw([bound(0, old), listens(40_000, old), ...rows])).toEqual([
      "                          14:03:00.000     14:03:00.057             14:03:00.158",
      "                          ┬40 µs┬56 ms┬1 ms┬1 ms┬1 ms┬90 ms┬3 ms┬3 ms┬3 ms┬",
      "s1  0.0.0.0:8080 node[10] ├─────┾━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
      "s56 192.0.2.1:8080 →                  ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤",
      "    192.0.2.7:40046",
      "s57 192.0.2.1:8080 →                       ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤",
      "    192.0.2.7:40047",
      "s58 192.0.2.1:8080 →                            ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤",
      "    192.0.2.7:40048",
      "s59 192.0.2.1:8080 →                                 ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤",
      "    192.0.2.7:40049",
      "  ━ listening   ─ bound   ╌ connected   ? begin or end not seen",
      "  … 46 more connections that blocked nothing",
    ]);
  });

  it("of many blockers is folded into one lane", () => {
    const clients = Array.from({ length: 50 }, (_, index) =>
      socketNamed(`s${index + 10}`, { facts: connection({ peer: { address: "192.0.2.7", port: 40_000 + index } }), opener: null }),
    );
    const lingering = clients.map((one, index) => row((10 + index) * MS, "state", one, { state: "TIME_WAIT" }));
    expect(draw([...clients.map((one) => there(0, one)), refused(5 * MS, clients), ...lingering])).toEqual([
      "                              14:03:00.000      14:03:00.005        14:03:00.059",
      "                              ┬──────5 ms───────┬───────────54 ms───────────┬",
      "s10 and 49 more: connections, ?╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌◆╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼┈┈┈",
      "    192.0.2.1:8080                              │",
      "✗   node[20] refused                            ✗",
      "  ╌ connected   ┈ TIME_WAIT   ✗ refused   ◆ blocked it   ? begin or end not seen",
    ]);
  });

  it("of a long trace is one column before the part around the last refusal, and one after it", () => {
    const cycles = Array.from({ length: 200 }, (_, index) => {
      const [t, socket] = [index * 10_000 * MS, socketNamed(`s${index + 1}`, { opener: opener(100 + index) })];
      const refusal = index < 150 ? [refused(t + 300 * MS, [socket], node(101 + index))] : [];
      return [bound(t, socket), listens(t + 40_000, socket), ...refusal, released(t + (700 + index) * MS, socket)];
    });
    expect(draw(cycles.flat())).toEqual([
      "                              14:03:00.000        14:28:00.000      14:36:10.899",
      "                              ╥┬┬┬9.15 s┬┬┬┬9.15 s┬┬┬9.15 s┬┬851 ms┬9.15 s┬╥",
      "s1   and 147 more: listeners, ◆",
      "     0.0.0.0:8080, node       │",
      "✗    node, 150 processes, 150 ✗ ✗         ✗",
      "     refused                    │         │",
      "s149 0.0.0.0:8080 node[248]   ├┾◆┥        │",
      "s150 0.0.0.0:8080 node[249]             ├┾◆┥",
      "s151 0.0.0.0:8080 node[250]                       ├┾┥",
      "s152 0.0.0.0:8080 node[251]                                ├┾━━━━━━┥",
      "s153 0.0.0.0:8080 node[252]                                               ├┤",
      "s154 and 46 more: listeners,                                               ╫",
      "     0.0.0.0:8080, node",
      "nobody listens                ├┤ 9.15 s    ├9.15 s─┤               ├9.15 s─┤",
      "                                 ├9.15 s─┤          ├9.15 s─┤       9.15 s ╫",
      "  ━ listening   ─ bound   ✗ refused   ◆ blocked it   ╫ came and went",
      "  ╥ several changes within 24 min 40 s",
      "  … 193 more gaps",
    ]);
  });
});

describe("a lane", () => {
  it("is passed behind by a line to another one", () => {
    const [a, b] = [socketNamed("s1"), socketNamed("s2")];
    expect(draw([bound(0, a), bound(0, b), refused(9 * MS, [a]), released(20 * MS, a), released(20 * MS, b)])).toEqual([
      "                         14:03:00.000              14:03:00.009     14:03:00.020",
      "                         ┬──────────9 ms───────────┬──────────11 ms───────────┬",
      "s1 0.0.0.0:8080 node[10] ├─────────────────────────◆──────────────────────────┤",
      "s2 0.0.0.0:8080 node[10] ├────────────────────────────────────────────────────┤",
      "✗  node[20] refused                                ✗",
      "  ─ bound   ✗ refused   ◆ blocked it",
    ]);
  });

  it("of a socket that its refusal was the first to show has no beginning", () => {
    expect(draw([bound(0, old), there(9 * MS, client), refused(9 * MS, [client])])).toEqual([
      "                         14:03:00.000                               14:03:00.009",
      "                         ┬───────────────────────9 ms────────────────────────┬",
      "s1 0.0.0.0:8080 node[10] ├──────────────────────────────────────────────────────",
      "s2 192.0.2.1:8080 →                                                         ?◆╌╌",
      "   192.0.2.7:40000                                                           │",
      "✗  node[20] refused                                                          ✗",
      "  ─ bound   ╌ connected   ✗ refused   ◆ blocked it   ? begin or end not seen",
    ]);
  });

  it("ends where that is only estimated without saying so exactly", () => {
    const lingering = socketNamed("s1", { facts: connection(), opener: null, releasedAt: 60_000 * MS, releaseIsExact: false });
    const over = row(60_000 * MS, "released", lingering, { state: "TIME_WAIT" });
    const [, , bar] = draw([row(0, "state", lingering, { state: "TIME_WAIT" }), over]);
    expect(bar).toMatch(/^s1 192\.0\.2\.1:8080 → +├┈+\?$/);
  });

  it("of a socket that a look found gone may have ended at any time since it was last seen", () => {
    const lost = socketNamed("s1", { releasedAt: 30 * MS, releaseIsExact: false });
    const rows = [bound(0, lost), refused(10 * MS, [lost]), bound(20 * MS, next), released(30 * MS, lost)];
    expect(draw(rows, { protocol: "udp" })).toEqual([
      "                         14:03:00.000     14:03:00.010              14:03:00.030",
      "                         ┬─────10 ms──────┬─────10 ms──────┬─────10 ms──────┬",
      "s1 0.0.0.0:8080 node[10] ├────────────────◆·································?",
      "✗  node[20] refused                       ✗",
      "s6 0.0.0.0:8080 node[20]                                   ├────────────────────",
      "  ─ bound   · maybe still there   ✗ refused   ◆ blocked it",
      "  ? begin or end not seen",
    ]);
    const [, , alone] = draw([listens(0, lost), released(30 * MS, lost)]);
    expect(alone).toMatch(/^s1 0\.0\.0\.0:8080 node\[10\] ┝·+\?$/);
  });

  it("holds its columns whatever letters the names have", () => {
    const wide = socketNamed("s1", { opener: opener(10, "日本語e\u0301") });
    const [, , bar = "", mark = ""] = draw([bound(0, wide), refused(9 * MS, [wide], { pid: 7, comm: "🙂" })]);
    const columnOf = (line: string, glyph: string) => textWidth(line.slice(0, line.indexOf(glyph)));
    expect([bar, mark]).toEqual([expect.stringContaining("日本語e\u0301[10] ├"), expect.stringContaining("🙂[7] refused")]);
    expect(columnOf(mark, " ✗") + 1).toBe(columnOf(bar, "◆"));
  });
});

it("of UDP a gap is one in which nobody was bound", () => {
  const lines = draw([bound(0, old), released(9 * MS, old), bound(79 * MS, next)], { protocol: "udp" });
  expect(lines.at(-2)).toMatch(/^nobody bound +├─+70 ms─+┤$/);
});

it("there is no chart where no socket was seen to have the port", () => {
  expect(draw([refused(0, [])])).toEqual([]);
});
