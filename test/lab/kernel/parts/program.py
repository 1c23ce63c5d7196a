"""What every program here begins and ends with: the command line, features that a kernel lacks, and clean ends.

lab.run ends a program that takes too long, by a signal. Here there are sysctls and cgroups to put back first, so the
signals become exceptions.
"""

import signal
from collections.abc import Callable

import lab


class Lacking(Exception):
    """This kernel cannot show what the program is about."""


def _end(number: int, _frame: object) -> None:
    raise lab.Unexpected(f"ended by {signal.Signals(number).name}")


def run(program: Callable[[int], None]) -> None:
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        lab.run(program)
    except Lacking as why:
        print(f"# skip {why}", flush=True)
