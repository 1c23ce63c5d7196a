"""bindtrace under churn for many minutes: its memory stays flat, and it reports every refusal.

Usage: soak.py MINUTES. Wants root and a network namespace of its own. Servers start and end, each has binds refused, every tenth
has connections, of which some stay in TIME_WAIT. Prints the memory of bindtrace and bpftrace each minute. Exit 1 when the median of
the last third is above GROWTH times that of the first third after the warm-up, or when a report is not that of the log.
"""

import os
import random
import signal
import socket
import sys
import threading
import time
from collections import deque
from statistics import median

from stage import IPV4_ANY, Record, Trace, child, inode_of, memory_of, paced, refused, same, wrong

PORTS = [18390, 18391, 18392, 18393]
ROUNDS_A_SECOND = 8
CONNECTED_ROUND = 10
WARM_UP = 5.0
"""Minutes; a fifth of a shorter soak. node sizes its heap meanwhile."""
GROWTH = 1.2


class Expected:
    """Refusals that were not reported yet: the binder's inode, and those that may be blamed for it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, int, set[int]]] = deque()
        self.refused = self.reported = 0

    def add(self, binder: int, owner: int, others: set[int]) -> None:
        self.waiting.append((binder, owner, others))
        self.refused += 1


class Soak(Trace):
    """Judges what comes, and keeps nothing of it but the last record."""

    def __init__(self, expected: Expected, *args: str) -> None:
        self.expected = expected
        self.problem: str | None = None
        self.kinds: dict[str, int] = {}
        super().__init__(*args)

    def take(self, record: Record) -> None:
        self.records[:] = [record]
        if record["type"] != "failure":
            return
        binder, blamed = record["binder"]["inode"], {b["inode"] for b in record["blockers"]} - {None}
        # It may be read before the one that was refused has noted that.
        end = time.monotonic() + 1
        while not self.expected.waiting and time.monotonic() < end:
            time.sleep(0.001)
        if not self.expected.waiting:
            self.problem = self.problem or f"{record['id']} was not refused"
            return
        wanted, owner, others = self.expected.waiting.popleft()
        self.kinds[record["confidence"]] = self.kinds.get(record["confidence"], 0) + 1
        if binder != wanted:
            self.problem = self.problem or f"{record['id']} is of socket {binder}, and {wanted} was refused"
        elif not (owner in blamed and blamed <= {owner, *others}):
            self.problem = self.problem or f"{record['id']}: blamed {blamed}, and {owner} had the port"
        self.expected.reported += 1


def churn(expected: Expected, chance: random.Random, connected: bool) -> None:
    """One server's life."""
    port = chance.choice(PORTS)
    with socket.socket() as owner:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        owner.bind((IPV4_ANY, port))
        owner.listen()
        # The descriptor is the server's as well, whose end is not the port's.
        with child(signal.pause) as server:
            clients: list[socket.socket] = []
            accepted: list[socket.socket] = []
            for _ in range(chance.randint(1, 4) if connected else 0):
                clients.append(socket.create_connection(("127.0.0.1", port)))
                accepted.append(owner.accept()[0])
            for _ in range(chance.randint(1, 5)):
                expected.add(refused(port).inode, inode_of(owner), {inode_of(s) for s in accepted})
            for sock in chance.choice([clients + accepted, accepted + clients]):
                sock.close()
            os.kill(server, chance.choice([signal.SIGTERM, signal.SIGKILL]))


def measure(trace: Soak, minutes: float, over: threading.Event, samples: list[tuple[float, float, float]]) -> None:
    """A sample every ten seconds, a printed line every minute."""
    began, bpftrace = time.monotonic(), trace.bpftrace
    print("minute  bindtrace MiB  bpftrace MiB   refused  reported", flush=True)
    while not over.wait(10):
        at = (time.monotonic() - began) / 60
        samples.append((at, memory_of(trace.process.pid), memory_of(bpftrace)))
        if len(samples) % 6 == 0:
            own, its = (median(column) for column in list(zip(*samples[-6:]))[1:])
            print(f"{at:6.0f}  {own:13.0f}  {its:12.0f}  {trace.expected.refused:8}  {trace.expected.reported:8}", flush=True)


def main(minutes: float) -> None:
    expected, chance, over = Expected(), random.Random(1), threading.Event()
    samples: list[tuple[float, float, float]] = []
    trace = Soak(expected, "--port", ",".join(map(str, PORTS)), "--netns", "self")
    meter = threading.Thread(target=measure, args=(trace, minutes, over, samples))
    meter.start()
    end, rounds = time.monotonic() + minutes * 60, 0
    for rounds in paced(round(minutes * 60 * ROUNDS_A_SECOND), ROUNDS_A_SECOND):
        if time.monotonic() > end or trace.problem or trace.process.poll() is not None:
            break
        churn(expected, chance, rounds % CONNECTED_ROUND == 0)
    over.set()
    meter.join()
    ended = trace.stop()
    if trace.problem:
        wrong(trace.problem)
    same("reported", expected.reported, expected.refused)
    same("summary", (ended.summary["failures"], ended.summary["lost"], ended.errors), (expected.refused, 0, ""))
    warm = min(WARM_UP, minutes / 5)
    third = (minutes - warm) / 3
    grown = []
    for what, column in (("bindtrace", 1), ("bpftrace", 2)):
        first = median([s[column] for s in samples if warm <= s[0] < warm + third] or [0])
        last = median([s[column] for s in samples if s[0] >= minutes - third] or [0])
        print(f"{what}: {first:.0f} MiB in the first third, {last:.0f} MiB in the last, {last / max(first, 1):.2f} of it")
        grown += [what] if last > first * GROWTH else []
    print(f"{rounds} servers, {expected.refused} refusals, {expected.reported} reported, 0 lost; {trace.kinds}")
    if grown:
        wrong(f"the memory of {' and '.join(grown)} grew to more than {GROWTH} of what it was")


if __name__ == "__main__":
    main(float(sys.argv[1]))
