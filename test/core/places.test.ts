import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meet, type Place } from "../../src/core/party.ts";
import { Places } from "../../src/core/places.ts";
import type { Socket } from "../../src/core/socket.ts";
import { facts, NETNS } from "../helpers/events.ts";

const at = (port: number, protocol: Place["protocol"] = "tcp"): Place => ({ netns: NETNS, protocol, port });
const socket = (port: number, protocol: Place["protocol"] = "tcp") => ({ facts: facts({ port, protocol }), releasedAt: null }) as Socket;

describe("the sockets of a port", () => {
  it("are those of its namespace and of its protocol; MPTCP takes the ports of TCP", () => {
    const places = new Places();
    const [tcp, mptcp, udp] = [socket(8080), socket(8080, "mptcp"), socket(8080, "udp")];
    for (const one of [tcp, mptcp, udp, socket(8081)]) places.put(one);
    expect(places.there(at(8080))).toEqual([tcp, mptcp]);
    expect(places.there(at(8080, "udp"))).toEqual([udp]);
    expect(places.there({ ...at(8080), netns: 1 })).toEqual([]);
  });

  it("are as a search of all sockets would find them, whatever lets go, comes back and moves", () => {
    const step = fc.record({
      which: fc.nat(7),
      what: fc.constantFrom("take", "let go", "look"),
      port: fc.constantFrom(8080, 8081),
      late: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, since) => {
        const places = new Places();
        const all = new Map<number, Socket>();
        for (const [t, { which, what, port, late }] of steps.entries()) {
          const one = all.get(which) ?? socket(port);
          if (what === "take") {
            one.facts = { ...one.facts, port };
            one.releasedAt = null;
            places.put(one);
            all.set(which, one);
          } else if (what === "let go" && all.has(which)) one.releasedAt ??= Math.max(0, t - late);
          else places.there(at(port));
        }
        for (const place of [at(8080), at(8081)]) {
          const here = [...all.values()].filter((one) => meet(one.facts, place));
          const there = here.filter(({ releasedAt }) => releasedAt === null);
          const lately = here.filter(({ releasedAt }) => releasedAt === null || releasedAt >= since);
          expect(new Set(places.there(place))).toEqual(new Set(there));
          const found = places.since(place, since).filter((one) => meet(one.facts, place));
          expect(found).toHaveLength(lately.length);
          expect(new Set(found)).toEqual(new Set(lately));
        }
      }),
      { numRuns: 500 },
    );
  });
});
