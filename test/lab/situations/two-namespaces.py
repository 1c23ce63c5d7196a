"""Two network namespaces each have a server on the same port, and one of them gets a second.

Every network namespace has its own ports, so the first two do not meet. The third meets only the one that listens
in its own namespace.
"""

import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run
from processes import libc, other_process

CLONE_NEWNET = 0x40000000


def container(port: int) -> Iterator[None]:
    libc("unshare", CLONE_NEWNET)
    with listener(IPV4_ANY, port) as inside:
        yield
        refused_bind(IPV4_ANY, port, by=[owner(inside, "LISTEN", "listening")])
    bound(IPV4_ANY, port).close()


def two_namespaces(port: int) -> None:
    with other_process(container(port)):
        outside = listener(IPV4_ANY, port)  # stays open while the container goes on
    outside.close()


run(two_namespaces)
