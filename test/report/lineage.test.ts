import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StepRecord } from "../../src/core/process-record.ts";
import { lineageLines } from "../../src/report/lineage.ts";
import type { TextOptions } from "../../src/report/text.ts";
import { hostile } from "./hostile.ts";

const PLAIN: TextOptions = { color: false, width: 80, ascii: false, offsetMinutes: 60 };
const at = (second: number) => `2026-11-22T14:03:${String(second).padStart(2, "0")}.000000000Z`;
const step = (name: StepRecord["step"], overrides: Partial<StepRecord> = {}): StepRecord => ({
  ...{ at: at(1), step: name, pid: 10, comm: "node", fd: null, other: null, detail: "" },
  ...overrides,
});
const BASH = { pid: 30, comm: "bash" };
const opening = [step("created"), step("bound", { fd: 18 }), step("listened")];
const lines = (...steps: StepRecord[]) => lineageLines(steps, PLAIN);

describe("the story of a socket", () => {
  it("is not told when it is only that somebody bound it", () => {
    expect(lines(...opening)).toEqual([]);
    expect(lines()).toEqual([]);
  });

  it("says in one line how the socket came to be", () => {
    expect(lines(...opening, step("exited", { at: at(2), detail: "code 0" }))).toEqual([
      "15:03:01.000  node[10] made it, bound it (fd 18) and listened",
      "15:03:02.000  node[10] exited (code 0)",
    ]);
  });

  it("tells a maker from a binder", () => {
    expect(lines(step("created", { pid: 9, comm: "systemd" }), step("bound"), step("forked", { other: BASH }))).toEqual([
      "15:03:01.000  systemd[9] made it",
      "15:03:01.000  node[10] bound it",
      "15:03:01.000  node[10] forked bash[30]",
    ]);
  });

  it.each<[StepRecord, string]>([
    [step("execed", { detail: "cat" }), "node[10] became cat by exec"],
    [step("duplicated"), "node[10] made another descriptor of it"],
    [step("sent", { fd: 4 }), "node[10] sent it over a unix socket (fd 4)"],
    [step("received", { detail: "receive" }), "node[10] received it"],
    [step("received", { detail: "pidfd_getfd", fd: 5 }), "node[10] took it by pidfd_getfd (fd 5)"],
    [step("copy-closed", { fd: 18, detail: "2" }), "node[10] closed a copy (fd 18), 2 left"],
    [step("copy-closed", { detail: "0" }), "node[10] closed the last copy"],
    [step("signalled", { detail: "SIGTERM", other: BASH }), "node[10] got SIGTERM from bash[30]"],
    [step("signalled", { detail: "SIGINT", other: { pid: 0, comm: "" } }), "node[10] got SIGINT"],
    [step("exited", { detail: "SIGKILL" }), "node[10] was ended by SIGKILL"],
  ])("%j", (one, text) => {
    expect(lines(one)).toEqual([`15:03:01.000  ${text}`]);
  });

  it("of many steps shows the first and the last", () => {
    const copies = Array.from({ length: 20 }, (_, index) => step("copy-closed", { detail: String(40 - index) }));
    const shown = lines(...copies);
    expect(shown).toHaveLength(9);
    expect(shown[3]).toBe("and 12 more steps");
    expect([shown[0], shown.at(-1)]).toEqual([
      "15:03:01.000  node[10] closed a copy, 40 left",
      "15:03:01.000  node[10] closed a copy, 21 left",
    ]);
  });

  it("lets no name of a process through to the terminal as it is", () => {
    fc.assert(
      fc.property(hostile, hostile, (comm, other) => {
        const shown = lines(step("execed", { comm, detail: other }), step("forked", { comm, other: { pid: 1, comm: other } }));
        expect(shown.join("")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
