import { describe, expect, it } from "vitest";
import { Soundings } from "../../src/probe/soundings.ts";

/** Far above every process id: nobody gets the mark. */
const BASE = 1_295_384_576;

function soundings(ended: Promise<unknown> = new Promise(() => {})) {
  const at = { instant: 1_000_000_000 };
  return { at, made: new Soundings({ base: BASE, instant: () => at.instant, ended }) };
}

describe("a mark", () => {
  it("is answered when it comes through", async () => {
    const { at, made } = soundings();
    const sounding = made.sound();
    made.came(at.instant + 5);
    expect(await sounding).toMatchObject({ at: at.instant + 5, alone: true });
  });

  it("that had been made long before is not taken for it", async () => {
    const { at, made } = soundings();
    const sounding = made.sound();
    made.came(at.instant - 1_000_000_000);
    made.came(at.instant + 5);
    expect(await sounding).toMatchObject({ at: at.instant + 5 });
  });

  it("is not alone when another is made before it has come", async () => {
    const { at, made } = soundings();
    const both = [made.sound(), made.sound()];
    made.came(at.instant + 5);
    expect(await Promise.all(both)).toMatchObject([{ alone: false }, { alone: false }]);
    const third = made.sound();
    made.came(at.instant + 9);
    expect(await third).toMatchObject({ alone: true });
  });

  it("is given up at the end of the stream, whether it was made before or after", async () => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { made } = soundings(ended);
    const before = made.sound();
    end();
    expect(await before).toMatchObject({ at: null });
    expect(await made.sound(new AbortController().signal)).toMatchObject({ at: null });
    expect(await made.last()).toBe(false);
  });
});
