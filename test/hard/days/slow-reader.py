"""Nobody reads the report for ten seconds, in which 5,000 binds are refused; then somebody does."""

import json
import signal
import subprocess
import time

from stage import CLI, ROOT, inode_of, listener, memory_of, paced, refused, same, wrong

PORT, REFUSALS, SECONDS = 18350, 5000, 10
MOST_MEMORY = 300
"""MiB that bindtrace may take with all of these waiting."""

with listener(PORT) as owner:
    command = [*CLI, "--port", str(PORT), "--netns", "self", "--json"]
    trace = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert trace.stdout and trace.stderr
    first = trace.stdout.readline()
    before = memory_of(trace.pid)
    truth, most = [], 0.0
    for round in paced(REFUSALS, REFUSALS / SECONDS):
        truth.append(refused(PORT).inode)
        most = max(most, memory_of(trace.pid)) if round % 100 == 0 else most
    trace.send_signal(signal.SIGINT)
    time.sleep(1)
    if trace.poll() is not None:
        wrong("it ended before anybody had read its report")
    rest, errors = trace.communicate(timeout=60)
    records = [json.loads(line) for line in (first + rest).splitlines()]
    failures = [record for record in records if record["type"] == "failure"]
    same("refusals", [failure["binder"]["inode"] for failure in failures], truth)
    same("blockers", {tuple(b["inode"] for b in f["blockers"]) for f in failures}, {(inode_of(owner),)})
    same("end", (trace.returncode, records[-1]["lost"], errors), (1, 0, b""))
    if most > MOST_MEMORY:
        wrong(f"it took {most:.0f} MiB")
    print(f"{REFUSALS} of {REFUSALS}, 0 lost, {len(rest) / 2**20:.1f} MiB read late; memory {before:.0f} MiB before, {most:.0f} MiB at most")
