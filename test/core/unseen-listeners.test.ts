import { describe, expect, it } from "vitest";
import type { EventOf, UnseenListener } from "../../src/core/event.ts";
import { connection, facts, failureOf, holders, MS, refused, seed, walk } from "../helpers/events.ts";

const holder = (pid: number, comm = "nginx") => ({ pid, fd: 6, comm, command: "", parent: 1, startedAt: null });
const listener = (overrides: Partial<UnseenListener> = {}): UnseenListener => ({
  inode: 700,
  family: "ipv4",
  address: "0.0.0.0",
  holders: [holder(70)],
  ...overrides,
});

/** The address that is bound in vain, 127.0.0.1:8080 unless `asked` says otherwise; the walk showed one connection of many. */
function failure(listeners: UnseenListener[], asked = "127.0.0.1", before: EventOf<"look">[] = []) {
  const family = asked.includes(":") ? ("ipv6" as const) : ("ipv4" as const);
  const owners = [connection({ address: "127.0.0.1", reuseAddr: true })];
  const call = refused(owners, {
    t: 10 * MS,
    requested: { family, address: asked, port: 8080 },
    socket: facts({ sk: 2, inode: 200, family }),
  });
  call.walk = walk(owners, { visited: 512, missed: 1 });
  return failureOf(...before, call, holders(11 * MS, call, { sockets: [], listeners }));
}

const CUT = "not every owner of the port could be looked at";
const UNSEEN = "is in /proc/net, and the look did not come to it";

describe("a listener to which the look did not come", () => {
  it("is named with its holders, and not blamed", () => {
    const found = failure([listener()]);
    expect(found.doubts).toContain(CUT);
    expect(found.doubts).toContain(`a listener on 0.0.0.0:8080, held by nginx[70], ${UNSEEN}`);
    expect(found.confidence).not.toBe("exact");
    expect(found.blockers.map(({ inode }) => inode)).not.toContain(700);
  });

  it.each([
    ["without a holder that was found", [], `a listener on 0.0.0.0:8080, inode 700, whose holder was not found, ${UNSEEN}`],
    ["with each process once", [holder(70), holder(70)], `a listener on 0.0.0.0:8080, held by nginx[70], ${UNSEEN}`],
    [
      "with some of many processes",
      [70, 71, 72, 73, 74].map((pid) => holder(pid)),
      `a listener on 0.0.0.0:8080, held by nginx[70], nginx[71], nginx[72] and 2 more, ${UNSEEN}`,
    ],
  ])("is named %s", (_, of, expected) => {
    expect(failure([listener({ holders: of })]).doubts).toContain(expected);
  });

  it.each<[string, Partial<UnseenListener>, string, boolean]>([
    ["the same address", { address: "127.0.0.1" }, "127.0.0.1", true],
    ["another address", { address: "127.0.0.2" }, "127.0.0.1", false],
    ["every address of both families, perhaps", { family: "ipv6", address: "::" }, "127.0.0.1", true],
    ["one address of IPv6", { family: "ipv6", address: "::1" }, "127.0.0.1", false],
    ["an address, where every one was asked for", { address: "127.0.0.2" }, "0.0.0.0", true],
  ])("is named only where the binder may meet it: %s", (_, overrides, asked, named) => {
    const { doubts } = failure([listener(overrides)], asked);
    expect(doubts.some((doubt) => doubt.endsWith(UNSEEN))).toBe(named);
  });

  it("is not named beside the same one, known from the seed, nor where it is the binder itself", () => {
    const known = failure([listener()], "127.0.0.1", [seed(facts({ sk: 7, inode: 700 }))]);
    expect(known.doubts.filter((doubt) => doubt.endsWith(UNSEEN))).toEqual([]);
    expect(known.blockers.map(({ inode }) => inode)).toContain(700);
    expect(failure([listener({ inode: 200 })]).doubts.filter((doubt) => doubt.endsWith(UNSEEN))).toEqual([]);
  });
});
