"""A server binds and listens through io_uring, without any of the system calls bind and listen.

First its bind is refused, by a listener. Then, as in second-listen-refused, two sockets with SO_REUSEADDR are bound to
the port, one listens, and the listen of the other is refused.
"""

import os
import sys
from errno import EINVAL
from socket import SO_REUSEADDR, socket

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, expect, listener, owner, unbound
from parts.program import Lacking, run
from parts.refusal import refused
from parts.uring import Ring, fresh_ring


def bind(ring: Ring, sock: socket, port: int) -> None:
    check(ring.bind(sock, IPV4_ANY, port))


def listen(ring: Ring, sock: socket) -> None:
    check(ring.listen(sock))


def check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def io_uring(port: int) -> None:
    with fresh_ring() as ring:
        with unbound(IPV4_ANY) as sock:
            result = ring.bind(sock, IPV4_ANY, port)
            if result == -EINVAL:
                raise Lacking("io_uring has no bind in this kernel")
            check(result)
            expect(sock.getsockname() == (IPV4_ANY, port), f"io_uring bound {sock.getsockname()}")
            listen(ring, sock)
        with listener(IPV4_ANY, port) as first, unbound(IPV4_ANY) as sock:
            blocker = owner(first, "LISTEN", "listening")
            refused(sock, "bind", lambda: bind(ring, sock, port), IPV4_ANY, port, by=[blocker], fd=None)
            first.close()
            bind(ring, sock, port)
        with bound(IPV4_ANY, port, SO_REUSEADDR) as first, bound(IPV4_ANY, port, SO_REUSEADDR) as second:
            first.listen()
            blocker = owner(first, "LISTEN", "reuseaddr-but-listening")
            refused(second, "listen", lambda: listen(ring, second), IPV4_ANY, port, by=[blocker], fd=None)
            first.close()
            listen(ring, second)


run(io_uring)
