import { describe, expect, it } from "vitest";
import { heldOf, lackOf, missingToNameHolders, type Rights } from "../../src/core/rights.ts";
import { rights } from "./surveys.ts";

/** Bits of include/uapi/linux/capability.h. */
const bits = (...numbers: number[]) => numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);
const [DAC_OVERRIDE, DAC_READ_SEARCH, IPC_LOCK, SYS_PTRACE, SYS_ADMIN, PERFMON, BPF] = [1, 2, 14, 19, 21, 38, 39];
/** What Docker gives a container that asks for nothing (moby's profile of default capabilities). */
const DOCKER = bits(0, DAC_OVERRIDE, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31);

describe("what keeps a process from tracing", () => {
  const CONTAINER = "run bindtrace as root outside of the container, or start the container with";

  it.each<[string, Partial<Rights>, string | null, string | null]>([
    ["nothing, of root", {}, null, null],
    ["nothing, of root with CAP_SYS_ADMIN alone", { effective: bits(SYS_ADMIN), tracefs: false }, null, null],
    ["nothing, of root with CAP_BPF and CAP_PERFMON", { effective: bits(BPF, PERFMON) }, null, null],
    ["nothing, where the rights cannot be read", { effective: null, bounding: null, ownUsers: null, tracefs: false }, null, null],
    [
      "of a container's root CAP_SYS_ADMIN",
      { effective: DOCKER, tracefs: false },
      "tracing needs CAP_SYS_ADMIN, CAP_IPC_LOCK for its buffers, CAP_SYS_PTRACE to find who holds a socket, which root does not have here (replay needs nothing)",
      `${CONTAINER} --cap-add SYS_ADMIN --cap-add IPC_LOCK --cap-add SYS_PTRACE`,
    ],
    [
      "of root without any what /proc asks for, too",
      { effective: 0n },
      "tracing needs CAP_BPF and CAP_PERFMON, CAP_IPC_LOCK for its buffers, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to find who holds a socket, " +
        "which root does not have here (replay needs nothing)",
      `${CONTAINER} --cap-add BPF --cap-add PERFMON --cap-add IPC_LOCK --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH`,
    ],
    [
      "CAP_PERFMON alone",
      { effective: bits(BPF, IPC_LOCK, SYS_PTRACE, DAC_READ_SEARCH) },
      "tracing needs CAP_PERFMON, which root does not have here (replay needs nothing)",
      `${CONTAINER} --cap-add PERFMON`,
    ],
    [
      "only that tracefs is not mounted",
      { effective: bits(BPF, PERFMON, IPC_LOCK, SYS_PTRACE, DAC_OVERRIDE), tracefs: false },
      "tracing needs CAP_SYS_ADMIN to mount tracefs, which root does not have here (replay needs nothing)",
      `${CONTAINER} --cap-add SYS_ADMIN`,
    ],
    [
      "of a user whom sudo helps that it is no root",
      { uid: 1000, effective: 0n, tracefs: false },
      "tracing needs root (replay does not), and this is uid 1000 without CAP_SYS_ADMIN",
      null,
    ],
    [
      "of a user with all capabilities that it is no root",
      { uid: 1000 },
      "tracing needs root (replay does not), and this is uid 1000, whatever its capabilities",
      null,
    ],
    [
      "of a user whom sudo does not help what root would not have either",
      { uid: 1000, effective: 0n, bounding: DOCKER | bits(IPC_LOCK, SYS_PTRACE), tracefs: false },
      "tracing needs CAP_SYS_ADMIN, which root does not have here (replay needs nothing)",
      `${CONTAINER} --cap-add SYS_ADMIN`,
    ],
    [
      "of root of a user namespace that it is another root",
      { ownUsers: false },
      "tracing needs the machine's root, and root of a user namespace is not that one (replay needs nothing)",
      "run bindtrace outside of the container, as the machine's root",
    ],
  ])("is %s", (_, change, fact, mend) => {
    const lack = lackOf(rights(change));
    expect(lack && { fact: lack.fact, mend: lack.mend }).toEqual(fact && { fact, mend });
    expect(lack?.kind).toBe(fact === null ? undefined : mend === null ? "not-root" : "not-permitted");
  });
});

it.each([
  ["both rights", bits(SYS_PTRACE, DAC_READ_SEARCH), []],
  ["the greater one of listing", bits(SYS_PTRACE, DAC_OVERRIDE), []],
  ["CAP_SYS_PTRACE alone", bits(SYS_PTRACE), ["CAP_DAC_READ_SEARCH"]],
  ["CAP_DAC_OVERRIDE alone", bits(DAC_OVERRIDE), ["CAP_SYS_PTRACE"]],
])("to name every holder, with %s", (_, held, missing) => expect(missingToNameHolders(held)).toEqual(missing));

it("names what is held", () => {
  expect(heldOf(bits(0, SYS_ADMIN, BPF))).toEqual(["CAP_SYS_ADMIN", "CAP_BPF"]);
});
