"""What the hard days share: a bindtrace under way, the truth about refusals, and how a day ends."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import EADDRINUSE
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).parent.parent.parent
CLI = ["node", str(ROOT / "dist/cli.js")]
IPV4_ANY = "0.0.0.0"
SOON = 30.0
"""Seconds that anything may take of which a day does not measure how long it takes."""

FEW, LONGEST = 5, 300
"""What is told of what differs: so many of a list, so many characters."""

Record = dict[str, Any]


def wrong(why: str) -> NoReturn:
    """Ends the day: it did not go as it should."""
    print(why, file=sys.stderr)
    sys.exit(1)


def same(what: str, got: object, wanted: object) -> None:
    """Where they differ, the first difference of two lists is told."""
    if got == wanted:
        return
    if isinstance(got, list) and isinstance(wanted, list):
        at = next((i for i, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]), min(len(got), len(wanted)))
        what = f"{what}: {len(got)} and not {len(wanted)}" if len(got) != len(wanted) else what
        what, got, wanted = f"{what}, from {at} on", got[at : at + FEW], wanted[at : at + FEW]
    wrong(f"{what}: {repr(got)[:LONGEST]}, and not {repr(wanted)[:LONGEST]}")


def until(what: str, holds: Callable[[], bool], seconds: float = SOON) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            wrong(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)


class Trace:
    """bindtrace with --json, read as it speaks. `arrived` has the wall time in ns at which each record was read."""

    def __init__(self, *args: str, patience: float = SOON) -> None:
        self.process = subprocess.Popen([*CLI, *args, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        atexit.register(self.process.kill)
        self.records: list[Record] = []
        self.arrived: list[int] = []
        self._errors: list[bytes] = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()
        until("armed", lambda: bool(self.records) or self.process.poll() is not None, patience)
        if not self.records:
            self._readers[1].join()
            wrong(f"it was not armed: {self.errors}")

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.take(json.loads(line))

    def take(self, record: Record) -> None:
        self.arrived.append(time.time_ns())
        self.records.append(record)

    def _read_errors(self) -> None:
        assert self.process.stderr
        self._errors.extend(self.process.stderr)

    @property
    def errors(self) -> str:
        return b"".join(self._errors).decode()

    def of(self, kind: str) -> list[Record]:
        return [record for record in self.records if record["type"] == kind]

    @property
    def failures(self) -> list[Record]:
        return self.of("failure")

    @property
    def bpftrace(self) -> int:
        for pid in children(self.process.pid):
            if name_of(pid) == "bpftrace":
                return pid
        wrong("it has no bpftrace")

    def stop(self, how: signal.Signals = signal.SIGINT) -> "Ended":
        began = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(timeout=120)
        seconds = time.monotonic() - began
        for reader in self._readers:
            reader.join()
        return Ended(code, self.of("summary")[-1] if self.of("summary") else {}, self.errors, seconds)


class Ended(NamedTuple):
    code: int
    summary: Record
    errors: str
    seconds: float

    def expect(self, code: int, failures: int, errors: str = "") -> None:
        """It ended with this code, with so many failures, all explained, and nothing lost."""
        if not self.summary:
            wrong(f"it ended with {self.code} before its summary: {self.errors}")
        said = {name: self.summary.get(name) for name in ("failures", "explained", "lost")}
        same("summary", said, {"failures": failures, "explained": failures if code == 1 else said["explained"], "lost": 0})
        same("exit code and stderr", (self.code, self.errors), (code, errors))


class Refusal(NamedTuple):
    """What a refused bind knows of itself; times in ns of the wall clock."""

    pid: int
    inode: int
    entered: int
    returned: int


def listener(port: int, address: str = IPV4_ANY) -> socket.socket:
    owner = socket.socket()
    owner.bind((address, port))
    owner.listen()
    return owner


def refused(port: int, address: str = IPV4_ANY) -> Refusal:
    """Has a bind of this port refused."""
    with socket.socket() as binder:
        inode = inode_of(binder)
        entered = time.time_ns()
        try:
            binder.bind((address, port))
        except OSError as error:
            returned = time.time_ns()
            if error.errno == EADDRINUSE:
                return Refusal(os.getpid(), inode, entered, returned)
            raise
    wrong(f"port {port} was free")


def paced(count: int, rate: float) -> Iterator[int]:
    """The numbers below count, so many a second, or later where that is too many."""
    began = time.monotonic()
    for number in range(count):
        if (early := began + number / rate - time.monotonic()) > 0:
            time.sleep(early)
        yield number


def inode_of(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def instant(iso: str) -> int:
    """Wall time in ns of a time with nine decimals."""
    whole, _, rest = iso.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 1_000_000_000 + int(rest.ljust(9, "0"))


def holders(trace: Trace, failure: Record, blocker: int = 0) -> tuple[list[tuple[int, int]], bool]:
    """Who holds a blocker, as (pid, fd), and whether every process was looked into; by the last word said of it."""
    said = failure["blockers"][blocker]
    late = [r for r in trace.of("holders") if r["failure"] == failure["id"] and r["socket"] == said["socket"]]
    found, complete = (late[-1]["holders"], late[-1]["complete"]) if late else (said["holders"], said["holdersComplete"])
    return [(holder["pid"], holder["fd"]) for holder in found], complete


def children(pid: int) -> list[int]:
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def name_of(pid: int) -> str:
    return status(pid).get("Name", "")


def memory_of(pid: int) -> float:
    """Resident memory in MiB, 0 of a process that has gone."""
    return int(status(pid).get("VmRSS", "0").split()[0]) / 1024


def status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextmanager
def child(run: Callable[[], None]) -> Iterator[int]:
    """A forked process that does this; killed at the end, where it has not ended by itself."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            run()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bindtrace-hard-") as folder:
        yield Path(folder)
