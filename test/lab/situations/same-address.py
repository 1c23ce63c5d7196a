"""A server is started twice.

The first one listens. Neither socket has SO_REUSEADDR or SO_REUSEPORT, so the kernel lets nobody else bind an
overlapping address.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run


def same_address(port: int) -> None:
    with listener(IPV4_ANY, port) as first:
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")])
    bound(IPV4_ANY, port).close()


run(same_address)
