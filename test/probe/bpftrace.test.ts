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
