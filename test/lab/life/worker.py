"""A worker of chaos.py: it does with sockets what it is told, one order at a time, and answers each.

Orders and answers are JSON over the unix socket that is its descriptor CONTROL; it ends when nobody is at the other end.
Sockets are named by their descriptors, so that a worker has nothing to remember, and goes on after an exec.
"""

import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CONTROL = 3
PROGRAM = os.path.abspath(__file__)
PATIENCE_SECONDS = 10
SYS_PIDFD_GETFD = 438
PROTOCOLS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
OPTIONS = {
    "reuseAddr": (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "reusePort": (socket.SOL_SOCKET, socket.SO_REUSEPORT),
    "ipv6Only": (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
}

Order = dict[str, Any]
Answer = dict[str, Any]


def now() -> int:
    """CLOCK_BOOTTIME in ns, the clock of the trace."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@contextmanager
def borrowed(fd: int) -> Iterator[socket.socket]:
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


def keep(fd: int, cloexec: bool) -> Answer:
    os.set_inheritable(fd, not cloexec)
    return {"fd": fd, "inode": os.fstat(fd).st_ino}


def facts(fd: int) -> Answer:
    """What the kernel says of a socket to a process that has it."""
    with borrowed(fd) as sock:
        ipv6 = sock.family == socket.AF_INET6
        try:
            peer = sock.getpeername()[:2]
        except OSError:
            peer = None
        status = os.fstat(fd)
        return {
            "inode": status.st_ino,
            "uid": status.st_uid,
            "protocol": "udp" if sock.type == socket.SOCK_DGRAM else "tcp",
            "family": "ipv6" if ipv6 else "ipv4",
            "name": sock.getsockname()[:2],
            "peer": peer,
            **{name: (ipv6 or name != "ipv6Only") and sock.getsockopt(*which) != 0 for name, which in OPTIONS.items()},
        }


# Orders. The descriptors that came with one are its last argument.


def make(order: Order, _: list[int]) -> Answer:
    fd = socket.socket(FAMILIES[order["family"]], PROTOCOLS[order["protocol"]]).detach()
    for name, value in order["options"].items():
        option({"fd": fd, "option": name, "value": value}, [])
    return keep(fd, order["cloexec"])


def option(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        sock.setsockopt(*OPTIONS[order["option"]], int(order["value"]))
    return {}


def bind(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        entered = now()
        errno = 0
        try:
            sock.bind((order["address"], order["port"]))
        except OSError as error:
            errno = error.errno
        return {"entered": entered, "returned": now(), "errno": errno}


def listen(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        entered = now()
        errno = 0
        try:
            sock.listen(64)
        except OSError as error:
            errno = error.errno
        return {"entered": entered, "returned": now(), "errno": errno}


def connect(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        sock.settimeout(PATIENCE_SECONDS)
        try:
            sock.connect((order["address"], order["port"]))
        finally:
            sock.settimeout(None)
    return {}


def accept(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        if not select.select([sock], [], [], PATIENCE_SECONDS)[0]:
            return {"errno": -1}
        return keep(sock.accept()[0].detach(), order["cloexec"])


def hang_up(order: Order, _: list[int]) -> Answer:
    with borrowed(order["fd"]) as sock:
        sock.shutdown(socket.SHUT_WR)
    return {}


def stuff(order: Order, _: list[int]) -> Answer:
    """Send until no more fits, so that what is sent last, be it a FIN, waits behind it."""
    with borrowed(order["fd"]) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        sock.setblocking(False)
        try:
            while sock.send(bytes(65536)):
                pass
        except BlockingIOError:
            pass
        finally:
            sock.setblocking(True)
    return {}


def end_by(order: Order, _: list[int]) -> Answer:
    """How the connection ends with its last descriptor: by a RST, so that nothing of it stays, or in order."""
    with borrowed(order["fd"]) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", order["reset"], 0))
    return {}


def close(order: Order, _: list[int]) -> Answer:
    os.close(order["fd"])
    return {}


def duplicate(order: Order, _: list[int]) -> Answer:
    return keep(os.dup(order["fd"]), order["cloexec"])


def send(order: Order, fds: list[int]) -> Answer:
    """Send a descriptor over the link that came with the order; the other end of that has it now."""
    with socket.socket(fileno=fds[0]) as link:
        socket.send_fds(link, [b"."], [order["fd"]])
    return {}


def hold(order: Order, fds: list[int]) -> Answer:
    return keep(fds[0], order["cloexec"])


def receive(order: Order, _: list[int]) -> Answer:
    with socket.socket(fileno=order["fd"]) as link:
        fds = socket.recv_fds(link, 1, 1)[1]
    return keep(fds[0], order["cloexec"])


def take(order: Order, _: list[int]) -> Answer:
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(order["pid"])
    try:
        fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, order["fd"], 0)
        if fd == -1:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
    finally:
        os.close(pidfd)
    return keep(fd, order["cloexec"])


def become(order: Order, _: list[int]) -> Answer:
    os.seteuid(0)
    os.seteuid(order["uid"])
    return {}


def fork(_: Order, fds: list[int]) -> Answer:
    """A child that has every descriptor, and the control socket that came with the order instead of this one's."""
    pid = os.fork()
    if pid == 0:
        os.dup2(fds[0], CONTROL, inheritable=False)
    os.close(fds[0])
    return {"pid": pid or os.getpid()}


def execute(order: Order, fds: list[int]) -> Answer:
    """Become this program anew, or cat between the pipes that came with the order."""
    if order["program"] == "worker":
        os.set_inheritable(CONTROL, True)
        os.execv(sys.executable, [sys.executable, "-I", "-S", PROGRAM])
    for standard, fd in enumerate(fds):
        os.dup2(fd, standard)
        os.close(fd)
    os.execvp("cat", ["cat"])


def end(order: Order, _: list[int]) -> Answer:
    os._exit(order["code"])


ORDERS = {
    "make": make,
    "option": option,
    "bind": bind,
    "listen": listen,
    "connect": connect,
    "accept": accept,
    "hang up": hang_up,
    "stuff": stuff,
    "end by": end_by,
    "close": close,
    "dup": duplicate,
    "send": send,
    "hold": hold,
    "receive": receive,
    "take": take,
    "become": become,
    "fork": fork,
    "exec": execute,
    "exit": end,
    "facts": lambda order, _: facts(order["fd"]),
}


def begin() -> None:
    """Report to the director, and serve."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with borrowed(CONTROL) as control:
        control.send(b"{}")
        while True:
            message, fds = socket.recv_fds(control, 65536, 4)[:2]
            if not message:
                os._exit(0)
            order = json.loads(message)
            try:
                answer = {"errno": 0} | ORDERS[order["do"]](order, fds)
            except OSError as error:
                answer = {"errno": error.errno}
            try:
                control.send(json.dumps(answer).encode())
            except OSError:
                os._exit(0)


if __name__ == "__main__":
    os.set_inheritable(CONTROL, False)
    begin()
