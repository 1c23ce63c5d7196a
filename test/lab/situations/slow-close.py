"""A server has closed its listening socket, and close has returned, but the port is not free yet.

Another of its threads is still waiting in accept on the same socket. That call keeps the socket, though no descriptor
refers to it any more, until the next client connects.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from threading import Thread

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, listener, owner, refused_bind, reset, run, unbound
from processes import child_process, until

LOOPBACK = "127.0.0.1"


def waits_on(thread: int, fd: int) -> bool:
    """Whether that thread is in a system call on that descriptor (proc_pid_syscall(5))."""
    call = Path(f"/proc/self/task/{thread}/syscall").read_text(encoding="ascii").split()
    return len(call) > 1 and call[1] == hex(fd)


def old_server(port: int) -> Iterator[Owner | None]:
    accepted: list[socket] = []
    server = listener(IPV4_ANY, port)
    acceptor = Thread(target=lambda: accepted.append(server.accept()[0]), daemon=True)
    acceptor.start()
    until(lambda: waits_on(acceptor.native_id or 0, server.fileno()), "nobody accepts")
    described = owner(server, "LISTEN", "listening")
    server.close()
    yield described
    acceptor.join()
    reset(*accepted)
    yield None


def slow_close(port: int) -> None:
    with child_process(old_server(port)) as server, unbound(LOOPBACK) as client:
        blocker = server.step()
        refused_bind(IPV4_ANY, port, by=[blocker], story={"nature": "in-flight"})
        client.connect((LOOPBACK, port))
        server.step()
        bound(IPV4_ANY, port).close()


run(slow_close)
