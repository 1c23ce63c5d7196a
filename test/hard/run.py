"""Runs hard days one after the other, each in a network namespace of its own, and prints a line of result for each.

Usage: run.py [DAY...], all of days/ without a name. It wants root, bpftrace, and what `make build` made. Exit 1 when a day fails: it
ended with another code than 0, or left a process or a file behind.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stage import children, name_of

DAYS = Path(__file__).parent / "days"
PR_SET_CHILD_SUBREAPER = 36
LONGEST = 540
"""Seconds that a day may take."""
GRACE = 10
"""Seconds in which what a day started has to end by itself after it, or else when it is killed."""
INSIDE = 'ip link set lo up && exec python3 "$0"'


def main(names: list[str]) -> int:
    known = sorted(path.stem for path in DAYS.glob("*.py"))
    if unknown := [name for name in names if name not in known]:
        print(f"no such day: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    # Whatever loses its parent becomes a child of this process, and is seen.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    failed = [name for name in names or known if not passes(name)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def passes(name: str) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bindtrace-day-") as folder:
        env = {**os.environ, "PYTHONPATH": str(DAYS.parent), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
        command = ["unshare", "--net", "sh", "-c", INSIDE, str(DAYS / f"{name}.py")]
        try:
            day = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
            said, errors, code = day.stdout, day.stderr, day.returncode
        except subprocess.TimeoutExpired:
            said, errors, code = "", f"it took longer than {LONGEST} s", 1
        left = [*remaining(), *(str(path) for path in Path(folder).iterdir())]
    good = code == 0 and not left
    print(f"{'ok  ' if good else 'FAIL'}  {name:<15} {time.monotonic() - began:4.0f} s  {' '.join(said.split())}", flush=True)
    for line in [*errors.splitlines(), *(f"left behind: {thing}" for thing in left)]:
        print(f"      {line}", flush=True)
    return good


def remaining() -> list[str]:
    """Ends the processes that a day left behind, and says which they were: those that do not end by themselves in time."""
    left: dict[int, str] = {}
    end = time.monotonic() + GRACE
    while there() and time.monotonic() < end:
        time.sleep(0.02)
    end = time.monotonic() + GRACE
    # The children of one that is killed come after it.
    while (pids := there()) and time.monotonic() < end:
        for pid in pids:
            left.setdefault(pid, f"process {pid} ({name_of(pid)})")
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return list(left.values())


def there() -> list[int]:
    """Reaps the children that have ended. Gives the others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        return []
    return children(os.getpid())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
