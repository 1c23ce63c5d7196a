import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SocketFacts } from "../../src/core/event.ts";
import { Looker, type LookerOptions } from "../../src/probe/looker.ts";
import { namespaceId } from "../../src/probe/namespaces.ts";
import { bind, connection, destroy, facts, look, MS, refused, release, seed, timeWait, udp, udpWalk } from "../helpers/events.ts";

const BASE = 0x4000_0000;
const UDP = 0x10000;
/** The namespace of this process: looks at its ports are asked for by kill(2), which is caught here. */
const HERE = { netns: namespaceId("/proc/self/ns/net") ?? 0 };

let asked: number[];
beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  vi.spyOn(process, "kill").mockImplementation((id, signal) => {
    expect(signal).toBe(0);
    asked.push(id - BASE);
    return true;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What is looked at within so many ms from now. */
function lookedAt(milliseconds: number): number[] {
  asked = [];
  vi.advanceTimersByTime(milliseconds);
  return asked;
}

const looker = (options: Partial<LookerOptions> = {}) =>
  new Looker({ base: BASE, instant: () => 0, emit: () => {}, udpReleases: false, everyProcess: true, ...options });
/** The same owners in this namespace. */
const at = (...owners: SocketFacts[]) => owners.map((owner) => ({ ...owner, ...HERE }));
const udpLook = (...owners: SocketFacts[]) => ({ ...look(0, []), walk: udpWalk(at(...owners)) });

describe("a connection in the way", () => {
  it("has its port looked at 5 ms after its end, once", () => {
    const one = looker();
    one.notice(refused(at(connection())));
    expect(lookedAt(10_000)).toEqual([]);
    one.notice(destroy(0, { sk: 5, ...HERE }));
    expect(lookedAt(4)).toEqual([]);
    expect(lookedAt(1)).toEqual([8080]);
    one.notice(destroy(0, { sk: 5, ...HERE }));
    expect(lookedAt(10_000)).toEqual([]);
  });

  it("has so after its release, and where its subflow ends", () => {
    const one = looker();
    one.notice(refused(at(connection({ protocol: "mptcp", subflow: 77 }))));
    one.notice(release(0, { sk: 77, ...HERE }));
    expect(lookedAt(5)).toEqual([8080]);
  });

  it("has one look for all that end at once", () => {
    const one = looker();
    one.notice(refused(at(connection(), connection({ sk: 6, inode: 600 }))));
    one.notice(destroy(0, { sk: 5, ...HERE }));
    one.notice(destroy(0, { sk: 6, ...HERE }));
    expect(lookedAt(100)).toEqual([8080]);
  });
});

it("a listener that ends needs no look", () => {
  const one = looker();
  one.notice(refused(at(facts())));
  one.notice(destroy(0, HERE));
  expect(lookedAt(100_000)).toEqual([]);
});

describe("TIME_WAIT in the way", () => {
  it("has its port looked at a second after its timer", () => {
    const one = looker({ instant: () => 10_000 * MS });
    one.notice(refused(at(timeWait({ expiresAt: 30_000 * MS }))));
    expect(lookedAt(20_999)).toEqual([]);
    expect(lookedAt(1)).toEqual([8080]);
  });

  it("has so where only a look showed it", () => {
    const one = looker();
    one.notice(look(0, at(timeWait({ expiresAt: 0 }))));
    expect(lookedAt(1000)).toEqual([8080]);
  });

  it("has it looked at when a bind passes", () => {
    const one = looker();
    one.notice(refused(at(timeWait())));
    one.notice(bind({ socket: facts({ sk: 2, inode: 200, ...HERE }) }));
    expect(lookedAt(5)).toEqual([8080]);
  });

  it("is not asked after by a bind that passes elsewhere", () => {
    const one = looker();
    one.notice(refused(at(timeWait())));
    one.notice(bind({ socket: udp({ sk: 2, inode: 200, ...HERE }) }));
    expect(lookedAt(5)).toEqual([]);
  });
});

describe("UDP in the way", () => {
  const refusal = () => refused([], { walk: udpWalk(at(udp())) });

  it("has its port looked at every half second while somebody is there", () => {
    const one = looker();
    one.notice(refusal());
    expect(lookedAt(499)).toEqual([]);
    expect(lookedAt(1)).toEqual([UDP + 8080]);
    one.notice(udpLook(udp()));
    expect(lookedAt(500)).toEqual([UDP + 8080]);
    one.notice(udpLook());
    expect(lookedAt(10_000)).toEqual([]);
  });

  it("has no such look where the kernel tells when it goes", () => {
    const one = looker({ udpReleases: true });
    one.notice(refusal());
    expect(lookedAt(10_000)).toEqual([]);
  });

  it("and TCP at the same port are looked at each", () => {
    const one = looker();
    one.notice(refusal());
    one.notice(refused(at(timeWait({ expiresAt: 0 }))));
    expect(lookedAt(1000).sort((x, y) => x - y)).toEqual([8080, UDP + 8080]);
  });
});

it("what the seed shows is not in the way", () => {
  const one = looker();
  one.notice(seed(...at(timeWait(), connection())));
  one.notice({ ...udpLook(udp()), seed: true });
  one.notice(destroy(0, { sk: 5, ...HERE }));
  expect(lookedAt(100_000)).toEqual([]);
});

it("a namespace that is gone is not looked at", () => {
  const one = looker();
  one.notice(refused([timeWait({ netns: 1 })]));
  expect(lookedAt(100_000)).toEqual([]);
});

it.each([
  ["told once to be gone", true, [{ type: "namespace-gone", t: 0, netns: 1 }]],
  ["not told to be gone by who may not look into every process", false, []],
])("a namespace that is not found is %s", (_, everyProcess, told) => {
  const emit = vi.fn();
  const one = looker({ everyProcess, emit });
  one.notice(refused([timeWait({ netns: 1 })]));
  lookedAt(100_000);
  one.notice(refused([timeWait({ netns: 1 })]));
  lookedAt(100_000);
  expect(emit.mock.calls.flat()).toEqual(told);
});

describe("at the end", () => {
  it("every port where a look was to come is looked at once more", async () => {
    const one = looker();
    one.notice(refused(at(timeWait())));
    one.notice(refused([], { walk: udpWalk(at(udp({ port: 53 }))) }));
    await one.finish();
    expect(asked).toEqual([8080, UDP + 53]);
    expect(lookedAt(100_000)).toEqual([]);
  });

  it("or none, when it is cut off", () => {
    const one = looker();
    one.notice(refused(at(timeWait())));
    one.stop();
    expect(lookedAt(100_000)).toEqual([]);
  });
});
