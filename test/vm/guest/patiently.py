"""patiently.py PROGRAM PORT: one of the lab's programs that waits, after each refusal, until bindtrace has reported it.

Bindtrace is slow on an emulated machine, and would not get to look in /proc while the blocker's holder still lives. The
same goes for the processes that a warning is about.
REPORT in the environment is the file that it reports to.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

LIMIT_SECONDS = 10  # then there is no report, which is for the comparison to say

program = sys.argv[1]
folder = Path(program).parent
sys.path[:0] = [str(folder), str(folder.parent)]


def told() -> list[dict]:
    lines = Path(os.environ["REPORT"]).read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


refusals = 0


def refusal(*_: object) -> Callable[[], bool]:
    global refusals
    refusals += 1
    return reported


def reported() -> bool:
    """Whether the report has as many refusals of this process, and all their holders, if there are any."""
    records = told()
    late = {(record["failure"], record["socket"]) for record in records if record["type"] == "holders"}
    failures = [record for record in records if record["type"] == "failure" and record["binder"]["pid"] == os.getpid()]
    return len(failures) >= refusals and all(
        blocker["holdersComplete"] or blocker["nature"] == "in-flight" or (failure["id"], blocker["socket"]) in late
        for failure in failures
        for blocker in failure["blockers"]
    )


def warning(code: str, *_: object) -> Callable[[], bool]:
    return lambda: any(record["type"] == "warning" and record["code"] == code for record in told())


def patient(module: ModuleType, name: str, awaited: Callable[..., Callable[[], bool]]) -> None:
    """After each call of that function, wait until the report has what a call with these arguments leads to."""
    function = getattr(module, name)

    def patiently(*arguments, **named):
        function(*arguments, **named)
        in_report = awaited(*arguments)
        alarm = signal.alarm(0)
        end = time.monotonic() + LIMIT_SECONDS
        while not in_report() and time.monotonic() < end:
            time.sleep(0.2)
        signal.alarm(alarm)

    setattr(module, name, patiently)


lab = importlib.import_module("lab")
lab.PATIENCE_SECONDS = 120  # of the program itself: an emulated machine may stand still for a while
patient(lab, "_refused", refusal)
patient(lab, "silent_trouble", warning)
if (folder / "parts").is_dir():
    patient(importlib.import_module("parts.refusal"), "refused", refusal)
sys.argv = sys.argv[1:]
runpy.run_path(program, run_name="__main__")
