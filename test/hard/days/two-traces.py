"""Two bindtraces at once, one refusal after the other."""

import os

from stage import Trace, inode_of, listener, paced, refused, same

PORT, REFUSALS, RATE = 18330, 4000, 500

with listener(PORT) as owner:
    traces = [Trace("--port", str(PORT)), Trace("--port", str(PORT))]
    truth = [refused(PORT).inode for _ in paced(REFUSALS, RATE)]
    for trace in traces:
        ended = trace.stop()
        ended.expect(1, REFUSALS)
        same("binders, in order", [f["binder"]["inode"] for f in trace.failures], truth)
        same("who was refused", {f["binder"]["pid"] for f in trace.failures}, {os.getpid()})
        same("who was blamed", {tuple(b["inode"] for b in f["blockers"]) for f in trace.failures}, {(inode_of(owner),)})
        same("sockets of the port", {s["inode"] for p in ended.summary["ports"] for s in p["sockets"]}, {inode_of(owner)})
        same("warnings", trace.of("warning"), [])
    print(f"{REFUSALS} of {REFUSALS} in both, all on the one listener; the other trace's sockets and processes in neither")
