import { describe, expect, it } from "vitest";
import { absenceOf, type Seen } from "../../src/core/absence.ts";
import type { Header, TraceEvent } from "../../src/core/event.ts";
import { Story } from "../../src/core/story.ts";
import { bind, end, facts, header, kernelHeader, listen, look, MS, refused } from "../helpers/events.ts";

const PORT: [number, number][] = [[8080, 8080]];
const NOTHING: Seen = { binds: 0, listens: 0, lost: 0, whole: true, command: null };
const LIMIT = "this hook set does not see 32-bit or io_uring binds";
const said = (seen: Partial<Seen>, from: Header = kernelHeader(), ports = PORT) => absenceOf(from, ports, { ...NOTHING, ...seen });

describe("what no refusal means", () => {
  it("is certain where the kernel's own functions were all probed and nothing was lost", () => {
    expect(said({})).toEqual({ type: "absence", code: "none-attempted", certain: true, message: "no bind of port 8080 was attempted" });
    expect(said({ binds: 3, listens: 2 })).toEqual({
      ...{ type: "absence", code: "none-refused", certain: true },
      message: "every bind of port 8080 passed (3 seen)",
    });
  });

  it("is what was seen, where some binds are not", () => {
    expect(said({}, header())).toEqual({
      ...{ type: "absence", code: "none-attempted", certain: false },
      message: `no bind of port 8080 was seen; ${LIMIT}`,
    });
    expect(said({ binds: 3 }, header())).toEqual({
      ...{ type: "absence", code: "none-refused", certain: false },
      message: `every bind of port 8080 that was seen passed (3 seen); ${LIMIT}`,
    });
  });

  it.each(["__sys_bind", "inet_csk_get_port", "udp_lib_get_port"])("is not certain without %s", (probe) => {
    expect(said({}, kernelHeader(["inet_put_port", probe]))).toMatchObject({
      certain: false,
      message: `no bind of port 8080 was seen; some binds are not seen without ${probe}`,
    });
  });

  it("is certain without a probe that tells of something else", () => {
    expect(said({}, kernelHeader(["inet_put_port"])).certain).toBe(true);
  });

  it.each<[Partial<Seen>, string]>([
    [{ lost: 1 }, "no bind of port 8080 was seen; 1 event was lost"],
    [{ lost: 7 }, "no bind of port 8080 was seen; 7 events were lost"],
    [{ whole: false }, "no bind of port 8080 was seen; the trace ended early"],
  ])("is not certain after %j", (seen, message) => {
    expect(said(seen)).toMatchObject({ certain: false, message });
  });

  it("counts the listens where no bind was needed", () => {
    expect(said({ listens: 1 })).toMatchObject({ code: "none-refused", message: "every listen of port 8080 passed (1 seen)" });
  });

  it("names the ports that were asked about, and is never certain of all", () => {
    const ports: [number, number][] = [
      [8080, 8080],
      [9000, 9010],
    ];
    expect(said({}, kernelHeader(), ports).message).toBe("no bind of ports 8080, 9000-9010 was attempted");
    expect(said({}, kernelHeader(), [[9000, 9010]]).message).toBe("no bind of ports 9000-9010 was attempted");
    expect(said({}, kernelHeader(), [])).toMatchObject({ certain: false, message: "no bind was seen" });
  });
});

describe("a command that failed", () => {
  const code = (number: number) => ({ command: { code: number, signal: null } });
  const OTHERS = "a unix socket, a test by connecting, or its own bookkeeping (a container engine's table, a lock file)";

  it("complained of something else", () => {
    expect(said(code(1)).message).toBe(
      `no bind of port 8080 was attempted; the command ended with exit code 1: if it complained of a port in use, that was another port, ${OTHERS}, not a bind of this one`,
    );
  });

  it("may have complained of something else, where not every bind is seen", () => {
    expect(said({ command: { code: null, signal: "SIGKILL" } }, header(), []).message).toBe(
      `no bind was seen; ${LIMIT}; the command was ended by SIGKILL: if it complained of a port in use, that may have been ${OTHERS}, and not a bind of a port`,
    );
  });

  it("is spoken of in the plural where there were more ports", () => {
    expect(said(code(2), kernelHeader(), [[9000, 9010]]).message).toMatch(/, not a bind of these$/);
  });

  it("is not spoken of when it did not fail", () => {
    expect(said(code(0)).message).toBe("no bind of port 8080 was attempted");
  });
});

