"""A server that sets SO_REUSEADDR, as most do, is started twice.

SO_REUSEADDR on both sides excuses an owner in any state but one: a socket that listens shares with nobody.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run


def both_reuseaddr(port: int) -> None:
    with listener(IPV4_ANY, port, SO_REUSEADDR) as first:
        refused_bind(IPV4_ANY, port, SO_REUSEADDR, by=[owner(first, "LISTEN", "reuseaddr-but-listening")])
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(both_reuseaddr)
