"""A UDP client sends without bind: the kernel chooses a port, and nobody called bind.

The next server on that port is refused. Other clients get EAGAIN, which is how sendto() and connect() say that there
is no port left.
"""

import sys
from errno import EAGAIN
from socket import IPPROTO_UDP as UDP

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, expect, owner, refused_bind, unbound
from parts.ports import only
from parts.program import run
from parts.refusal import refused

THERE = ("127.0.0.1", 1)


def udp_autobind(port: int) -> None:
    with only(port), unbound(IPV4_ANY, protocol=UDP) as first, unbound(IPV4_ANY, protocol=UDP) as second:
        first.sendto(b"", THERE)
        expect(first.getsockname() == (IPV4_ANY, port), f"the kernel chose {first.getsockname()}")
        refused_bind(IPV4_ANY, port, by=[owner(first, "BOUND", "bound")], protocol=UDP)
        for operation, attempt in (
            ("sendto", lambda: second.sendto(b"", THERE)),
            ("connect", lambda: second.connect(THERE)),
        ):
            refused(second, operation, attempt, IPV4_ANY, 0, rule="ports-exhausted", errno=EAGAIN, fd=None)
        first.close()
        second.connect(THERE)
        expect(second.getsockname()[1] == port, f"the kernel chose {second.getsockname()}")


run(udp_autobind)
