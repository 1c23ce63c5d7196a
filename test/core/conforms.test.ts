import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conforms } from "../../src/core/conforms.ts";
import { eventSchema, type TraceEvent } from "../../src/core/event.ts";
import { anyOf, refused, restart } from "../helpers/events.ts";

const anyEvent = anyOf(eventSchema, fc.string()) as fc.Arbitrary<TraceEvent>;

const copied = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What a field may be instead, in a damaged or hostile trace. */
const WRONG = [null, true, 0, -1, 1.5, 65536, 2 ** 60, "", "tcp", "mptcp", "LISTEN", [], {}, [null], [""], [-1], { address: "" }];

/** Every place in a value: the object, or list, and the name or index in it. */
function places(value: unknown): { within: Record<string, unknown>; name: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const within = value as Record<string, unknown>;
  return Object.keys(within).flatMap((name) => [{ within, name }, ...places(within[name])]);
}

describe("an event that conforms", () => {
  it("is every one that has all fields", () => {
    fc.assert(
      fc.property(anyEvent, (event) => conforms(copied(event))),
      { numRuns: 1000 },
    );
    expect([...restart(), refused([])].every(conforms)).toBe(true);
  });

  it("is one that zod gives back as it is, whatever one field has become", () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), fc.option(fc.constantFrom(...WRONG), { nil: undefined }), (event, at, wrong) => {
        const value = copied(event);
        const all = places(value);
        const place = all[at % all.length];
        if (place) place.within[place.name] = copied(wrong ?? null);
        if (place && wrong === undefined) delete place.within[place.name];
        if (!conforms(value)) return;
        expect(eventSchema.parse(copied(value))).toEqual(value);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([null, 17, "bind", [], {}, { type: "bind" }, { type: "toString", t: 1 }, { type: ["fork"], t: 1, pid: 1, child: 2 }])(
    "is not %j",
    (value) => {
      expect(conforms(value)).toBe(false);
    },
  );
});
