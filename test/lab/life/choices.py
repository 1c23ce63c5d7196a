"""What every action of chaos.py chooses from."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from life.world import PATIENCE_SECONDS, Sock, Worker, World

A_MOMENT_SECONDS = 0.005

Held = tuple[Worker, int, Sock]


class Choices:
    def __init__(self, world: World, seed: int, report: Path | None) -> None:
        self.world = world
        self.random = Random(seed)
        self.report = report
        self._read = self._reported = 0

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def worker(self) -> Worker:
        return self.random.choice([worker for worker in self.world.workers.values() if worker.listens])

    def spare(self) -> bool:
        """Enough workers take orders that one of them may stop."""
        return sum(worker.listens for worker in self.world.workers.values()) > 3

    def held(self, fits: Callable[[Sock], bool] = lambda sock: True) -> Held | None:
        """A descriptor, in a process that takes orders, of a socket that fits."""
        found = [
            (self.world.workers[pid], fd, sock)
            for sock in self.world.socks.values()
            if fits(sock)
            for pid, fd in sock.descriptors
            if self.world.workers[pid].listens
        ]
        return self.random.choice(found) if found else None

    def wait_for_report(self) -> None:
        """Until bindtrace has reported every refusal, or for so long."""
        if self.report is None:
            return
        end = time.monotonic() + PATIENCE_SECONDS
        while self._reported < self.world.refusals and time.monotonic() < end:
            with open(self.report, "rb") as report:
                report.seek(self._read)
                whole, newline, _ = report.read().rpartition(b"\n")
            self._read += len(whole + newline)
            self._reported += whole.count(b'"type":"failure"')
            time.sleep(A_MOMENT_SECONDS)
