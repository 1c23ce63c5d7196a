"""What chaos.py does with its workers, and how these pass descriptors to each other."""

import os
import signal
import socket
import time
from pathlib import Path

from life.choices import A_MOMENT_SECONDS, Choices
from life.world import PATIENCE_SECONDS, Confused, Descriptor, Flight, Place, Sock, Worker
from life.worker import Answer, now

NOBODY = 65534
MOST_WORKERS = 9


class DescriptorActions(Choices):
    def duplicate(self) -> None:
        found = self.held()
        if found:
            worker, fd, sock = found
            cloexec = self.chance(0.5)
            answer = self.world.order(worker, "dup", fd=fd, cloexec=cloexec)
            origin = sock.descriptors[worker.pid, fd]
            self.world.step("duplicated", worker.pid, answer["during"], sock, fd=answer["fd"])
            self.world.gain(sock, (worker.pid, answer["fd"]), Descriptor(origin.via, origin.sender, cloexec, answer["during"]))

    def send(self) -> None:
        """Over a unix socket of which the receiver has the other end, and reads from it now or later."""
        found = self.held()
        receiver = self.worker()
        if not found or found[0] is receiver:
            return
        worker, fd, sock = found
        mine, its = socket.socketpair()
        with mine, its:
            cloexec = self.chance(0.5)
            place = receiver.pid, self.world.order(receiver, "hold", [its.fileno()], cloexec=cloexec)["fd"]
            answer = self.world.order(worker, "send", [mine.fileno()], fd=fd)
        self.world.step("sent", worker.pid, answer["during"], sock, fd=fd)
        flight = Flight(sock, worker.pid, {place: cloexec})
        self.world.take_off(flight, answer["during"])
        if self.chance(0.4):
            for pid, number in list(sock.descriptors):
                if self.world.workers[pid].listens:
                    self.world.close(self.world.workers[pid], number, sock)
        if self.chance(0.4):
            self._receive(place, flight)

    def receive(self) -> None:
        found = self._flying()
        if found:
            self._receive(*found)

    def drop_link(self) -> None:
        found = self._flying()
        if found:
            place = found[0]
            answer = self.world.order(self.world.workers[place[0]], "close", fd=place[1])
            self.world.drop(lambda pid, fd, _: (pid, fd) == place, answer["during"])

    def take(self) -> None:
        """By pidfd_getfd, which the owner does not notice."""
        worker = self.worker()
        found = [(pid, fd, sock) for sock in self.world.socks.values() for pid, fd in sock.descriptors if pid != worker.pid]
        if found and worker.user == 0:
            pid, fd, sock = self.random.choice(found)
            cloexec = self.chance(0.5)
            answer = self.world.order(worker, "take", pid=pid, fd=fd, cloexec=cloexec)
            self._got(sock, worker, answer, pid, cloexec)

    def _flying(self) -> tuple[Place, Flight] | None:
        flights = [(place, flight) for flight in self.world.flights for place in flight.ends if self.world.workers[place[0]].listens]
        return self.random.choice(flights) if flights else None

    def _receive(self, place: Place, flight: Flight) -> None:
        worker = self.world.workers[place[0]]
        cloexec = self.chance(0.5)
        answer = self.world.order(worker, "receive", fd=place[1], cloexec=cloexec)
        self._got(flight.sock, worker, answer, flight.sender, cloexec)
        self.world.land(flight, answer["during"])

    def _got(self, sock: Sock, worker: Worker, answer: Answer, sender: int, cloexec: bool) -> None:
        if answer["inode"] != sock.inode:
            raise Confused(f"received {answer['inode']}, not {sock.inode}")
        self.world.step("received", worker.pid, answer["during"], sock, fd=answer["fd"])
        self.world.gain(sock, (worker.pid, answer["fd"]), Descriptor("received", sender, cloexec, answer["during"]))


class ProcessActions(Choices):
    def start(self) -> None:
        if len(self.world.workers) < MOST_WORKERS:
            self.world.start()

    def fork(self) -> None:
        if len(self.world.workers) < MOST_WORKERS:
            child = self.world.fork(self.worker())
            if self.chance(0.3) and self.spare():
                self.world.execute(child, "cat")

    def execute(self) -> None:
        worker = self.worker()
        if self.chance(0.3) and self.spare():
            self.world.execute(worker, "cat")
        elif worker.user == 0:
            self.world.execute(worker, "worker")

    def become(self) -> None:
        worker = self.worker()
        user = 0 if worker.user else NOBODY
        self.world.order(worker, "become", uid=user)
        worker.user = user

    def stop(self) -> None:
        worker = self.random.choice(list(self.world.workers.values()))
        if not worker.stopped and (worker.control is None or self.spare()):
            self._signal(worker, signal.SIGSTOP)
            worker.stopped = True
            self._until_state(worker, "T", True)

    def go_on(self) -> None:
        stopped = [worker for worker in self.world.workers.values() if worker.stopped]
        if stopped:
            worker = self.random.choice(stopped)
            self._signal(worker, signal.SIGCONT)
            worker.stopped = False
            self._until_state(worker, "T", False)

    def end(self) -> None:
        worker = self.random.choice(list(self.world.workers.values()))
        if worker.listens and not self.spare():
            return
        way = self.random.choice(["kill", "terminate", "exit"])
        if way == "kill" or worker.stopped:
            self.world.ended(worker, self._signal(worker, signal.SIGKILL), "SIGKILL")
        elif way == "terminate":
            self.world.ended(worker, self._signal(worker, signal.SIGTERM), "SIGTERM")
        elif worker.control:
            code = self.random.randrange(3)
            self.world.ended(worker, self.world.command(worker, "exit", code=code), f"code {code}")
        else:
            sent = now()
            worker.pipes.pop("stdin").close()
            self.world.ended(worker, sent, "code 0")

    def _signal(self, worker: Worker, number: signal.Signals) -> int:
        sent = now()
        os.kill(worker.pid, number)
        self.world.step("signalled", worker.pid, (sent, now()), other=os.getpid(), detail=number.name)
        return sent

    def _until_state(self, worker: Worker, state: str, wanted: bool) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while (_state(worker.pid) == state) != wanted:
            if time.monotonic() > end:
                raise Confused(f"{worker.pid} is {_state(worker.pid)}")
            time.sleep(A_MOMENT_SECONDS)


def _state(pid: int) -> str:
    """The state letter of a process."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0]
