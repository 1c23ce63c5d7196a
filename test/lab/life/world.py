"""What the director of chaos.py knows: its workers, their sockets, and how each descriptor came to its process.

Every order is answered before the next is given, so that this is the truth at every refusal. The log has all of it.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from life import worker as program
from life.kernel import End, Row, connection, rows_on
from life.worker import CONTROL, Answer, now

PATIENCE_SECONDS = 20

Place = tuple[int, int]  # pid and descriptor
During = tuple[int, int]  # an order was given, and answered: CLOCK_BOOTTIME in ns


class Confused(Exception):
    """The lab does not know any more what is true."""


@dataclass
class Worker:
    pid: int
    control: socket.socket | None  # None: it has become cat, of which these are the pipes
    pipes: dict[str, IO[bytes]] = field(default_factory=dict)
    user: int = 0
    stopped: bool = False
    pidfd: int = -1

    def __post_init__(self) -> None:
        self.pidfd = os.pidfd_open(self.pid)

    @property
    def listens(self) -> bool:
        """It takes orders."""
        return self.control is not None and not self.stopped

    def close(self) -> None:
        os.close(self.pidfd)
        for end in (self.control, *self.pipes.values()):
            if end is not None:
                end.close()


@dataclass
class Descriptor:
    via: str
    sender: int | None
    cloexec: bool
    gained: During


@dataclass
class Sock:
    inode: int
    creator: int
    facts: dict[str, Any]
    opener: int | None = None
    locked: bool = False  # it named its port, and keeps that when its connection is over (SOCK_BINDPORT_LOCK)
    connected: bool = False  # once at least
    listening: bool = False
    descriptors: dict[Place, Descriptor] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        return self.facts["protocol"]

    @property
    def port(self) -> int:
        return self.facts["name"][1]

    @property
    def bound(self) -> bool:
        """It has its port, also where /proc/net does not show it."""
        return self.port != 0 and (self.locked or not self.connected)


@dataclass
class Flight:
    """A descriptor that was sent and not received. `ends`: who has the other end of that link, and whether exec closes it."""

    sock: Sock
    sender: int
    ends: dict[Place, bool]


class World:
    def __init__(self, ports: list[int]) -> None:
        self.ports = frozenset(ports)
        self.workers: dict[int, Worker] = {}
        self.socks: dict[int, Sock] = {}
        self.flights: list[Flight] = []
        # What was true of a connection when a process last had it, or of its listener when it came.
        self.connections: dict[object, dict[str, Any]] = {}
        self.refusals = self.orders = 0

    # Log

    def say(self, **line: Any) -> None:
        sys.stdout.write(json.dumps(line) + "\n")

    def step(self, step: str, pid: int, during: During, sock: Sock | None = None, **more: Any) -> None:
        self.say(type="step", step=step, pid=pid, during=during, inode=sock and sock.inode, **more)

    # Orders

    def order(self, worker: Worker, do: str, fds: list[int] | None = None, **order: Any) -> Answer:
        sent = self.command(worker, do, fds, **order)
        return self.answer(worker) | {"during": (sent, now())}

    def command(self, worker: Worker, do: str, fds: list[int] | None = None, **order: Any) -> int:
        """Give an order without waiting for its answer. Gives the instant before."""
        if worker.control is None:
            raise Confused(f"{worker.pid} takes no orders")
        self.orders += 1
        sent = now()
        socket.send_fds(worker.control, [json.dumps({"do": do} | order).encode()], fds or [])
        return sent

    def answer(self, worker: Worker) -> Answer:
        message = worker.control.recv(65536) if worker.control else b""
        if not message:
            raise Confused(f"{worker.pid} has gone")
        return json.loads(message)

    # Processes

    def start(self) -> None:
        """A worker that is a child of the director."""
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _be_worker(its.fileno())
        its.close()
        self.answer(self._add(pid, mine))

    def fork(self, parent: Worker) -> Worker:
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            answer = self.order(parent, "fork", [its.fileno()])
        child = self._add(answer["pid"], mine, parent.user)
        self.answer(child)
        during = (answer["during"][0], now())
        self.step("forked", parent.pid, during, other=child.pid)
        for sock in self.socks.values():
            for (pid, fd), descriptor in list(sock.descriptors.items()):
                if pid == parent.pid:
                    self.gain(sock, (child.pid, fd), Descriptor("inherited", parent.pid, descriptor.cloexec, during))
        for flight in self.flights:
            flight.ends |= {(child.pid, fd): cloexec for (pid, fd), cloexec in flight.ends.items() if pid == parent.pid}
        return child

    def _add(self, pid: int, control: socket.socket, user: int = 0) -> Worker:
        control.settimeout(PATIENCE_SECONDS)
        worker = self.workers[pid] = Worker(pid, control, user=user)
        return worker

    def execute(self, worker: Worker, what: str) -> None:
        """It becomes the worker's program anew, or cat."""
        if what == "cat":
            (stdin, write), (read, stdout) = os.pipe(), os.pipe()
            sent = self.command(worker, "exec", [stdin, stdout], program=what)
            os.close(stdin)
            os.close(stdout)
            worker.close()
            cat = self.workers[worker.pid] = Worker(worker.pid, None, {"stdin": open(write, "wb", 0), "stdout": open(read, "rb", 0)})
            # What exec closes is closed before the new program does anything.
            cat.pipes["stdin"].write(b".")
            if not select.select([read], [], [], PATIENCE_SECONDS)[0] or os.read(read, 1) != b".":
                raise Confused(f"{worker.pid} did not become cat")
        else:
            sent = self.command(worker, "exec", program=what)
            self.answer(worker)
        during = (sent, now())
        self.step("execed", worker.pid, during)
        self.drop(lambda pid, fd, cloexec: pid == worker.pid and cloexec, during)

    def ended(self, worker: Worker, sent: int, detail: str) -> None:
        """It was told to end: wait until it has, and all that it had open with it (do_exit)."""
        if not select.select([worker.pidfd], [], [], PATIENCE_SECONDS)[0]:
            raise Confused(f"{worker.pid} does not end")
        during = (sent, now())
        self.step("exited", worker.pid, during, detail=detail)
        self.drop(lambda pid, *_: pid == worker.pid, during)
        self.workers.pop(worker.pid).close()

    # Descriptors

    def gain(self, sock: Sock, place: Place, descriptor: Descriptor) -> None:
        sock.descriptors[place] = descriptor
        pid, fd = place
        how = {"via": descriptor.via, "sender": descriptor.sender, "during": descriptor.gained}
        self.say(type="gained", inode=sock.inode, pid=pid, fd=fd, **how)

    def drop(self, gone: Callable[[int, int, bool], bool], during: During) -> None:
        """Descriptors are closed: those for whose process, number and CLOEXEC `gone` says so."""
        for sock in self.socks.values():
            for (pid, fd), descriptor in list(sock.descriptors.items()):
                if gone(pid, fd, descriptor.cloexec):
                    del sock.descriptors[pid, fd]
                    self.say(type="lost", inode=sock.inode, pid=pid, fd=fd, during=during)
        for flight in list(self.flights):
            flight.ends = {(pid, fd): cloexec for (pid, fd), cloexec in flight.ends.items() if not gone(pid, fd, cloexec)}
            if not flight.ends:
                self.land(flight, during)
        flying = {flight.sock.inode for flight in self.flights}
        # What is left of a socket that nobody has is the kernel's.
        self.socks = {inode: sock for inode, sock in self.socks.items() if sock.descriptors or inode in flying}

    def take_off(self, flight: Flight, during: During) -> None:
        self.flights.append(flight)
        self.say(type="sent", inode=flight.sock.inode, during=during)

    def land(self, flight: Flight, during: During) -> None:
        """It is received, or the link has gone with all that was on it."""
        self.flights.remove(flight)
        self.say(type="landed", inode=flight.sock.inode, during=during)

    def close(self, worker: Worker, fd: int, sock: Sock) -> None:
        answer = self.order(worker, "close", fd=fd)
        self.step("copy-closed", worker.pid, answer["during"], sock, fd=fd)
        self.drop(lambda pid, number, _: (pid, number) == (worker.pid, fd), answer["during"])

    # Sockets

    def rows(self) -> dict[object, Row]:
        return rows_on(self.ports)

    def learn(self, sock: Sock) -> None:
        """What the kernel says of it now, where one of those who have it takes orders."""
        place = next(((self.workers[pid], fd) for pid, fd in sock.descriptors if self.workers[pid].listens), None)
        if place is None:
            return
        worker, fd = place
        answer = self.order(worker, "facts", fd=fd)
        if answer["inode"] != sock.inode:
            raise Confused(f"{worker.pid} has {answer['inode']} at {fd}, not {sock.inode}")
        # A connection that is over has no peer to a process.
        peer: End | None = answer["peer"] or sock.facts.get("peer")
        facts = {key: answer[key] for key in ("inode", "uid", "protocol", "family", "reuseAddr", "reusePort", "ipv6Only")}
        sock.facts = facts | {"name": tuple(answer["name"]), "peer": peer and tuple(peer)}
        if answer["peer"]:
            sock.connected = True
            people = {"creator": sock.creator, "opener": sock.opener}
            self.connections[connection(sock.facts["name"], sock.facts["peer"])] = sock.facts | people


def _be_worker(control: int) -> None:
    """In the child: have nothing of the director's but the control socket, and serve."""
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(control, CONTROL, inheritable=False)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    os.closerange(CONTROL + 1, os.sysconf("SC_OPEN_MAX"))
    try:
        program.begin()
    finally:
        os._exit(1)
