"""The wall clock is set by an hour, then the machine sleeps: times go on from the moment at which the trace was armed.

For a guest (test/vm/clock.sh): it sets the clock of the machine, and suspends it to idle for some seconds.
"""

import subprocess
import time
from pathlib import Path

from stage import Trace, instant, listener, refused, same, until, wrong

PORT, HOUR, SLEEP = 18370, 3600, 6
PATIENCE = 420
STATES = Path("/sys/power/state").read_text().strip()
MODES = [mode for mode in ("mem", "freeze") if mode in STATES.split()]
SLACK = 0.5
"""Seconds between the truth about a refusal and the refusal itself, on an emulated machine."""


def boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def asleep() -> float:
    """Seconds for which the machine has slept since it was started."""
    return boot() - time.clock_gettime(time.CLOCK_MONOTONIC)


with listener(PORT):
    trace = Trace("--port", str(PORT), patience=PATIENCE)
    truth = []

    def refusal() -> None:
        refused(PORT)
        truth.append(boot())
        until("reported", lambda: len(trace.failures) == len(truth), PATIENCE)

    refusal()
    time.clock_settime(time.CLOCK_REALTIME, time.time() + HOUR)
    refusal()
    before = asleep()
    refused_to = []
    for mode in MODES:
        told = subprocess.run(["rtcwake", "--mode", mode, "--seconds", str(SLEEP)], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            break
        refused_to.append(f"{mode}: {told.stderr.strip()}")
    slept = asleep() - before
    if len(refused_to) < len(MODES) and slept < 1:
        wrong(f"the machine slept for {slept:.1f} s only")
    for _ in range(3):
        refusal()
    ended = trace.stop()
    same("summary", (ended.code, ended.summary.get("failures"), ended.summary.get("lost"), ended.errors), (1, len(truth), 0, ""))
    times = [instant(failure["at"]) / 1e9 for failure in trace.failures]
    apart = [(at - times[0]) - (true - truth[0]) for at, true in zip(times, truth)]
    if max(map(abs, apart)) > SLACK:
        wrong(f"told {apart} s later than it was")
    sleep = f"slept {slept:.1f} s" if slept >= 1 else f"could not be put to sleep ({'; '.join(refused_to) or STATES})"
    print(f"clock set by {HOUR} s, {sleep}: {len(times)} of {len(truth)} told at their time, at most {max(map(abs, apart)):.2f} s off")