describe("the story", () => {
  const ended = end(100 * MS);
  const told = (events: TraceEvent[], from: Header = kernelHeader(), options: { ports?: [number, number][]; only?: number } = {}) => {
    const { ports, only } = options;
    const story = new Story(from, { reports: ({ pid }) => only === undefined || pid === only, ...(ports ? { ports } : {}) });
    const during = events.flatMap((event) => story.apply(event)).filter(({ type }) => type === "absence");
    expect(during).toEqual([]);
    return story.finish().flatMap((record) => (record.type === "absence" ? [record.message] : []));
  };
  const another = bind({ socket: facts({ sk: 2, inode: 200, state: "BOUND", port: 8081 }) });
  const unwatched = kernelHeader();
  const everything: Header = { ...unwatched, filters: { ports: [] } };

  it("says at its end what was seen of the ports that are watched", () => {
    expect(told([another, ended])).toEqual(["no bind of port 8080 was attempted"]);
    expect(told([bind(), listen(), another, ended])).toEqual(["every bind of port 8080 passed (1 seen)"]);
    expect(told([listen(), ended])).toEqual(["every listen of port 8080 passed (1 seen)"]);
  });

  it("counts a bind of a port that was rewritten to one that is watched", () => {
    const requested = { family: "ipv4" as const, address: "0.0.0.0", port: 9080 };
    expect(told([bind({ requested, search: { port: 8080, refused: false } }), ended])).toEqual(["every bind of port 8080 passed (1 seen)"]);
  });

  it("is about the ports that are asked about, where the trace has them", () => {
    expect(told([bind(), another, ended], everything, { ports: [[8081, 8081]] })).toEqual(["every bind of port 8081 passed (1 seen)"]);
    expect(told([bind(), another, ended], unwatched, { ports: [[8080, 8081]] })).toEqual([]);
  });

  it("says nothing when a bind was refused, be it reported or not", () => {
    expect(told([refused([facts()]), ended])).toEqual([]);
    expect(told([refused([facts()]), ended], unwatched, { only: 99 })).toEqual([]);
    expect(
      told([bind({ errno: "EADDRINUSE", requested: { ...another.requested, port: 0 }, search: { port: 0, refused: true } }), ended]),
    ).toEqual([]);
  });

  it("is not concerned with a refusal of another port that is not reported", () => {
    expect(told([{ ...another, errno: "EADDRINUSE", walk: look(0, []).walk }, ended], unwatched, { only: 99 })).toEqual([
      "no bind of port 8080 was attempted",
    ]);
  });

  it("says nothing where neither ports nor a command were given", () => {
    expect(told([ended], everything)).toEqual([]);
    expect(told([bind(), ended], { ...everything, command: ["npm", "start"] })).toEqual(["every bind that was seen passed (1 seen)"]);
  });

  it("knows how the command ended", () => {
    const command: TraceEvent = { type: "command", t: 99 * MS, code: 1, signal: null };
    expect(told([command, ended])).toEqual([expect.stringContaining("; the command ended with exit code 1: ")]);
  });

  it.each<[string, TraceEvent[], string]>([
    ["was cut", [], "the trace ended early"],
    ["died", [end(100 * MS, { died: true })], "the trace ended early"],
    [
      "lost events",
      [{ type: "lost", t: 1, cpu: 0, count: 2 }, { type: "lost", t: 2, cpu: 1, count: 2 }, end(9, { lost: 3 })],
      "4 events were lost",
    ],
    ["lost events that only its end tells of", [end(9, { lost: 3 })], "3 events were lost"],
  ])("is not certain where the trace %s", (_, events, why) => {
    expect(told(events)).toEqual([`no bind of port 8080 was seen; ${why}`]);
  });
});
