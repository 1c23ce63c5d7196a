"""Refuses binds one at a time for latency.mjs: a line on stdin, and a fresh listener is in the way of a fresh process.
Usage: latency.py PORT [many] [accept]. `many`: the holder of the listener has as many descriptors as it may; `accept`: a thread of it
waits in accept. Prints first how many descriptors it has, then when each bind returned (CLOCK_MONOTONIC, ns)."""

import contextlib
import os
import resource
import socket
import sys
import threading
import time

ADDRESS = ("127.0.0.1", int(sys.argv[1]))
MANY = "many" in sys.argv
ACCEPT = "accept" in sys.argv


def forked(run, *args) -> None:
    if os.fork() == 0:
        with contextlib.suppress(BaseException):
            run(*args)
        os._exit(0)


def listener() -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(ADDRESS)
    server.listen()
    return server


def accept(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        server.accept()


def hold(orders: socket.socket) -> None:
    """Has a listener from one order to the next."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 16, most + 16))
    copies = [os.dup(orders.fileno()) for _ in range(most if MANY else 0)]
    orders.send(str(len(copies)).encode())
    server = None
    while orders.recv(1):
        if server:
            # A thread in accept is told of the end by shutdown alone.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        server = listener()
        if ACCEPT:
            threading.Thread(target=accept, args=(server,), daemon=True).start()
            time.sleep(0.02)
        orders.send(b"+")


def bind_in_vain() -> None:
    with socket.socket() as binder:
        binder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            binder.bind(ADDRESS)
        except OSError:
            os.write(1, f"{time.monotonic_ns()}\n".encode())


ours, theirs = socket.socketpair()


def holder() -> None:
    ours.close()
    hold(theirs)


forked(holder)
theirs.close()
print(ours.recv(16).decode(), flush=True)
for _ in sys.stdin:
    ours.send(b"+")
    ours.recv(1)
    forked(bind_in_vain)
    os.wait()
