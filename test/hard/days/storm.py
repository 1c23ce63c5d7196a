"""A thousand refused binds a second on one port, for fifteen seconds."""

import os
import time

from stage import Trace, instant, inode_of, listener, paced, percentile, refused, same, wrong

PORT, RATE, SECONDS = 18300, 1000, 15
LONGEST_END = 30
APART = 1_000_000
"""So far apart may the clocks of a failure and of who was refused be, which are paired."""

with listener(PORT) as owner:
    trace = Trace("--port", str(PORT), "--netns", "self")
    truth = []
    began = time.monotonic()
    for _ in paced(RATE * SECONDS, RATE):
        truth.append(refused(PORT))
    took = time.monotonic() - began
    ended = trace.stop()
    ended.expect(1, len(truth))
    same("binders, in order", [f["binder"]["inode"] for f in trace.failures], [r.inode for r in truth])
    same("blockers", {tuple(b["inode"] for b in f["blockers"]) for f in trace.failures}, {(inode_of(owner),)})
    same("holders", {tuple((h["pid"], h["fd"]) for h in f["blockers"][0]["holders"]) for f in trace.failures}, {((os.getpid(), owner.fileno()),)})
    for failure, true in zip(trace.failures, truth):
        if not true.entered - APART <= instant(failure["at"]) <= true.returned + APART:
            wrong(f"{failure['id']} at {failure['at']}, and not between {true.entered} and {true.returned}")
    printed = [at for record, at in zip(trace.records, trace.arrived) if record["type"] == "failure"]
    delays = [(at - true.returned) / 1e6 for at, true in zip(printed, truth)]
    if ended.seconds > LONGEST_END:
        wrong(f"it ended only after {ended.seconds:.1f} s")
    print(
        f"{len(truth)} refused in {took:.1f} s, {len(trace.failures)} reported, 0 lost;"
        f" syscall to printed p50 {percentile(delays, 0.5):.0f} ms, p99 {percentile(delays, 0.99):.0f} ms; ended in {ended.seconds:.1f} s"
    )
