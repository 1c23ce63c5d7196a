"""Ten thousand processes, and one with as many descriptors as this machine allows: who holds the port is found."""

import ctypes
import os
import resource
import signal
from pathlib import Path
from statistics import median

from stage import Trace, child, holders, listener, refused, same, until, wrong

PORT, PROCESSES, ROUNDS = 18360, 10_000, 5
SPARE = 10
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with(parent: int) -> None:
    """Whatever ends the parent ends this process, too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def sleepers(count: int) -> int:
    """So many processes that do nothing, as children of one in a process group of its own; they end with it, and that with the day."""
    ready, tell = os.pipe()
    day = os.getpid()
    leader = os.fork()
    if leader == 0:
        end_with(day)
        os.setpgid(0, 0)
        own = os.getpid()
        for _ in range(count):
            if os.fork() == 0:
                end_with(own)
                signal.pause()
        os.write(tell, b".")
        signal.pause()
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return leader


def crowd() -> str:
    """The holder is older than ten thousand others, and one of them is refused."""
    told, tell = os.pipe()

    def holder() -> None:
        with listener(PORT) as owner:
            os.write(tell, str(owner.fileno()).encode())
            signal.pause()

    with child(holder) as pid:
        fd = int(os.read(told, 10))
        leader = sleepers(PROCESSES)
        try:
            there = sum(name.name.isdigit() for name in Path("/proc").iterdir())
            trace = Trace("--port", str(PORT), "--netns", "self")
            times = rounds(trace, [(pid, fd)])
            trace.stop().expect(1, ROUNDS)
        finally:
            os.killpg(leader, signal.SIGKILL)
            os.waitpid(leader, 0)
    return f"{there:,} processes: {ROUNDS} of {ROUNDS}, printed after {median(times):.0f} ms (median), {max(times):.0f} ms at most"


def table() -> str:
    """The listener is the last of all descriptors that the holder may have."""
    told, tell = os.pipe()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def holder() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        for _ in range(limit - SPARE):
            os.open("/dev/null", os.O_RDONLY)
        with listener(PORT) as owner:
            os.write(tell, str(owner.fileno()).encode())
            signal.pause()

    with child(holder) as pid:
        fd = int(os.read(told, 10))
        trace = Trace("--port", str(PORT), "--netns", "self")
        times = rounds(trace, [(pid, fd)])
        trace.stop().expect(1, ROUNDS)
    return f"{fd + 1:,} descriptors, which the limit of {limit:,} allows: {ROUNDS} of {ROUNDS}, {median(times):.0f} ms, {max(times):.0f} ms at most"


def rounds(trace: Trace, held: list[tuple[int, int]]) -> list[float]:
    """Times in ms from refused to printed."""
    times = []
    for round in range(ROUNDS):
        true = refused(PORT)
        until("reported", lambda: len(trace.failures) == round + 1)
        failure = trace.failures[-1]
        times.append((trace.arrived[trace.records.index(failure)] - true.returned) / 1e6)
        until("its holders", lambda: holders(trace, failure)[1])
        same("holders", holders(trace, failure), (held, True))
        same("binder", (failure["binder"]["pid"], failure["binder"]["inode"]), (true.pid, true.inode))
    return times


os.setpgid(0, 0)
print(f"{crowd()}; {table()}")
