import { expect, it } from "vitest";
import { startProblem } from "../../src/probe/bpftrace.ts";

it.each([
  ["its last error", "a:1:1-2: ERROR: first\n ~~\na:2:1-2: ERROR: second\n ~~\n", "second"],
  [
    "no other than a note on the prelude",
    "a:1:1-2: ERROR: Unknown identifier: 'x'\n ~~\na:9:1-2: ERROR: expanded from\n",
    "Unknown identifier: 'x'",
  ],
  ["how it ended where it only warned", "a:1:1-2: WARNING: old\n ~~\n", "it was ended by SIGKILL"],
  ["what it said without calling it an error", "bpftrace: cannot open shared object\n", "bpftrace: cannot open shared object"],
])("why bpftrace did not start is %s", (_, stderr, why) => {
  expect(startProblem("it was ended by SIGKILL", stderr)).toEqual({
    kind: "unsupported",
    message: `bpftrace could not start (${why}): run with --print-program and try it by hand`,
  });
});

const MOUNT = `mount: /sys/kernel/tracing: permission denied.
       dmesg(1) may have more information after failed mount system call.
`;

it.each([
  ["the kernel's word", "ERROR: failed to create map: Operation not permitted\n", "failed to create map: Operation not permitted"],
  ["that of mount(8), not where there may be more", MOUNT, "mount: /sys/kernel/tracing: permission denied."],
])("who is not let in with all capabilities is told %s, and what else may forbid it", (_, stderr, why) => {
  expect(startProblem("it ended", stderr)).toEqual({
    kind: "not-permitted",
    message:
      `the kernel does not let bpftrace in (${why}), though root has the capabilities here: ` +
      "run bindtrace outside of the container, or start the container with --privileged",
  });
});

it("what the kernel has no locked memory for is told with the capability that lifts the limit", () => {
  const stderr = "mmap: Operation not permitted\nERROR: Failed to open perf buffer\n";
  expect(startProblem("it ended", stderr)).toEqual({
    kind: "not-permitted",
    message:
      "without CAP_IPC_LOCK the kernel gives bpftrace no buffers of that size (Failed to open perf buffer): " +
      "give --buffer 1M, raise ulimit -l, or start the container with --cap-add IPC_LOCK",
  });
});
